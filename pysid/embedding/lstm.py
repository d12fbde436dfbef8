"""The three-layer LSTM of GE2E: its outputs after partial utterances of 1.6 s, averaged.

Source: L. Wan, Q. Wang, A. Papir and I. Lopez Moreno, "Generalized end-to-end loss for speaker verification", ICASSP
2018, section 3.2, as Resemblyzer has it (resemblyzer/voice_encoder.py): with a rectified affine layer for an embedding.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pysid.embedding.frame_input import FrameInput
from pysid.embedding.pooling import frame_weights, shares
from pysid.embedding.speaker_network import SpeakerNetwork

PARTIALS_AT_ONCE = 256  # that go through the layers together: an hour has thousands


@dataclass(frozen=True, kw_only=True)
class LstmConfig(FrameInput):
    """Options of `Lstm`; the defaults are Resemblyzer's.

    Attributes:
        hidden_dim, layers: of the LSTM.
        partial_frames: frames of a partial utterance.
        step_frames: from the start of one to that of the next.
        min_coverage: a last one with less than this share of its frames is left out.
        tail_frames: frames at the end of the input that stand for no time of their own: see `StftMelConfig`.
        embedding_dim: width of the embedding.
    """

    kind: Literal["lstm"] = "lstm"
    feature_dim: int = 40
    skip_energy: bool = False
    subtract_mean: bool = False
    hidden_dim: int = 256
    layers: int = 3
    partial_frames: int = 160
    step_frames: int = 77
    min_coverage: float = 0.75
    tail_frames: int = 2
    embedding_dim: int = 256

    def __post_init__(self) -> None:
        super().__post_init__()
        sizes = (self.hidden_dim, self.layers, self.partial_frames, self.step_frames, self.embedding_dim)
        if min(sizes) < 1 or self.tail_frames < 0:
            raise ValueError(f"layers, widths and frames must be positive, got {self}")
        if self.step_frames > self.partial_frames or not 0 < self.min_coverage <= 1:
            raise ValueError(
                "step_frames must be at most partial_frames, and min_coverage lie in (0, 1], got "
                f"{self.step_frames}, {self.partial_frames} and {self.min_coverage}"
            )

    @property
    def classifier_dim(self) -> int:
        """Width of what the training head sees."""
        return self.embedding_dim


class Lstm(SpeakerNetwork):
    """Embeddings of length 1 of utterances of any length; shapes as of `SpeakerNetwork`, T' partial utterances."""

    config: LstmConfig

    def __init__(self, config: LstmConfig | None = None) -> None:
        super().__init__()
        self.config = c = config or LstmConfig()
        self.lstm = nn.LSTM(c.n_bands, c.hidden_dim, c.layers, batch_first=True)
        self.linear = nn.Linear(c.hidden_dim, c.embedding_dim)

    def frames(self, x: Tensor) -> Tensor:
        """An embedding of length 1 for each partial utterance: (B, T, feature_dim) -> (B, P, embedding_dim)."""
        starts = partial_starts(torch._shape_as_tensor(x)[1], self.config).to(x.device)
        # Past the end there is one frame of zeros, repeated.
        index = starts[:, None] + torch.arange(self.config.partial_frames, device=x.device)
        partials = F.pad(x, (0, 0, 0, 1))[:, index.clamp(max=x.shape[1])].flatten(0, 1)
        is_tracing = torch.jit.is_tracing()  # type: ignore[attr-defined]  # documented, yet not exported
        at_once = (partials,) if is_tracing else partials.split(PARTIALS_AT_ONCE)
        last = torch.cat([self.lstm(part)[1][0][-1] for part in at_once])  # (B P, hidden_dim)
        found = F.normalize(torch.relu(self.linear(last)), dim=-1)
        return found.reshape(x.shape[0], -1, found.shape[1])

    def segment_level(self, frames: Tensor, n_frames: Tensor | None = None, weights: Tensor | None = None) -> Tensor:
        """The mean of partials (B, P, E), scaled to length 1; arguments as of `StatisticsPooling.forward`."""
        if weights is None and n_frames is not None:
            weights = frame_weights(frames, n_frames)
        mean = frames.mean(1) if weights is None else (shares(weights)[..., None] * frames).sum(1)
        return F.normalize(mean, dim=-1)


def partial_starts(n_frames: Tensor, config: LstmConfig) -> Tensor:
    """First frames (P,) of the partial utterances of an input of that many frames; at least one.

    Source: VoiceEncoder.compute_partial_slices, whose samples of the last partial are counted in frames.

    >>> partial_starts(torch.tensor(277), LstmConfig()), partial_starts(torch.tensor(276), LstmConfig())
    (tensor([  0,  77, 154]), tensor([ 0, 77]))
    """
    c = config
    own = n_frames - c.tail_frames
    end = torch.minimum(own - c.partial_frames + c.step_frames + 1, own - math.ceil(c.partial_frames * c.min_coverage))
    # As a tensor, which torch accepts but its stubs do not, the end stays variable in an exported graph.
    return torch.arange(0, end.clamp(min=1), c.step_frames)  # type: ignore[call-overload]
