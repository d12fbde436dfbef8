"""SpeechBrain's residual network: batch norm and ReLU before each convolution; the first stages weigh their channels.

Source: K. He, X. Zhang, S. Ren and J. Sun, "Identity mappings in deep residual networks", ECCV 2016, as SpeechBrain
has it (speechbrain/lobes/models/ResNet.py), with a third convolution, of one point.
"""

import re
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from pysid.embedding.frame_input import FrameInput
from pysid.embedding.pooling import AttentiveStatisticsPooling
from pysid.embedding.renaming import renamed
from pysid.embedding.speaker_network import SpeakerNetwork

FLOOR = 1e-5  # of the variances that are pooled


@dataclass(frozen=True, kw_only=True)
class PreactivatedResNetConfig(FrameInput):
    """What `PreactivatedResNet` is made from.

    Attributes:
        channels, blocks, strides: of each stage; the stem has the channels of the first.
        squeezed_stages: how many stages, from the first, weigh their channels.
        attention_dim: width of the attention's hidden layer.
        embedding_dim: width of the embedding.
    """

    kind: Literal["preactivated-resnet"] = "preactivated-resnet"
    channels: tuple[int, ...] = (128, 128, 256, 256)
    blocks: tuple[int, ...] = (3, 4, 6, 3)
    strides: tuple[int, ...] = (1, 2, 2, 2)
    squeezed_stages: int = 2
    attention_dim: int = 128
    embedding_dim: int = 256

    def __post_init__(self) -> None:
        super().__post_init__()
        if not len(self.channels) == len(self.blocks) == len(self.strides) > 0:
            raise ValueError(f"channels, blocks and strides must name the same stages, at least one, got {self}")
        widths = (*self.channels, *self.blocks, *self.strides, self.attention_dim, self.embedding_dim)
        if min(widths) < 1 or self.squeezed_stages < 0:
            raise ValueError(f"channels, blocks, strides and widths must be positive, got {self}")

    @property
    def classifier_dim(self) -> int:
        """Width of what the training head sees."""
        return self.embedding_dim


class PreactivatedResNet(SpeakerNetwork):
    """Embeddings of utterances of any length; shapes as of `SpeakerNetwork`, T' of T frames by the strides."""

    config: PreactivatedResNetConfig

    def __init__(self, config: PreactivatedResNetConfig | None = None) -> None:
        super().__init__()
        self.config = c = config or PreactivatedResNetConfig()
        self.stem = nn.Conv2d(1, c.channels[0], 3, 1, 1, bias=False)
        self.stem_norm = nn.BatchNorm2d(c.channels[0])
        stages, n, bands = [], c.channels[0], c.n_bands
        for i, (width, n_blocks, stride) in enumerate(zip(c.channels, c.blocks, c.strides, strict=True)):
            inputs = [(n, stride)] + [(width, 1)] * (n_blocks - 1)
            stages.append(nn.ModuleList(_Block(a, width, s, i < c.squeezed_stages) for a, s in inputs))
            n, bands = width, -(-bands // stride)
        self.stages = nn.ModuleList(stages)
        self.pooling = AttentiveStatisticsPooling(
            n * bands, c.attention_dim, global_context=False, hidden_tanh=False, floor=FLOOR
        )
        self.statistics_norm = nn.BatchNorm1d(self.pooling.out_dim)
        self.dense = nn.Linear(self.pooling.out_dim, c.embedding_dim)
        self.norm = nn.BatchNorm1d(c.embedding_dim)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def frames(self, x: Tensor) -> Tensor:
        """What is pooled: (B, T, feature_dim) -> (B, T', channels times bands)."""
        x = torch.relu(self.stem_norm(self.stem(x[:, None].contiguous(memory_format=torch.channels_last))))
        for blocks in self.stages:
            for block in blocks:  # type: ignore[attr-defined]
                x = block(x)
        return x.permute(0, 2, 1, 3).flatten(2)

    def segment_level(self, frames: Tensor, n_frames: Tensor | None = None, weights: Tensor | None = None) -> Tensor:
        """Embeddings (B, embedding_dim) of frames (B, T', C); arguments as of `StatisticsPooling.forward`."""
        pooled = self.statistics_norm(self.pooling(frames, n_frames, weights))
        embedding: Tensor = self.norm(self.dense(pooled))
        return embedding


class _Block(nn.Module):
    """(B, n_in, T, F) -> (B, n_out, ceil(T / stride), ceil(F / stride))."""

    def __init__(self, n_in: int, n_out: int, stride: int, squeezed: bool) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.BatchNorm2d(n) for n in (n_in, n_out, n_out))
        self.convs = nn.ModuleList(
            [
                nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False),
                nn.Conv2d(n_out, n_out, 3, 1, 1, bias=False),
                nn.Conv2d(n_out, n_out, 1, bias=False),
            ]
        )
        self.squeeze = nn.Linear(n_out, n_out) if squeezed else None
        self.excite = nn.Linear(n_out, n_out) if squeezed else None
        same = stride == 1 and n_in == n_out
        self.shortcut = None if same else nn.Conv2d(n_in, n_out, 1, stride, bias=False)
        self.shortcut_norm = None if same else nn.BatchNorm2d(n_out)

    def forward(self, x: Tensor) -> Tensor:
        inner = x
        for norm, conv in zip(self.norms, self.convs, strict=True):
            inner = conv(torch.relu(norm(inner)))
        if self.squeeze is not None and self.excite is not None:
            weights = torch.sigmoid(self.excite(torch.relu(self.squeeze(inner.mean((2, 3))))))
            inner = inner * weights[..., None, None]
        if self.shortcut is not None and self.shortcut_norm is not None:
            x = self.shortcut_norm(self.shortcut(x))
        return inner + x


_NAMES = [
    (r"conv1\.(\w+)", r"stem.\1"),
    (r"bn1\.(\w+)", r"stem_norm.\1"),
    (r"norm_stats\.(\w+)", r"statistics_norm.\1"),
    (r"attention\.0\.(\w+)", r"pooling.hidden.\1"),
    (r"attention\.2\.(\w+)", r"pooling.norm.\1"),
    (r"attention\.3\.(\w+)", r"pooling.scores.\1"),
    (r"fc_embed\.(\w+)", r"dense.\1"),
    (r"norm_embed\.(\w+)", r"norm.\1"),
]
_INNER = [
    (r"downsample\.0\.(\w+)", r"shortcut.\1"),
    (r"downsample\.1\.(\w+)", r"shortcut_norm.\1"),
    (r"se\.fc\.0\.(\w+)", r"squeeze.\1"),
    (r"se\.fc\.2\.(\w+)", r"excite.\1"),
]
_BLOCK = re.compile(r"layer(\d)\.(\d+)\.(.+)")
_PART = re.compile(r"(bn|conv)([123])\.(\w+)")


def published_names(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights with SpeechBrain's names under ours; those that fit no pattern keep theirs."""
    found = {}
    for name, x in weights.items():
        ours = renamed(name, _NAMES)
        if block := _BLOCK.fullmatch(name):
            inner = renamed(block[3], _INNER)
            if part := _PART.fullmatch(inner):
                inner = f"{'norms' if part[1] == 'bn' else 'convs'}.{int(part[2]) - 1}.{part[3]}"
            ours = f"stages.{int(block[1]) - 1}.{block[2]}.{inner}"
        found[ours] = x.squeeze(2) if ours.startswith("pooling.") and x.ndim == 3 and x.shape[2] == 1 else x
    return found
