"""The x-vector network as SpeechBrain and WeSpeaker have it: for frames minus their mean, with layers padded or not.

Source: D. Snyder, D. Garcia-Romero, G. Sell, D. Povey and S. Khudanpur, "X-vectors: robust DNN embeddings for speaker
recognition", ICASSP 2018; SpeechBrain, speechbrain/lobes/models/Xvector.py; WeSpeaker, wespeaker/models/tdnn.py.
"""

import re
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from pysid.embedding.frame_input import FrameInput
from pysid.embedding.pooling import StatisticsPooling
from pysid.embedding.speaker_network import SpeakerNetwork
from pysid.embedding.tdnn import TdnnLayer
from pysid.embedding.xvector import KALDI_FRAME_LAYERS, FrameLayerConfig

STD_OFFSET = 1e-5  # that SpeechBrain adds to a standard deviation


@dataclass(frozen=True, kw_only=True)
class TimeDelayConfig(FrameInput):
    """What `TimeDelay` is made from; the defaults are WeSpeaker's.

    Attributes:
        frame_layers: the time-delay layers before pooling, whose own `padding` must be 0.
        padding: of every layer at the ends: "none", or "reflect" (SpeechBrain).
        slope: of the ReLU below zero.
        norm_affine: whether the batch norms have a scale and an offset.
        variance_offset: added to the variance that is pooled.
        segment_dims: widths of the affine layers after pooling; the last of them is the embedding.
    """

    kind: Literal["tdnn"] = "tdnn"
    frame_layers: tuple[FrameLayerConfig, ...] = KALDI_FRAME_LAYERS
    padding: Literal["none", "reflect"] = "none"
    slope: float = 0.0
    norm_affine: bool = False
    variance_offset: float = 1e-7
    segment_dims: tuple[int, ...] = (512, 512)

    def __post_init__(self) -> None:
        super().__post_init__()
        widths = (*(layer.dim for layer in self.frame_layers), *self.segment_dims)
        if not self.frame_layers or not self.segment_dims or min(widths) < 1:
            raise ValueError(f"layers of positive widths before and after pooling are needed, got {self}")
        if any(layer.padding for layer in self.frame_layers):
            raise ValueError("frame_layers must have no padding of their own")
        if self.padding == "reflect" and any(x.offsets[0] != -x.offsets[-1] for x in self.frame_layers):
            raise ValueError("padding 'reflect' needs offsets that reach as far back as ahead")
        if not 0 <= self.slope < 1:
            raise ValueError(f"slope must lie in [0, 1), got {self.slope:g}")

    @property
    def embedding_dim(self) -> int:
        """Width of the embedding."""
        return self.segment_dims[-1]

    @property
    def classifier_dim(self) -> int:
        """Width of what the training head sees."""
        return self.embedding_dim

    @property
    def context(self) -> int:
        """The most frames that are too few: those that are lost at the edges, or as many as a layer reflects."""
        if self.padding == "none":
            return sum(x.offsets[-1] - x.offsets[0] for x in self.frame_layers)
        return max(max(x.offsets[-1], -x.offsets[0]) for x in self.frame_layers)


class TimeDelay(SpeakerNetwork):
    """Embeddings of utterances of any length; shapes as of `SpeakerNetwork`, T' = T, or fewer without padding."""

    config: TimeDelayConfig

    def __init__(self, config: TimeDelayConfig | None = None) -> None:
        super().__init__()
        self.config = c = config or TimeDelayConfig()
        self.is_cut = c.padding == "none"
        dims = [c.n_bands, *(layer.dim for layer in c.frame_layers)]
        self.frame_layers = nn.ModuleList(
            TdnnLayer(
                dim,
                x.dim,
                x.offsets,
                norm_affine=c.norm_affine,
                norm_eps=1e-5,
                padding=0 if self.is_cut else x.offsets[-1],
                padding_mode="reflect",
                slope=c.slope,
            )
            for dim, x in zip(dims, c.frame_layers, strict=False)
        )
        self.pooling = StatisticsPooling(dims[-1], unbiased=True, variance_offset=c.variance_offset)
        widths = [self.pooling.out_dim, *c.segment_dims]
        self.segment_layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(widths, c.segment_dims, strict=False))
        norms = (nn.BatchNorm1d(n, affine=c.norm_affine) for n in c.segment_dims[:-1])
        self.segment_norms = nn.ModuleList(norms)

    def frames(self, x: Tensor) -> Tensor:
        """What is pooled: (B, T, feature_dim) -> (B, T', D) of the last time-delay layer."""
        for layer in self.frame_layers:
            x = layer(x)
        return x

    def segment_level(self, frames: Tensor, n_frames: Tensor | None = None, weights: Tensor | None = None) -> Tensor:
        """Embeddings (B, embedding_dim) of frames (B, T', D); arguments as of `StatisticsPooling.forward`."""
        x = self.pooling(frames, n_frames, weights)
        for affine, norm in zip(self.segment_layers, self.segment_norms, strict=False):
            x = norm(torch.relu(affine(x)))
        embedding: Tensor = self.segment_layers[-1](x)
        return embedding


_WESPEAKER = [
    (r"frame_(\d+)\.conv_1d\.(\w+)", r"frame_layers.{}.affine.\2"),
    (r"frame_(\d+)\.bn\.(\w+)", r"frame_layers.{}.norm.\2"),
    (r"seg_(\d+)\.(\w+)", r"segment_layers.{}.\2"),
    (r"seg_bn_(\d+)\.(\w+)", r"segment_norms.{}.\2"),
]


def names_of_wespeaker(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights with WeSpeaker's names, which count from 1, under ours; others keep theirs."""
    found = {}
    for name, x in weights.items():
        ours = name
        for pattern, place in _WESPEAKER:
            if match := re.fullmatch(pattern, name):
                ours = match.expand(place.format(int(match[1]) - 1))
        found[ours] = _time_major(x)
    return found


def names_of_speechbrain(weights: dict[str, Tensor], config: TimeDelayConfig) -> dict[str, Tensor]:
    """Weights with SpeechBrain's names under ours; others keep theirs.

    What it adds to the standard deviations goes into the bias of the affine layer after them.
    """
    n = len(config.frame_layers)
    places = {f"blocks.{3 * i}.conv.": f"frame_layers.{i}.affine." for i in range(n)}
    places |= {f"blocks.{3 * i + 2}.norm.": f"frame_layers.{i}.norm." for i in range(n)}
    places[f"blocks.{3 * n + 1}.w."] = "segment_layers.0."
    found = {}
    for name, x in weights.items():
        start, _, end = name.rpartition(".")
        found[places.get(f"{start}.", f"{start}.") + end] = _time_major(x)
    weight, bias = found.get("segment_layers.0.weight"), found.get("segment_layers.0.bias")
    if weight is not None and bias is not None and weight.ndim == 2 and bias.shape == weight.shape[:1]:
        found["segment_layers.0.bias"] = bias + STD_OFFSET * weight[:, weight.shape[1] // 2 :].sum(1)
    return found


def _time_major(x: Tensor) -> Tensor:
    """The weight (out, in, k) of a convolution over time as that of `TdnnLayer`'s affine part, (out, k * in)."""
    return x.permute(0, 2, 1).flatten(1) if x.ndim == 3 else x
