"""A residual network over the time-frequency plane: convolutions that share weights between neighbouring mel bands.

Source: He et al., "Deep residual learning for image recognition", CVPR 2016; for speakers, in this form with
statistics pooling: Zeinali et al., "BUT system description to VoxCeleb speaker recognition challenge 2019", 2019, and
WeSpeaker (wespeaker/models/resnet.py), whose networks `wespeaker_resnet` describes.
"""

from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pysid.embedding.pooling import (
    AttentionPooling,
    AttentiveStatisticsPooling,
    StatisticsPooling,
    frame_weights,
    wide,
)

MOST_BLOCKS = 1000  # of a stage
WIDENED = 4  # a bottleneck block puts out this many times the channels that it is named by


@dataclass(frozen=True)
class ResNetConfig:
    """Configuration of `ResNet`.

    Attributes:
        feature_dim: width of an input frame.
        skip_energy: leave out the first number of a frame, its log energy, which filter banks have for the VAD.
        subtract_mean: subtract the mean of the utterance's frames, or the window's, before they go in.
        channels: of each stage; the first stage has those of the stem.
        blocks: residual blocks of each stage.
        block: "basic", two convolutions, or "bottleneck", three with a narrow one in the middle.
        stem_stride: frames and bands by which the first convolution advances.
        strides: the same of the first block of each stage.
        squeeze: divisor of a basic block's channels, which gives the width of its `SqueezeExcitation`; 0 has none.
        pooling: "statistics" (mean and standard deviation), "attention" (the same for each of several heads), or
            "attentive" (the same under an attention that each dimension of a frame has of its own).
        n_heads, attention_dim: heads of attention pooling, and the width of the hidden layer of either.
        unbiased_std, variance_offset: of statistics pooling: see `StatisticsPooling`.
        norms: batch norms before and after the affine layer; without them that layer has a bias.
        embedding_dim: width of the one affine layer after pooling, whose output is the embedding.
    """

    kind: Literal["resnet"] = "resnet"
    feature_dim: int = 81
    skip_energy: bool = True
    channels: tuple[int, ...] = (32, 64, 128, 256)
    blocks: tuple[int, ...] = (2, 2, 2, 2)
    stem_stride: tuple[int, int] = (2, 2)
    strides: tuple[tuple[int, int], ...] = ((1, 1), (2, 2), (2, 2), (2, 2))
    squeeze: int = 0
    pooling: Literal["statistics", "attention", "attentive"] = "statistics"
    n_heads: int = 2
    attention_dim: int = 128
    embedding_dim: int = 256
    block: Literal["basic", "bottleneck"] = "basic"
    subtract_mean: bool = False
    unbiased_std: bool = False
    variance_offset: float = 0.0
    norms: bool = True

    def __post_init__(self) -> None:
        if not len(self.channels) == len(self.blocks) == len(self.strides) > 0:
            raise ValueError(
                "channels, blocks and strides must name the same stages, at least one, got "
                f"{len(self.channels)}, {len(self.blocks)} and {len(self.strides)}"
            )
        sizes = (*self.channels, *self.blocks, *self.stem_stride, *sum(self.strides, ()), self.embedding_dim)
        if min(sizes) < 1 or self.n_bands < 1:
            raise ValueError(f"channels, blocks, strides and widths must be positive, got {self}")
        if max(self.blocks) > MOST_BLOCKS:
            raise ValueError(f"a stage must have at most {MOST_BLOCKS} blocks, got {max(self.blocks)}")
        if self.squeeze and (self.block != "basic" or not 0 < self.squeeze <= min(self.channels)):
            raise ValueError(f"squeeze must lie in [0, {min(self.channels)}], and be 0 for bottlenecks, got {self}")

    @property
    def n_bands(self) -> int:
        """Mel bands of a frame."""
        return self.feature_dim - self.skip_energy

    @property
    def classifier_dim(self) -> int:
        """Width of what the training head sees."""
        return self.embedding_dim

    @property
    def context(self) -> int:
        """Frames that are lost at the edges: none, as they are padded with zeros."""
        return 0


