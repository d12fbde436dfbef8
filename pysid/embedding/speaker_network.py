"""What networks have in common whose layers see all of an utterance, and so must not be given padding."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from pysid.embedding.frame_input import FrameInput, network_input


class SpeakerNetwork(nn.Module, ABC):
    """Embeddings of utterances of any length.

    Shape: features (B, T, feature_dim), n_frames (B,) or None when all T frames count -> (B, embedding_dim).
        Utterances of one length go through together; none is padded.
    """

    config: FrameInput
    is_cut = False  # whether fewer frames come out of the frame layers, as they are not padded

    @abstractmethod
    def frames(self, x: Tensor) -> Tensor:
        """(B, T, n_bands), after `network_input` -> (B, T', D), what is pooled."""

    @abstractmethod
    def segment_level(self, frames: Tensor, n_frames: Tensor | None = None, weights: Tensor | None = None) -> Tensor:
        """What `frames` gives, (B, T', D) -> (B, embedding_dim).

        Args:
            n_frames: (B,) those of T' that count.
            weights: (B, T') within [0, 1]: how much each frame counts, in place of `n_frames`.
        """

    def forward(self, features: Tensor, n_frames: Tensor | None = None) -> Tensor:
        """Embeddings (B, embedding_dim), in the order of the rows; utterances are cut to their own frames first."""
        if n_frames is None or bool((n_frames == features.shape[1]).all()):
            return self.segment_level(self.frame_level(features)[0])
        found: dict[int, Tensor] = {}
        for n in n_frames.unique().tolist():
            rows = (n_frames == n).nonzero()[:, 0]
            embeddings = self.segment_level(self.frame_level(features[rows, :n])[0])
            found.update(zip(rows.tolist(), embeddings, strict=True))
        return torch.stack([found[i] for i in range(len(features))])

    def frame_level(self, features: Tensor) -> tuple[Tensor, None]:
        """(B, T, feature_dim) -> (B, T', D) before pooling, of utterances that are not padded: all T' count."""
        if features.ndim != 3 or features.shape[2] != self.config.feature_dim:
            raise ValueError(
                f"features must be (batch, frames, {self.config.feature_dim}), got {tuple(features.shape)}"
            )
        if features.shape[1] <= self.config.context:
            raise ValueError(f"an utterance needs more than {self.config.context} frames, got {features.shape[1]}")
        return self.frames(network_input(features, self.config)), None

    def classifier_input(self, features: Tensor) -> tuple[Tensor, Tensor | None]:
        """What the training head sees: the embedding, (B, embedding_dim); and None, as no attention has heads."""
        return self.segment_level(self.frame_level(features)[0]), None
