"""The x-vector network: time-delay layers over frames, pooling, and affine layers over the utterance.

Source: Snyder et al., "X-vectors: robust DNN embeddings for speaker recognition", ICASSP 2018, in the form of
kaldi/egs/voxceleb/v2/run.sh (local/nnet3/xvector/tuning/run_xvector_1a.sh), which are the defaults here.
"""

from dataclasses import dataclass, replace
from typing import Literal

from torch import Tensor, nn

from pysid.embedding.pooling import AttentionPooling, StatisticsPooling
from pysid.embedding.tdnn import Order, TdnnLayer


@dataclass(frozen=True)
class FrameLayerConfig:
    """One time-delay layer: output width, and the frames it sees relative to its own."""

    dim: int
    offsets: tuple[int, ...] = (0,)
    padding: int = 0  # zero frames on both sides; Kaldi has none

    def __post_init__(self) -> None:
        if not self.offsets or list(self.offsets) != sorted(set(self.offsets)):
            raise ValueError(f"offsets must ascend without repeats, got {list(self.offsets)}")
        if self.padding < 0:
            raise ValueError(f"padding must not be negative, got {self.padding}")


KALDI_FRAME_LAYERS = (
    FrameLayerConfig(512, (-2, -1, 0, 1, 2)),
    FrameLayerConfig(512, (-2, 0, 2)),
    FrameLayerConfig(512, (-3, 0, 3)),
    FrameLayerConfig(512),
    FrameLayerConfig(1500),
)


@dataclass(frozen=True)
class XVectorConfig:
    """Configuration of `XVector`; the defaults are Kaldi's voxceleb/v2 network.

    Attributes:
        feature_dim: width of an input frame.
        frame_layers: the time-delay layers before pooling.
        pooling: "statistics" (mean and standard deviation) or "attention" (the same for each of several heads).
        n_heads, attention_dim: heads of attention pooling, and the width of its hidden layer.
        unbiased_std: divide by N - 1 in statistics pooling (Kaldi: N).
        kaldi_rounding: round as Kaldi does in statistics pooling, for models that come from Kaldi.
        variance_offset: added to the variance in statistics pooling (Kaldi: 0).
        segment_dims: widths of the layers after pooling.
        embedding_layer: index into `segment_dims`; the embedding is that layer's affine output.
        order, norm_affine, norm_eps: see `TdnnLayer`.
    """

    feature_dim: int = 30
    frame_layers: tuple[FrameLayerConfig, ...] = KALDI_FRAME_LAYERS
    pooling: Literal["statistics", "attention"] = "statistics"
    n_heads: int = 5
    attention_dim: int = 500
    unbiased_std: bool = False
    kaldi_rounding: bool = False
    segment_dims: tuple[int, ...] = (512, 512)
    embedding_layer: int = 0
    order: Order = "relu-norm"
    norm_affine: bool = False
    norm_eps: float = 1e-3
    variance_offset: float = 0.0

    def __post_init__(self) -> None:
        if not self.variance_offset >= 0 or (self.variance_offset and self.kaldi_rounding):
            raise ValueError(f"variance_offset must not be negative, nor go with kaldi_rounding, got {self}")
        if not self.frame_layers or not self.segment_dims:
            raise ValueError("an x-vector network needs at least one frame layer and one segment layer")
        if not 0 <= self.embedding_layer < len(self.segment_dims):
            raise ValueError(
                f"embedding_layer must lie in [0, {len(self.segment_dims) - 1}], got {self.embedding_layer}"
            )
        widths = (self.feature_dim, *(layer.dim for layer in self.frame_layers), *self.segment_dims)
        if min(widths) < 1:
            raise ValueError(f"layer widths must be positive, got {widths}")

    @property
    def embedding_dim(self) -> int:
        """Width of the embedding."""
        return self.segment_dims[self.embedding_layer]

    @property
    def classifier_dim(self) -> int:
        """Width of what the training head sees."""
        return self.segment_dims[-1]

    @property
    def context(self) -> int:
        """How many frames fewer come out of the frame layers than go in (Kaldi's network: 14)."""
        return sum(x.offsets[-1] - x.offsets[0] - 2 * x.padding for x in self.frame_layers)

    def as_published_port(self) -> "XVectorConfig":
        """The same network with the deviations of the original PyTorch port of the recipe.

        Batch norm with an affine part comes before the ReLU, the second and third layers pad their input with 1
        and 2 zero frames, and the pooled standard deviation divides by N - 1. (The port also batch-normalises the
        logits: see `losses.SoftmaxHead`; its log-softmax in front of a cross-entropy changes nothing.)
        """
        padding = {1: 1, 2: 2}
        layers = [replace(x, padding=padding.get(i, 0)) for i, x in enumerate(self.frame_layers)]
        return replace(
            self,
            frame_layers=tuple(layers),
            order="norm-relu",
            norm_affine=True,
            norm_eps=1e-5,
            unbiased_std=True,
        )


