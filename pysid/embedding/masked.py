"""Embeddings of parts of a recording that masks pick out: the frame layers see each frame once.

Each part is pooled from the same outputs of the frame layers, weighted by how much of each lies in the part. Networks
whose frame layers cannot be called by themselves (an ONNX graph) get the frames of a part joined together instead.
"""

from collections.abc import Callable
from itertools import chain

import numpy as np
import torch
from torch import Tensor, nn

from pysid.embedding.extract import ExtractConfig, extract
from pysid.embedding.fused.forms import fused_form
from pysid.embedding.fused.resnet import ByLength
from pysid.embedding.resnet import ResNet
from pysid.embedding.speaker_network import SpeakerNetwork
from pysid.embedding.xvector import XVector

ReadFrames = Callable[[int, int], Tensor]
MARGIN = 96  # frames on either side of a chunk that are heard, but not kept; a multiple of the usual strides
ALIGNED = 16  # chunks start at multiples of this


class MaskedEmbedder:
    """Embeds parts of one recording; cheapest where they ascend.

    Args:
        network: in eval mode; used on the device of its parameters.
        read: read(first, end) gives the network input (end - first, D) of these frames.
        n_frames: of the recording.
        chunk_frames: frames that go through the frame layers in one go, besides `MARGIN` on either side.
        config: how parts too short for the network are padded, and over-long ones cut, where frames are joined.
    """

    def __init__(
        self,
        network: nn.Module,
        read: ReadFrames,
        n_frames: int,
        chunk_frames: int,
        config: ExtractConfig | None = None,
    ) -> None:
        self.network = network
        self.read = read
        self.n_frames = n_frames
        self.config = config or ExtractConfig()
        self._chunk = max(1, round(chunk_frames / ALIGNED)) * ALIGNED
        self._device = next(chain(network.parameters(), network.buffers())).device
        fused = fused_form(network, self.config.dtype)
        inner = fused.network if isinstance(fused, ByLength) else network
        self._inner = inner if isinstance(inner, ResNet | SpeakerNetwork | XVector) else None
        self._chunks: dict[int, tuple[Tensor, int, int]] = {}

    @torch.inference_mode()
    def __call__(self, first: int, masks: np.ndarray) -> np.ndarray:
        """Embeddings of parts of the frames from `first` on.

        Args:
            masks: (P, T) within [0, 1]: how much of each frame belongs to each part; no part may be empty.
        Returns:
            (P, E) float32.
        """
        if self._inner is None:
            read = self.read(first, first + masks.shape[1]).cpu().numpy()
            parts = ((f"part {i}", read[mask >= min(0.5, mask.max())]) for i, mask in enumerate(masks))
            return np.stack([x for _, x in extract(self.network, parts, self.config)])
        end = first + masks.shape[1]
        kept, weights = [], []
        for start in range(first // self._chunk * self._chunk, end, self._chunk):
            outputs, offset, stride = self._frames(start)
            kept.append(outputs)
            weights.append(_pooled_masks(masks, first, offset, stride, len(outputs)))
        frames = torch.cat(kept)
        weighed = torch.from_numpy(np.concatenate(weights, 1)).to(self._device)
        used = (weighed > 0).any(0).nonzero()[:, 0]
        span = slice(int(used[0]), int(used[-1]) + 1) if len(used) else slice(0, 1)
        frames, weighed = frames[span], weighed[:, span]
        rows = frames[None].expand(len(weighed), -1, -1)
        return self._inner.segment_level(rows, weights=weighed).float().cpu().numpy()

    def _frames(self, start: int) -> tuple[Tensor, int, int]:
        """Outputs of the frame layers (T', D) for a chunk; the input frame at which the first begins; the stride."""
        if start not in self._chunks:
            for old in [key for key in self._chunks if abs(key - start) > 2 * self._chunk]:
                del self._chunks[old]
            self._chunks[start] = self._compute(start)
        return self._chunks[start]

    def _compute(self, start: int) -> tuple[Tensor, int, int]:
        assert self._inner is not None
        first, end = max(0, start - MARGIN), min(self.n_frames, start + self._chunk + MARGIN)
        x = self.read(first, end).to(self._device)
        lost = self._inner.config.context
        if len(x) <= lost:
            x = torch.cat([x, x[-1:].expand(lost + 1 - len(x), -1)])
        dtype = self.config.dtype
        with torch.autocast(self._device.type, dtype, enabled=dtype != torch.float32):
            outputs = self._inner.frame_level(x[None])[0][0]
        is_cut = isinstance(self._inner, XVector) or (isinstance(self._inner, SpeakerNetwork) and self._inner.is_cut)
        stride = 1 if is_cut else -(-len(x) // len(outputs))
        offset = first + lost // 2 if is_cut else first
        before = max(0, -((offset - start) // stride)) if offset < start else 0
        after = -(-(start + self._chunk - offset) // stride)
        return outputs[before:after], offset + before * stride, stride


def _pooled_masks(masks: np.ndarray, first: int, offset: int, stride: int, n: int) -> np.ndarray:
    """(P, n) float32: the mean of masks (P, T), from frame `first` on, over each `stride` frames from `offset` on."""
    sums = np.concatenate([np.zeros((len(masks), 1)), masks.cumsum(1, dtype=np.float64)], 1)
    edges = (offset + stride * np.arange(n + 1) - first).clip(0, masks.shape[1])
    return (np.diff(sums[:, edges], axis=1) / stride).astype(np.float32)
