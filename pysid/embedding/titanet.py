"""TitaNet: depthwise separable convolutions over time in residual blocks that weigh their channels; attentive pooling.

Source: N. R. Koluguri, T. Park and B. Ginsburg, "TitaNet: neural model for speaker representation with 1D depth-wise
separable convolutions and global context", ICASSP 2022, as NeMo has it (nemo/collections/asr/modules/conv_asr.py,
nemo/collections/asr/parts/submodules/{jasper,tdnn_attention}.py).
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

NORM_EPS = 1e-3  # of the batch norms in blocks
SQUEEZED = 8  # divisor of a block's channels: the width between their means and their weights


@dataclass(frozen=True)
class TitaNetBlockConfig:
    """One block: channels that it puts out, frames that its convolutions see, and how many convolutions there are.

    Attributes:
        residual: add the input, after an affine map.
        dropout: probability of leaving out a number, when training.
    """

    channels: int
    kernel: int
    repeat: int = 1
    residual: bool = False
    dropout: float = 0.0

    def __post_init__(self) -> None:
        if self.channels < SQUEEZED or min(self.kernel, self.repeat) < 1 or self.kernel % 2 == 0:
            raise ValueError(f"channels from {SQUEEZED} on, an odd kernel and a repeat are needed, got {self}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must lie in [0, 1), got {self.dropout:g}")


def titanet_blocks(channels: int = 1024, pooled_dim: int = 3072, repeat: int = 3) -> tuple[TitaNetBlockConfig, ...]:
    """The blocks of the published networks.

    Args:
        channels: 256 in TitaNet-S, 512 in TitaNet-M, 1024 in TitaNet-L.
        pooled_dim: channels of the last block.
        repeat: convolutions in each block but the first and the last.
    """
    inner = (TitaNetBlockConfig(channels, kernel, repeat, True, 0.1) for kernel in (7, 11, 15))
    return (TitaNetBlockConfig(channels, 3), *inner, TitaNetBlockConfig(pooled_dim, 1))


@dataclass(frozen=True, kw_only=True)
class TitaNetConfig(FrameInput):
    """Options of `TitaNet`; the defaults are TitaNet-L's.

    Attributes:
        blocks: from the frames to what is pooled.
        attention_dim: width of the attention's hidden layer.
        embedding_dim: width of the embedding.
    """

    kind: Literal["titanet"] = "titanet"
    unit_variance: bool = True
    blocks: tuple[TitaNetBlockConfig, ...] = titanet_blocks()
    attention_dim: int = 128
    embedding_dim: int = 192

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.blocks or min(self.attention_dim, self.embedding_dim) < 1:
            raise ValueError(f"a block or more and positive widths are needed, got {self}")

    @property
    def classifier_dim(self) -> int:
        """Width of what the training head sees."""
        return self.embedding_dim


class TitaNet(SpeakerNetwork):
    """Embeddings of utterances of any length; shapes as of `SpeakerNetwork`, T' = T."""

    config: TitaNetConfig

    def __init__(self, config: TitaNetConfig | None = None) -> None:
        super().__init__()
        self.config = c = config or TitaNetConfig()
        widths = [c.n_bands, *(block.channels for block in c.blocks)]
        self.blocks = nn.ModuleList(_Block(n, block) for n, block in zip(widths, c.blocks, strict=False))
        self.pooling = AttentiveStatisticsPooling(widths[-1], c.attention_dim)
        self.statistics_norm = nn.BatchNorm1d(self.pooling.out_dim)
        self.dense = nn.Linear(self.pooling.out_dim, c.embedding_dim)
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Conv1d):
                nn.init.xavier_uniform_(module.weight)

    def frames(self, x: Tensor) -> Tensor:
        """What is pooled: (B, T, feature_dim) -> (B, T, channels of the last block)."""
        x = x.transpose(1, 2)
        for block in self.blocks:
            x = block(x)
        return x.transpose(1, 2)

    def segment_level(self, frames: Tensor, n_frames: Tensor | None = None, weights: Tensor | None = None) -> Tensor:
        """Embeddings (B, embedding_dim) of frames (B, T, C); arguments as of `StatisticsPooling.forward`."""
        embedding: Tensor = self.dense(self.statistics_norm(self.pooling(frames, n_frames, weights)))
        return embedding