class ResNet(nn.Module):
    """Embeddings of utterances of any length.

    Shape: features (B, T, feature_dim), n_frames (B,) or None when all T frames count -> (B, embedding_dim).
    """

    def __init__(self, config: ResNetConfig | None = None) -> None:
        super().__init__()
        self.config = c = config or ResNetConfig()
        self.stem = ConvNorm(1, c.channels[0], 3, c.stem_stride)
        layers: list[nn.Module] = []
        make = partial(ResidualBlock, squeeze=c.squeeze) if c.block == "basic" else BottleneckBlock
        widened = 1 if c.block == "basic" else WIDENED
        n_in, bands = c.channels[0], _strided(c.n_bands, c.stem_stride[1])
        for n_out, n_blocks, stride in zip(c.channels, c.blocks, c.strides, strict=True):
            for i in range(n_blocks):
                layers.append(make(n_in, n_out, stride if i == 0 else (1, 1)))
                n_in = n_out * widened
            bands = _strided(bands, stride[1])
        self.blocks = nn.ModuleList(layers)
        self.pooling: StatisticsPooling | AttentionPooling | AttentiveStatisticsPooling
        if c.pooling == "attention":
            self.pooling = AttentionPooling(bands * n_in, c.n_heads, c.attention_dim)
        elif c.pooling == "attentive":
            self.pooling = AttentiveStatisticsPooling(
                bands * n_in, c.attention_dim, global_context=False, hidden_norm=False
            )
            # At first all frames count alike.
            nn.init.zeros_(self.pooling.scores.weight)
            nn.init.zeros_(self.pooling.scores.bias)
        else:
            self.pooling = StatisticsPooling(bands * n_in, c.unbiased_std, variance_offset=c.variance_offset)
        # Centred embeddings: otherwise all share a direction at first, and heads on cosines learn slowly.
        self.pooled_norm = nn.BatchNorm1d(self.pooling.out_dim) if c.norms else nn.Identity()
        self.affine = nn.Linear(self.pooling.out_dim, c.embedding_dim, bias=not c.norms)
        self.norm = nn.BatchNorm1d(c.embedding_dim) if c.norms else nn.Identity()
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, features: Tensor, n_frames: Tensor | None = None) -> Tensor:
        """Embeddings (B, embedding_dim) of features (B, T, feature_dim), whatever follows each utterance's own
        frames.
        """
        return self.segment_level(*self.frame_level(features, n_frames))

    def classifier_input(self, features: Tensor) -> tuple[Tensor, Tensor | None]:
        """What the training head sees, (B, embedding_dim), and the attention (B, H, T) where there is one."""
        x, _ = self.frame_level(features)
        if not isinstance(self.pooling, AttentionPooling):
            return self._embed(self.pooling(x)), None
        attention = self.pooling.attention(x)
        return self._embed(self.pooling.pool(x, attention)), attention

    def frame_level(self, features: Tensor, n_frames: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """(B, T, feature_dim) -> (B, T', D) before pooling, and the frames of each that count."""
        if features.ndim != 3 or features.shape[2] != self.config.feature_dim:
            raise ValueError(
                f"features must be (batch, frames, {self.config.feature_dim}), got {tuple(features.shape)}"
            )
        if features.shape[1] < 1 or (n_frames is not None and int(n_frames.min()) < 1):
            raise ValueError("an utterance needs at least one frame")
        x = features[..., int(self.config.skip_energy) :]
        if self.config.subtract_mean:
            x = x - _mean(x, n_frames)
        x = x[:, None].contiguous(memory_format=torch.channels_last)
        x, n_frames = F.relu(self.stem(_zero_past_end(x, n_frames))), _frames_after(n_frames, self.stem.stride)
        x = _zero_past_end(x, n_frames)
        for block in self.blocks:
            x, n_frames = block(x, n_frames)
        return x.permute(0, 2, 3, 1).flatten(2), n_frames

    def segment_level(self, frames: Tensor, n_frames: Tensor | None = None, weights: Tensor | None = None) -> Tensor:
        """What `frame_level` gives, (B, T', D) -> (B, embedding_dim); arguments as of `SpeakerNetwork`."""
        return self._embed(self.pooling(frames, n_frames, weights))

    def _embed(self, pooled: Tensor) -> Tensor:
        embedding: Tensor = self.norm(self.affine(self.pooled_norm(pooled)))
        return embedding


class ResidualBlock(nn.Module):
    """Two convolutions beside a shortcut, which is a convolution of one point where shapes differ.

    Args:
        squeeze: divisor of `n_out` for a `SqueezeExcitation` after the second; 0 for none.

    Shape: x (B, n_in, T, F), n_frames (B,) or None -> x (B, n_out, T', F'), zero past each utterance's own frames; and
        its frames.
    """

    def __init__(self, n_in: int, n_out: int, stride: tuple[int, int], squeeze: int = 0) -> None:
        super().__init__()
        self.first = ConvNorm(n_in, n_out, 3, stride)
        self.second = ConvNorm(n_out, n_out, 3)
        self.excitation = SqueezeExcitation(n_out, n_out // squeeze) if squeeze else None
        same = n_in == n_out and stride == (1, 1)
        self.shortcut = nn.Identity() if same else ConvNorm(n_in, n_out, 1, stride)

    def forward(self, x: Tensor, n_frames: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Channels and their own frames after the block; see the class for shapes."""
        n_frames = _frames_after(n_frames, self.first.stride)
        inner = _zero_past_end(F.relu(self.first(x), inplace=True), n_frames)
        inner = self.second(inner)
        if self.excitation is not None:
            inner = self.excitation(inner, n_frames)
        return _zero_past_end(F.relu(inner + self.shortcut(x), inplace=True), n_frames), n_frames


class SqueezeExcitation(nn.Module):
    """Weighs channels by what all of the utterance holds: 2 sigmoid(W2 relu(W1 mean + b1) + b2).

    Hu, Shen and Sun, "Squeeze-and-excitation networks", CVPR 2018, equations 2 to 4; twice their weights, and W2 and b2
    begin at zero, so that an untrained one changes nothing.

    Shape: x (B, C, T, F), n_frames (B,) or None -> the same.
    """

    def __init__(self, n_channels: int, hidden_dim: int) -> None:
        super().__init__()
        self.squeeze = nn.Linear(n_channels, hidden_dim)
        self.excite = nn.Linear(hidden_dim, n_channels)
        nn.init.zeros_(self.excite.weight)
        nn.init.zeros_(self.excite.bias)

    def forward(self, x: Tensor, n_frames: Tensor | None) -> Tensor:
        """x with weighed channels; only an utterance's own frames count for the weights."""
        if n_frames is None:
            mean = x.mean((2, 3))
        else:
            mean = (wide(x).mean(3) @ frame_weights(x.transpose(1, 2), n_frames)[..., None])[..., 0]
        weights = 2 * torch.sigmoid(self.excite(torch.relu(self.squeeze(mean))))
        return x * weights.to(x.dtype)[..., None, None]


class BottleneckBlock(nn.Module):
    """Three convolutions, the outer ones of one point, beside a shortcut; shapes as of `ResidualBlock`.

    Args:
        n_out: channels in the middle; four times as many come out.
    """

    def __init__(self, n_in: int, n_out: int, stride: tuple[int, int]) -> None:
        super().__init__()
        self.first = ConvNorm(n_in, n_out, 1)
        self.second = ConvNorm(n_out, n_out, 3, stride)
        self.third = ConvNorm(n_out, WIDENED * n_out, 1)
        same = n_in == WIDENED * n_out and stride == (1, 1)
        self.shortcut = nn.Identity() if same else ConvNorm(n_in, WIDENED * n_out, 1, stride)

    def forward(self, x: Tensor, n_frames: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Channels and their own frames after the block; shapes as of `ResidualBlock`."""
        inner = _zero_past_end(F.relu(self.first(x), inplace=True), n_frames)
        n_frames = _frames_after(n_frames, self.second.stride)
        inner = self.third(F.relu(self.second(inner), inplace=True))
        return _zero_past_end(F.relu(inner + self.shortcut(x), inplace=True), n_frames), n_frames


class ConvNorm(nn.Module):
    """A convolution that keeps the size but for its stride, and batch norm: (B, n_in, T, F) -> (B, n_out, T', F')."""

    def __init__(self, n_in: int, n_out: int, size: int, stride: tuple[int, int] = (1, 1)) -> None:
        super().__init__()
        self.stride = stride
        self.conv = nn.Conv2d(n_in, n_out, size, stride, size // 2, bias=False)
        self.norm = nn.BatchNorm2d(n_out)
        nn.init.kaiming_normal_(self.conv.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """The normalised convolution; see the class for shapes."""
        out: Tensor = self.norm(self.conv(x))
        return out


def _mean(x: Tensor, n_frames: Tensor | None) -> Tensor:
    """(B, 1, D) mean of the frames of x (B, T, D) that count."""
    return x.mean(1, keepdim=True) if n_frames is None else frame_weights(x, n_frames)[:, None] @ x


def wespeaker_resnet(
    depth: Literal[18, 34, 50, 101, 152, 221, 293],
    feature_dim: int = 81,
    embedding_dim: int = 256,
    channels: int = 32,
) -> ResNetConfig:
    """The residual networks of WeSpeaker by their number of layers; all but 18 and 34 have bottlenecks.

    Args:
        depth: number of layers.
        feature_dim: mel bands, with energy in front.
        embedding_dim: width of the result.
        channels: of the first stage; each of the next three has twice as many.

    >>> wespeaker_resnet(34).blocks
    (3, 4, 6, 3)
    """
    return ResNetConfig(
        feature_dim=feature_dim,
        channels=(channels, 2 * channels, 4 * channels, 8 * channels),
        blocks=WESPEAKER_BLOCKS[depth],
        block="basic" if depth < 50 else "bottleneck",
        stem_stride=(1, 1),
        subtract_mean=True,
        unbiased_std=True,
        variance_offset=1e-7,
        norms=False,
        embedding_dim=embedding_dim,
    )


WESPEAKER_BLOCKS = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
    221: (6, 16, 48, 3),
    293: (10, 20, 64, 3),
}


def _strided(size: int, stride: int) -> int:
    """Points left of `size` after convolutions of odd width, padded by half of it."""
    return -(-size // stride)


def _frames_after(n_frames: Tensor | None, stride: tuple[int, int]) -> Tensor | None:
    return None if n_frames is None else -(-n_frames // stride[0])


def _zero_past_end(x: Tensor, n_frames: Tensor | None) -> Tensor:
    """x (B, C, T, F) with zeros past each utterance's own frames, as a convolution pads it at its end."""
    if n_frames is None:
        return x
    inside = torch.arange(x.shape[2], device=x.device) < n_frames[:, None]
    return x * inside[:, None, :, None]