class XVector(nn.Module):
    """Embeddings of utterances of any length.

    Shape: features (B, T, feature_dim), n_frames (B,) or None when all T frames count -> (B, embedding_dim).
        An utterance needs more than `config.context` frames; `extract.pad_short` takes care of shorter ones.
    """

    def __init__(self, config: XVectorConfig | None = None) -> None:
        super().__init__()
        self.config = c = config or XVectorConfig()
        norm = {"order": c.order, "norm_affine": c.norm_affine, "norm_eps": c.norm_eps}
        dims = [c.feature_dim, *(layer.dim for layer in c.frame_layers)]
        self.frame_layers = nn.ModuleList(
            TdnnLayer(dim, x.dim, x.offsets, padding=x.padding, **norm)  # type: ignore[arg-type]
            for dim, x in zip(dims, c.frame_layers, strict=False)
        )
        self.pooling: StatisticsPooling | AttentionPooling
        if c.pooling == "attention":
            self.pooling = AttentionPooling(dims[-1], c.n_heads, c.attention_dim)
        else:
            self.pooling = StatisticsPooling(dims[-1], c.unbiased_std, c.kaldi_rounding, c.variance_offset)
        segment_dims = [self.pooling.out_dim, *c.segment_dims]
        self.segment_layers = nn.ModuleList(
            TdnnLayer(dim, out, **norm)  # type: ignore[arg-type]
            for dim, out in zip(segment_dims, c.segment_dims, strict=False)
        )

    def forward(self, features: Tensor, n_frames: Tensor | None = None) -> Tensor:
        """Embeddings (B, embedding_dim), of the layer that `config.embedding_layer` names.

        Raises:
            ValueError: features of another shape, or no more than `config.context` frames.
        """
        return self.segment_level(*self.frame_level(features, n_frames))

    def frame_level(self, features: Tensor, n_frames: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """(B, T, feature_dim) -> (B, T - context, D) before pooling, and the frames of each that count."""
        if features.ndim != 3 or features.shape[2] != self.config.feature_dim:
            raise ValueError(
                f"features must be (batch, frames, {self.config.feature_dim}), got {tuple(features.shape)}"
            )
        fewest = features.shape[1] if n_frames is None else int(n_frames.min())
        if fewest <= self.config.context:
            raise ValueError(f"an utterance needs more than {self.config.context} frames, got {fewest}")
        x = features
        for layer in self.frame_layers:
            x = layer(x, n_frames)
            n_frames = None if n_frames is None else layer.n_out(n_frames)  # type: ignore[operator]
        return x, n_frames

    def segment_level(self, frames: Tensor, n_frames: Tensor | None = None, weights: Tensor | None = None) -> Tensor:
        """What `frame_level` gives, (B, T', D) -> (B, embedding_dim); arguments as of `SpeakerNetwork`."""
        x = self.pooling(frames, n_frames, weights)
        for layer in self.segment_layers[: self.config.embedding_layer]:
            x = layer(x)
        return self.segment_layers[self.config.embedding_layer].affine(x)  # type: ignore[operator]

    def classifier_input(self, features: Tensor) -> tuple[Tensor, Tensor | None]:
        """What the training head sees, (B, segment_dims[-1]), and the attention (B, H, T) where there is one."""
        x, _ = self.frame_level(features)
        attention = None
        if isinstance(self.pooling, AttentionPooling):
            attention = self.pooling.attention(x)
            x = self.pooling.pool(x, attention)
        else:
            x = self.pooling(x)
        for layer in self.segment_layers:
            x = layer(x)
        return x, attention