class _Separable(nn.Module):
    """A convolution of each channel by itself, one across channels, and batch norm: (B, n_in, T) -> (B, n_out, T)."""

    def __init__(self, n_in: int, n_out: int, kernel: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(n_in, n_in, kernel, padding=kernel // 2, groups=n_in, bias=False)
        self.pointwise = nn.Conv1d(n_in, n_out, 1, bias=False)
        self.norm = nn.BatchNorm1d(n_out, eps=NORM_EPS)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.norm(self.pointwise(self.depthwise(x)))
        return out


class _Block(nn.Module):
    """Figure 1 of the paper: (B, n_in, T) -> (B, channels, T)."""

    def __init__(self, n_in: int, config: TitaNetBlockConfig) -> None:
        super().__init__()
        c = config
        inputs = [n_in] + [c.channels] * (c.repeat - 1)
        self.layers = nn.ModuleList(_Separable(n, c.channels, c.kernel) for n in inputs)
        self.squeeze = nn.Linear(c.channels, c.channels // SQUEEZED, bias=False)
        self.excite = nn.Linear(c.channels // SQUEEZED, c.channels, bias=False)
        self.shortcut: nn.Conv1d | None = None
        if c.residual:
            self.shortcut = nn.Conv1d(n_in, c.channels, 1, bias=False)
            self.shortcut_norm = nn.BatchNorm1d(c.channels, eps=NORM_EPS)
        self.dropout = nn.Dropout(c.dropout)

    def forward(self, x: Tensor) -> Tensor:
        inner = x
        for i, layer in enumerate(self.layers):
            inner = layer(inner if i == 0 else self.dropout(torch.relu(inner)))
        weights = torch.sigmoid(self.excite(torch.relu(self.squeeze(inner.mean(2)))))
        inner = inner * weights[..., None]
        if self.shortcut is not None:
            inner = inner + self.shortcut_norm(self.shortcut(x))
        out: Tensor = self.dropout(torch.relu(inner))
        return out


_NAMES = [
    (r"decoder\._pooling\.attention_layer\.0\.conv_layer\.(\w+)", r"pooling.hidden.\1"),
    (r"decoder\._pooling\.attention_layer\.0\.bn\.(\w+)", r"pooling.norm.\1"),
    (r"decoder\._pooling\.attention_layer\.2\.(\w+)", r"pooling.scores.\1"),
    (r"decoder\.emb_layers\.0\.0\.(\w+)", r"statistics_norm.\1"),
    (r"decoder\.emb_layers\.0\.1\.(\w+)", r"dense.\1"),
    (r"encoder\.encoder\.(\d+)\.res\.0\.0\.(?:conv\.)?weight", r"blocks.\1.shortcut.weight"),
    (r"encoder\.encoder\.(\d+)\.res\.0\.1\.(\w+)", r"blocks.\1.shortcut_norm.\2"),
    (r"encoder\.encoder\.(\d+)\.mconv\.\d+\.fc\.0\.weight", r"blocks.\1.squeeze.weight"),
    (r"encoder\.encoder\.(\d+)\.mconv\.\d+\.fc\.2\.weight", r"blocks.\1.excite.weight"),
]
_PER_LAYER = 5  # NeMo's modules for each: two convolutions, batch norm, ReLU and dropout
_LAYER = re.compile(r"encoder\.encoder\.(\d+)\.mconv\.(\d+)\.(?:conv\.)?(\w+)")
_PARTS = {0: "depthwise", 1: "pointwise", 2: "norm"}


def published_names(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights with NeMo's names under ours; those that fit no pattern keep theirs."""
    found = {}
    for name, x in weights.items():
        if (layer := _LAYER.fullmatch(name)) and int(layer[2]) % _PER_LAYER in _PARTS:
            i, part = divmod(int(layer[2]), _PER_LAYER)
            ours = f"blocks.{layer[1]}.layers.{i}.{_PARTS[part]}.{layer[3]}"
        else:
            ours = renamed(name, _NAMES)
        found[ours] = x.squeeze(2) if ours.endswith(".weight") and x.ndim == 3 and _is_linear(ours) else x
    return found


def _is_linear(name: str) -> bool:
    return name.startswith(("dense.", "pooling."))
