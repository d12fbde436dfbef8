"""An x-vector network for inference on a CPU: the same numbers to 1e-6, near the machine's matrix-product rate.

Batch norms are folded into the affine maps after them (`fold`). Utterances go through one by one, so nothing is
padded, in blocks of frames whose memory is reused (`frame_stream`). What the last layer gives is pooled piece by piece
while it is in the cache, and never stored whole (`moments`).
"""

import threading
from bisect import bisect_left
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from pysid.embedding.fused.fold import fold_input, fold_layer
from pysid.embedding.fused.frame_stream import FrameLayer, FrameStream
from pysid.embedding.fused.moments import PIECE_FRAMES, KaldiMoments, Moments, statistics, unbiased, weighted_moments
from pysid.embedding.pooling import AttentionPooling, StatisticsPooling
from pysid.embedding.tdnn import TdnnLayer
from pysid.embedding.xvector import XVector


class FusedXVector:
    """What an `XVector` computes in eval mode. Several threads can use it at once.

    Args:
        dtype: of weights and activations in the frame layers: float32, or bfloat16, which is several times as fast on
            processors with matrix units for it, and rounds to 3 digits. What follows is in float32.
    """

    def __init__(self, network: XVector, dtype: torch.dtype = torch.float32) -> None:
        self.config = c = network.config
        self.pooling = network.pooling
        self.dtype = dtype
        self.has_moments = isinstance(self.pooling, StatisticsPooling)  # needs nothing more of the frames
        self.rounds_as_kaldi = self.has_moments and c.kaldi_rounding and dtype == torch.float32
        self.layers: list[FrameLayer] = []
        scale, shift = torch.ones(c.feature_dim), torch.zeros(c.feature_dim)
        for layer in _layers(network.frame_layers):
            weight, bias, scale, shift = fold_layer(layer, scale, shift)
            self.layers.append(FrameLayer(weight, bias, layer.offsets, layer.padding, dtype))
        self.scale, self.shift = scale, shift  # from the last layer's ReLU to the frames that are pooled
        self.segment: list[tuple[Tensor, Tensor]] = []
        scale, shift = torch.ones(self.pooling.out_dim), torch.zeros(self.pooling.out_dim)
        *inner, last = _layers(network.segment_layers[: c.embedding_layer + 1])
        for layer in inner:
            weight, bias, scale, shift = fold_layer(layer, scale, shift)
            self.segment.append((weight, bias))
        self.segment.append(fold_input(last, scale, shift))
        self._own = threading.local()  # the stream of each thread

    @torch.inference_mode()
    def embed(self, utterances: Sequence[Tensor]) -> Tensor:
        """(N, E) embeddings of N utterances' features, (T_i, feature_dim) each."""
        return self._segment_level([self._pool(x) for x in utterances])

    @torch.inference_mode()
    def embed_windows(self, features: Tensor, bounds: Sequence[tuple[int, int]]) -> Tensor:
        """(N, E) embeddings of the windows [first, end) of one utterance's features, which may overlap.

        The frame layers see each frame once, so they must not pad.
        """
        own = [(first, end - self.config.context) for first, end in bounds]
        if not self.has_moments or self.rounds_as_kaldi:
            frames = self.frames(features)
            return self._segment_level([self._pool_frames(frames[first:end]) for first, end in own])
        # What lies between two edges of windows is computed once, however many windows it is in.
        edges = sorted({edge for window in own for edge in window})
        moments, starts, n_before = Moments(), [], 0
        for rows in self._blocks(features):
            n_after = n_before + len(rows) - 1
            inner = [edge for edge in edges if n_before < edge < n_after]
            for first, end in zip([n_before, *inner], [*inner, n_after], strict=True):
                moments.add(self._activated(rows[first - n_before : end - n_before + 1]))
                starts.append(first)
            n_before = n_after
        spans = [(bisect_left(starts, first), bisect_left(starts, end)) for first, end in own]
        return self._segment_level([self._statistics(moments, *span) for span in spans])

    @torch.inference_mode()
    def frames(self, features: Tensor) -> Tensor:
        """(T - context, D) of one utterance's features (T, feature_dim): what is pooled."""
        blocks = (self._activated(rows)[1:] for rows in self._blocks(features))
        if self.rounds_as_kaldi:
            return torch.cat([rows.clone() for rows in blocks])
        return torch.cat([torch.addcmul(self.shift, rows, self.scale) for rows in blocks])

    def _pool(self, features: Tensor) -> Tensor:
        """(T, feature_dim) -> (P,)."""
        if not self.has_moments:
            return self._pool_frames(self.frames(features))
        moments = KaldiMoments() if self.rounds_as_kaldi else Moments()
        for rows in self._blocks(features):
            for start in range(0, len(rows) - 1, PIECE_FRAMES):
                moments.add(self._activated(rows[start : start + PIECE_FRAMES + 1]))
        return self._statistics(moments)

    def _pool_frames(self, frames: Tensor) -> Tensor:
        """(T, D), all frames of an utterance -> (P,)."""
        if not isinstance(self.pooling, AttentionPooling):
            return self.pooling(frames[None])[0]
        attention = self.pooling.attention(frames[None])[0]
        return statistics(*weighted_moments(frames, attention)).flatten()

    def _blocks(self, features: Tensor) -> Iterator[Tensor]:
        """(1 + n, D) at a time: a spare row, and what the last layer gives before its ReLU."""
        if features.ndim != 2 or features.shape[1] != self.config.feature_dim:
            raise ValueError(f"features must be (frames, {self.config.feature_dim}), got {tuple(features.shape)}")
        if len(features) <= self.config.context:
            raise ValueError(f"an utterance needs more than {self.config.context} frames, got {len(features)}")
        if not hasattr(self._own, "stream"):
            self._own.stream = FrameStream(self.layers, self.dtype)
        yield from self._own.stream.blocks(features)

    def _activated(self, rows: Tensor) -> Tensor:
        """Rows (1 + n, D) of `_blocks` in single precision, with the ReLU applied in place."""
        rows = rows.float()
        own = rows[1:].relu_()
        if self.rounds_as_kaldi:
            torch.addcmul(self.shift, own, self.scale, out=own)
        return rows

    def _statistics(self, moments: Moments | KaldiMoments, *pieces: int) -> Tensor:
        """(2 D,) [mean | standard deviation] of the pieces [first, end) of the frames."""
        mean, variance, size = moments.result(*pieces)
        if isinstance(moments, Moments):
            mean, variance = mean * self.scale + self.shift, variance * self.scale.square()
        return statistics(mean, unbiased(variance, size) if self.config.unbiased_std else variance)

    def _segment_level(self, pooled: list[Tensor]) -> Tensor:
        """The segment layers: N times (P,) -> (N, E)."""
        x = torch.stack(pooled) if pooled else torch.zeros(0, self.pooling.out_dim)
        for weight, bias in self.segment[:-1]:
            x = functional.linear(x, weight, bias).relu_()
        return functional.linear(x, *self.segment[-1])


def _layers(modules: nn.ModuleList) -> list[TdnnLayer]:
    return [layer for layer in modules if isinstance(layer, TdnnLayer)]
