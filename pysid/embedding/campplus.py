"""CAM++: a residual head over the time-frequency plane, then densely connected time-delay layers with masks.

Each time-delay layer multiplies its output by a mask computed from the mean of the whole utterance and that of the
second or two around the frame.

Source: H. Wang, S. Zheng, Y. Chen, L. Cheng and Q. Chen, "CAM++: a fast and efficient network for speaker verification
using context-aware masking", Interspeech 2023, as 3D-Speaker has it (speakerlab/models/campplus).
"""

import re
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pysid.embedding.frame_input import FrameInput, WaveScale
from pysid.embedding.pooling import StatisticsPooling
from pysid.embedding.speaker_network import SpeakerNetwork

MASK_FRAMES = 100  # that a mask sees the mean of, beside that of the utterance


@dataclass(frozen=True, kw_only=True)
class CamPlusPlusConfig(FrameInput):
    """Configuration of `CamPlusPlus`.

    Attributes:
        head_channels: of the residual head.
        channels: of the first time-delay layer.
        growth: channels that each later one adds.
        bottleneck: channels within a layer.
        layers: of each dense block.
        dilations: of the convolutions in each block.
        embedding_dim: width of the embedding.
        variance_offset: of statistics pooling; WeSpeaker has one.
    """

    kind: Literal["campplus"] = "campplus"
    wave_scale: WaveScale = "unit"
    head_channels: int = 32
    channels: int = 128
    growth: int = 32
    bottleneck: int = 128
    layers: tuple[int, ...] = (12, 24, 16)
    dilations: tuple[int, ...] = (1, 2, 2)
    embedding_dim: int = 192
    variance_offset: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.layers) != len(self.dilations):
            raise ValueError(
                f"layers and dilations must name the same blocks, got {len(self.layers)} and {len(self.dilations)}"
            )
        sizes = (self.head_channels, self.channels, self.growth, *self.layers, *self.dilations, self.embedding_dim)
        if min(*sizes, self.bottleneck // 2) < 1:
            raise ValueError(f"channels, layers and widths must be positive, bottleneck 2 or more, got {self}")

    @property
    def classifier_dim(self) -> int:
        """Width of what the training head sees."""
        return self.embedding_dim


class CamPlusPlus(SpeakerNetwork):
    """Embeddings of utterances of any length; shapes as of `SpeakerNetwork`, T' = ceil(T / 2)."""

    config: CamPlusPlusConfig

    def __init__(self, config: CamPlusPlusConfig | None = None) -> None:
        super().__init__()
        self.config = c = config or CamPlusPlusConfig()
        self.head = _Head(c.head_channels)
        bands = c.n_bands
        for _ in range(3):
            bands = -(-bands // 2)
        self.tdnn = _ConvNorm(c.head_channels * bands, c.channels, 5, stride=2)
        blocks, transits = [], []
        n = c.channels
        for n_layers, dilation in zip(c.layers, c.dilations, strict=True):
            layers = [_DenseLayer(n + i * c.growth, c.growth, c.bottleneck, dilation) for i in range(n_layers)]
            blocks.append(nn.ModuleList(layers))
            n += n_layers * c.growth
            transits.append(_NormConv(n, n // 2))
            n //= 2
        self.blocks, self.transits = nn.ModuleList(blocks), nn.ModuleList(transits)
        self.out_norm = nn.BatchNorm1d(n)
        self.pooling = StatisticsPooling(n, unbiased=True, variance_offset=c.variance_offset)
        self.dense = nn.Linear(self.pooling.out_dim, c.embedding_dim, bias=False)
        self.norm = nn.BatchNorm1d(c.embedding_dim, affine=False)
        for module in self.modules():
            if isinstance(module, nn.Conv1d | nn.Linear):
                nn.init.kaiming_normal_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def frames(self, x: Tensor) -> Tensor:
        """What is pooled: (B, T, feature_dim) -> (B, T', channels), T' = ceil(T / 2)."""
        x = self.head(x.transpose(1, 2)[:, None]).flatten(1, 2)
        x = self.tdnn(x)
        for layers, transit in zip(self.blocks, self.transits, strict=True):
            for layer in layers:  # type: ignore[attr-defined]
                x = torch.cat([x, layer(x)], 1)
            x = transit(x)
        return F.relu(self.out_norm(x)).transpose(1, 2)

    def segment_level(self, frames: Tensor, n_frames: Tensor | None = None, weights: Tensor | None = None) -> Tensor:
        """Embeddings (B, embedding_dim) of frames (B, T', channels); arguments as of `StatisticsPooling.forward`."""
        embedding: Tensor = self.norm(self.dense(self.pooling(frames, n_frames, weights)))
        return embedding


class _Head(nn.Module):
    """The residual head: keeps the frames, and an eighth of the bands: (B, 1, F, T) -> (B, C, ceil(F / 8), T)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _ConvNorm2d(1, channels, 3, 1)
        self.blocks = nn.ModuleList(_Residual(channels, stride) for stride in (2, 1, 2, 1))
        self.last = _ConvNorm2d(channels, channels, 3, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.first(x))
        for block in self.blocks:
            x = block(x)
        return F.relu(self.last(x))


class _Residual(nn.Module):
    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self.first = _ConvNorm2d(channels, channels, 3, stride)
        self.second = _ConvNorm2d(channels, channels, 3, 1)
        self.shortcut = nn.Identity() if stride == 1 else _ConvNorm2d(channels, channels, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.second(F.relu(self.first(x))) + self.shortcut(x))


class _ConvNorm2d(nn.Module):
    """A convolution with a stride over bands only, and batch norm."""

    def __init__(self, n_in: int, n_out: int, size: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(n_in, n_out, size, (stride, 1), size // 2, bias=False)
        self.norm = nn.BatchNorm2d(n_out)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.norm(self.conv(x))
        return out


class _ConvNorm(nn.Module):
    """A convolution over time, batch norm and ReLU."""

    def __init__(self, n_in: int, n_out: int, size: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(n_in, n_out, size, stride, size // 2, bias=False)
        self.norm = nn.BatchNorm1d(n_out)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.conv(x)))


class _NormConv(nn.Module):
    """Batch norm, ReLU and a convolution of one frame."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(n_in)
        self.conv = nn.Conv1d(n_in, n_out, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv(F.relu(self.norm(x)))
        return out


class _DenseLayer(nn.Module):
    """One time-delay layer with its mask, equations 1 to 5 of the paper: (B, n_in, T) -> (B, n_out, T)."""

    def __init__(self, n_in: int, n_out: int, bottleneck: int, dilation: int) -> None:
        super().__init__()
        self.narrow = _NormConv(n_in, bottleneck)
        self.norm = nn.BatchNorm1d(bottleneck)
        self.conv = nn.Conv1d(bottleneck, n_out, 3, padding=dilation, dilation=dilation, bias=False)
        self.context = nn.Conv1d(bottleneck, bottleneck // 2, 1)
        self.mask = nn.Conv1d(bottleneck // 2, n_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.norm(self.narrow(x)))
        means = F.avg_pool1d(x, MASK_FRAMES, MASK_FRAMES, ceil_mode=True)
        seen = x.mean(-1, keepdim=True) + means  # (B, bottleneck, pieces)
        mask = self.mask(F.relu(self.context(seen))).sigmoid().repeat_interleave(MASK_FRAMES, 2)[..., : x.shape[2]]
        out: Tensor = self.conv(x) * mask
        return out


def published_names(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights of 3D-Speaker's and WeSpeaker's checkpoints under the names that `CamPlusPlus` has for them."""
    return {_renamed(name): x[..., 0] if name == "xvector.dense.linear.weight" else x for name, x in weights.items()}


_RENAMED = {
    "head.conv1.": "head.first.conv.",
    "head.bn1.": "head.first.norm.",
    "head.conv2.": "head.last.conv.",
    "head.bn2.": "head.last.norm.",
    "xvector.tdnn.linear.": "tdnn.conv.",
    "xvector.tdnn.nonlinear.batchnorm.": "tdnn.norm.",
    "xvector.out_nonlinear.batchnorm.": "out_norm.",
    "xvector.dense.linear.": "dense.",
    "xvector.dense.nonlinear.batchnorm.": "norm.",
}
_RENAMED_INNER = {
    "conv1": "first.conv",
    "bn1": "first.norm",
    "conv2": "second.conv",
    "bn2": "second.norm",
    "shortcut.0": "shortcut.conv",
    "shortcut.1": "shortcut.norm",
    "nonlinear.batchnorm": "norm",
    "linear": "conv",
    "nonlinear1.batchnorm": "narrow.norm",
    "linear1": "narrow.conv",
    "nonlinear2.batchnorm": "norm",
    "cam_layer.linear_local": "conv",
    "cam_layer.linear1": "context",
    "cam_layer.linear2": "mask",
}
_NUMBERED = re.compile(
    r"head\.layer(?P<stage>\d)\.(?P<residual>\d)\.(?P<a>.+)\.(?P<a_end>\w+)"
    r"|xvector\.transit(?P<transit>\d)\.(?P<b>.+)\.(?P<b_end>\w+)"
    r"|xvector\.block(?P<block>\d)\.tdnnd(?P<layer>\d+)\.(?P<c>.+)\.(?P<c_end>\w+)"
)


def _renamed(name: str) -> str:
    """
    >>> _renamed("xvector.block2.tdnnd13.cam_layer.linear1.weight")
    'blocks.1.12.context.weight'
    """
    for theirs, ours in _RENAMED.items():
        if name.startswith(theirs):
            return ours + name.removeprefix(theirs)
    found = _NUMBERED.fullmatch(name)
    if found is None:
        return name
    if found["stage"]:
        place = f"head.blocks.{2 * (int(found['stage']) - 1) + int(found['residual'])}"
    elif found["transit"]:
        place = f"transits.{int(found['transit']) - 1}"
    else:
        place = f"blocks.{int(found['block']) - 1}.{int(found['layer']) - 1}"
    inner, end = found["a"] or found["b"] or found["c"], found["a_end"] or found["b_end"] or found["c_end"]
    return f"{place}.{_RENAMED_INNER.get(inner, inner)}.{end}"
