"""ECAPA-TDNN: time-delay layers in residual blocks of several scales that weigh their channels; all blocks are pooled.

Source: B. Desplanques, J. Thienpondt and K. Demuynck, "ECAPA-TDNN: emphasized channel attention, propagation and
aggregation in TDNN based speaker verification", Interspeech 2020, as SpeechBrain, WeSpeaker and 3D-Speaker have it: a
block sees only the one before it, not the sum of all (section 3.3), and nothing normalizes the embedding.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from pysid.embedding.frame_input import FrameInput
from pysid.embedding.pooling import AttentiveStatisticsPooling
from pysid.embedding.speaker_network import SpeakerNetwork
from pysid.embedding.tdnn import TdnnLayer


@dataclass(frozen=True, kw_only=True)
class EcapaConfig(FrameInput):
    """Options of `Ecapa`; the defaults are the smaller network of the paper.

    Attributes:
        channels: of the blocks; 512 or 1024 in the paper.
        dilations: of the convolutions in each block.
        scale: groups of channels in a block; each but the first is convolved after the one before is added to it.
        squeeze_dim: width between the channels' means and their weights.
        pooled_dim: width to which the blocks' outputs are mapped before pooling.
        attention_dim: width of the attention's hidden layer.
        global_context, attention_norm: as of `AttentiveStatisticsPooling`.
        padding: of frames at the ends: "reflect" (SpeechBrain, 3D-Speaker) or "zeros" (WeSpeaker).
        pooled_norm: a batch norm before pooling; WeSpeaker has none.
        context_unbiased, context_offset: of the variance that the attention sees; see `AttentiveStatisticsPooling`.
        embedding_norm: batch norm of the embedding, as in the paper and with WeSpeaker's `emb_bn`.
        embedding_dim: width of the embedding.
    """

    kind: Literal["ecapa"] = "ecapa"
    channels: int = 512
    dilations: tuple[int, ...] = (2, 3, 4)
    scale: int = 8
    squeeze_dim: int = 128
    pooled_dim: int = 1536
    attention_dim: int = 128
    global_context: bool = True
    attention_norm: bool = True
    padding: Literal["reflect", "zeros"] = "reflect"
    pooled_norm: bool = True
    context_unbiased: bool = False
    context_offset: float = 0.0
    embedding_norm: bool = False
    embedding_dim: int = 192

    def __post_init__(self) -> None:
        super().__post_init__()
        widths = (self.channels, self.squeeze_dim, self.pooled_dim, self.attention_dim, self.embedding_dim)
        if not self.dilations or min(*widths, *self.dilations) < 1:
            raise ValueError(f"channels, dilations and widths must be positive, got {self}")
        if self.scale < 2 or self.channels % self.scale:
            raise ValueError(f"channels must be a multiple of scale, 2 or more, got {self.channels} and {self.scale}")
        if not self.context_offset >= 0:
            raise ValueError(f"context_offset must not be negative, got {self.context_offset}")

    @property
    def classifier_dim(self) -> int:
        """Width of what the training head sees."""
        return self.embedding_dim

    @property
    def context(self) -> int:
        """The most frames that are too few: as many as a convolution reflects."""
        return max(2, *self.dilations) if self.padding == "reflect" else 0


class Ecapa(SpeakerNetwork):
    """Embeddings of utterances of any length; shapes as of `SpeakerNetwork`, T' = T. Time-major, as `TdnnLayer`."""

    config: EcapaConfig

    def __init__(self, config: EcapaConfig | None = None) -> None:
        super().__init__()
        self.config = c = config or EcapaConfig()
        self.first = _layer(c.n_bands, c.channels, (-2, -1, 0, 1, 2), c.padding)
        self.blocks = nn.ModuleList(_Block(c, dilation) for dilation in c.dilations)
        self.aggregate = nn.Linear(c.channels * len(c.dilations), c.pooled_dim)
        self.aggregate_norm = nn.BatchNorm1d(c.pooled_dim) if c.pooled_norm else nn.Identity()
        self.pooling = AttentiveStatisticsPooling(
            c.pooled_dim,
            c.attention_dim,
            global_context=c.global_context,
            hidden_norm=c.attention_norm,
            unbiased_context=c.context_unbiased,
            variance_offset=c.context_offset,
        )
        self.statistics_norm = nn.BatchNorm1d(self.pooling.out_dim)
        self.dense = nn.Linear(self.pooling.out_dim, c.embedding_dim)
        self.norm = nn.BatchNorm1d(c.embedding_dim) if c.embedding_norm else nn.Identity()
        for module in self.modules():
            if isinstance(module, nn.Linear):
                module.reset_parameters()  # PyTorch's own, from which the toolkits start

    def frames(self, x: Tensor) -> Tensor:
        """What is pooled: (B, T, feature_dim) -> (B, T, aggregated channels)."""
        x = self.first(x)
        outputs = []
        for block in self.blocks:
            x = block(x)
            outputs.append(x)
        frames = torch.relu(self.aggregate(torch.cat(outputs, dim=-1)))
        out: Tensor = self.aggregate_norm(frames.flatten(0, 1)).reshape(frames.shape)
        return out

    def segment_level(self, frames: Tensor, n_frames: Tensor | None = None, weights: Tensor | None = None) -> Tensor:
        """Embeddings (B, embedding_dim) of frames (B, T, channels); arguments as of `StatisticsPooling.forward`."""
        pooled = self.statistics_norm(self.pooling(frames, n_frames, weights))
        embedding: Tensor = self.norm(self.dense(pooled))
        return embedding


class _Block(nn.Module):
    """SE-Res2Block, figure 1 of the paper: (B, T, C) -> (B, T, C)."""

    def __init__(self, config: EcapaConfig, dilation: int) -> None:
        super().__init__()
        c, width = config, config.channels // config.scale
        self.width = width
        self.before = _layer(c.channels, c.channels)
        offsets = (-dilation, 0, dilation)
        self.scales = nn.ModuleList(_layer(width, width, offsets, c.padding) for _ in range(c.scale - 1))
        self.after = _layer(c.channels, c.channels)
        self.squeeze = nn.Linear(c.channels, c.squeeze_dim)
        self.excite = nn.Linear(c.squeeze_dim, c.channels)

    def forward(self, x: Tensor) -> Tensor:
        first, *groups = self.before(x).split(self.width, dim=-1)
        outputs, last = [first], None
        for group, layer in zip(groups, self.scales, strict=True):
            last = layer(group if last is None else group + last)
            outputs.append(last)
        inner = self.after(torch.cat(outputs, dim=-1))
        weights = torch.sigmoid(self.excite(torch.relu(self.squeeze(inner.mean(1)))))
        out: Tensor = x + inner * weights[:, None]
        return out


def _layer(
    n_in: int, n_out: int, offsets: tuple[int, ...] = (0,), padding: Literal["reflect", "zeros"] = "zeros"
) -> TdnnLayer:
    return TdnnLayer(
        n_in, n_out, offsets, norm_affine=True, norm_eps=1e-5, padding=offsets[-1], padding_mode=padding
    )  # fmt: skip
