"""ERes2Net: residual blocks of several scales, fused by attention within a block, and from one stage to the next.

Source: Y. Chen, S. Zheng, H. Wang, L. Cheng, Q. Chen and J. Qi, "An enhanced Res2Net with local and global feature
fusion for speaker verification", Interspeech 2023, as 3D-Speaker has it (speakerlab/models/eres2net/ERes2Net.py).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pysid.embedding.frame_input import FrameInput, WaveScale
from pysid.embedding.pooling import StatisticsPooling
from pysid.embedding.resnet import ConvNorm
from pysid.embedding.speaker_network import SpeakerNetwork

WIDENED = 2  # a block puts out this many times the channels that it is named by
CEILING = 20.0  # of the rectifier within blocks
SQUEEZED = 4  # divisor of the fused channels: the width of the attention's hidden layer


@dataclass(frozen=True, kw_only=True)
class ERes2NetConfig(FrameInput):
    """Options of `ERes2Net`.

    Attributes:
        channels: of the first stage; each later one has twice as many. 32 in the paper, 64 in its large network.
        blocks: of each of the four stages; fusion is within those of the last two.
        scale: groups of channels in a block; each is added to, or fused with, the output of the one before.
        variance_offset: of statistics pooling.
        embedding_dim: width of the embedding.
    """

    kind: Literal["eres2net"] = "eres2net"
    wave_scale: WaveScale = "unit"
    channels: int = 32
    blocks: tuple[int, int, int, int] = (3, 4, 6, 3)
    scale: int = 2
    variance_offset: float = 1e-8
    embedding_dim: int = 192

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(*self.blocks, self.embedding_dim, self.scale) < 1 or self.channels < 2 or self.n_bands < 8:
            raise ValueError(f"blocks, scale and widths must be positive, 8 bands or more, got {self}")

    @property
    def classifier_dim(self) -> int:
        """Width of what the training head sees."""
        return self.embedding_dim


class ERes2Net(SpeakerNetwork):
    """Embeddings of utterances of any length; shapes as of `SpeakerNetwork`, T' = ceil(T / 8)."""

    config: ERes2NetConfig

    def __init__(self, config: ERes2NetConfig | None = None) -> None:
        super().__init__()
        self.config = c = config or ERes2NetConfig()
        self.stem = ConvNorm(1, c.channels, 3)
        stages, n, bands = [], c.channels, c.n_bands
        for i, n_blocks in enumerate(c.blocks):
            width, stride = c.channels * 2**i, 1 if i == 0 else 2
            inputs = [n] + [WIDENED * width] * (n_blocks - 1)
            strides = [stride] + [1] * (n_blocks - 1)
            made = zip(inputs, strides, strict=True)
            stages.append(nn.ModuleList(_Block(a, width, s, c.scale, fused=i >= 2) for a, s in made))
            n, bands = WIDENED * width, -(-bands // stride)
        self.stages = nn.ModuleList(stages)
        widths = [WIDENED * c.channels * 2**i for i in range(3)]
        self.downsample = nn.ModuleList(nn.Conv2d(x, 2 * x, 3, 2, 1, bias=False) for x in widths)
        self.fusions = nn.ModuleList(_Fusion(2 * x) for x in widths)
        self.pooling = StatisticsPooling(bands * n, unbiased=True, variance_offset=c.variance_offset)
        self.dense = nn.Linear(self.pooling.out_dim, c.embedding_dim)

    def frames(self, x: Tensor) -> Tensor:
        """What is pooled: (B, T, feature_dim) -> (B, T', channels times bands), T' = ceil(T / 8)."""
        x = F.relu(self.stem(x.transpose(1, 2)[:, None]))
        fused = None
        for i, blocks in enumerate(self.stages):
            for block in blocks:  # type: ignore[attr-defined]
                x = block(x)
            fused = x if fused is None else self.fusions[i - 1](x, self.downsample[i - 1](fused))
        assert fused is not None
        return fused.flatten(1, 2).transpose(1, 2)

    def segment_level(self, frames: Tensor, n_frames: Tensor | None = None, weights: Tensor | None = None) -> Tensor:
        """Embeddings (B, embedding_dim) of frames (B, T', C); arguments as of `StatisticsPooling.forward`."""
        embedding: Tensor = self.dense(self.pooling(frames, n_frames, weights))
        return embedding


class _Block(nn.Module):
    """(B, n_in, F, T) -> (B, 2 n_out, ceil(F / stride), ceil(T / stride)), figure 2 of the paper."""

    def __init__(self, n_in: int, n_out: int, stride: int, scale: int, fused: bool) -> None:
        super().__init__()
        self.width = width = n_out // 2
        self.first = ConvNorm(n_in, width * scale, 1, (stride, stride))
        self.scales = nn.ModuleList(ConvNorm(width, width, 3) for _ in range(scale))
        self.fusions = nn.ModuleList(_Fusion(width) for _ in range(scale - 1)) if fused else None
        self.last = ConvNorm(width * scale, WIDENED * n_out, 1)
        same = n_in == WIDENED * n_out and stride == 1
        self.shortcut = nn.Identity() if same else ConvNorm(n_in, WIDENED * n_out, 1, (stride, stride))

    def forward(self, x: Tensor) -> Tensor:
        groups = _rectified(self.first(x)).split(self.width, dim=1)
        outputs: list[Tensor] = []
        for i, (group, layer) in enumerate(zip(groups, self.scales, strict=True)):
            x_in = group
            if outputs:
                x_in = outputs[-1] + group if self.fusions is None else self.fusions[i - 1](outputs[-1], group)
            outputs.append(_rectified(layer(x_in)))
        return _rectified(self.last(torch.cat(outputs, 1)) + self.shortcut(x))


class _Fusion(nn.Module):
    """Attentional feature fusion, equations 2 and 3 of the paper: two of (B, C, F, T) -> (B, C, F, T)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = ConvNorm(2 * channels, channels // SQUEEZED, 1)
        self.second = ConvNorm(channels // SQUEEZED, channels, 1)
        for layer in (self.first, self.second):  # with a bias, which the batch norm after it cancels in training
            layer.conv.bias = nn.Parameter(torch.zeros(layer.conv.out_channels))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        attention = torch.tanh(self.second(F.silu(self.first(torch.cat([x, y], 1)))))
        out: Tensor = x * (1 + attention) + y * (1 - attention)
        return out


def _rectified(x: Tensor) -> Tensor:
    return x.clamp(0, CEILING)


def published_names(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights of 3D-Speaker's checkpoints under the names that `ERes2Net` has for them."""
    return {_renamed(name): x for name, x in weights.items()}


_NAMES: list[tuple[str, str | Callable[[re.Match[str]], str]]] = [
    (r"conv1\.", "stem.conv."),
    (r"bn1\.", "stem.norm."),
    (r"seg_1\.", "dense."),
    (r"layer(\d)_downsample\.", lambda m: f"downsample.{int(m[1]) - 1}."),
    (r"fuse_mode(12|123|1234)\.local_att\.", lambda m: f"fusions.{len(m[1]) - 2}."),
    (r"layer(\d)\.", lambda m: f"stages.{int(m[1]) - 1}."),
]
_INNER = [
    (r"\.fuse_models\.(\d+)\.local_att\.", r".fusions.\1."),
    (r"(fusions\.\d+)\.0\.", r"\1.first.conv."),
    (r"(fusions\.\d+)\.1\.", r"\1.first.norm."),
    (r"(fusions\.\d+)\.3\.", r"\1.second.conv."),
    (r"(fusions\.\d+)\.4\.", r"\1.second.norm."),
    (r"(stages\.\d\.\d+)\.conv1\.", r"\1.first.conv."),
    (r"(stages\.\d\.\d+)\.bn1\.", r"\1.first.norm."),
    (r"(stages\.\d\.\d+)\.conv3\.", r"\1.last.conv."),
    (r"(stages\.\d\.\d+)\.bn3\.", r"\1.last.norm."),
    (r"\.convs\.(\d+)\.", r".scales.\1.conv."),
    (r"\.bns\.(\d+)\.", r".scales.\1.norm."),
    (r"\.shortcut\.0\.", ".shortcut.conv."),
    (r"\.shortcut\.1\.", ".shortcut.norm."),
]


def _renamed(name: str) -> str:
    """
    >>> _renamed("layer3.2.fuse_models.0.local_att.4.running_mean")
    'stages.2.2.fusions.0.second.norm.running_mean'
    """
    for theirs, ours in _NAMES:
        if re.match(theirs, name):
            name = re.sub(f"^{theirs}", ours, name)
            break
    for theirs, ours in _INNER:
        name = re.sub(theirs, ours, name)
    return name
