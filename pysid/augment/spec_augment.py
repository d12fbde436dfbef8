"""SpecAugment: some bands and some stretches of time are hidden from the network.

Source: Park et al., "SpecAugment: a simple data augmentation method for automatic speech recognition", Interspeech
2019, without its time warping.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pysid.augment.drawing import RandomModule
from pysid.frontend.framing import as_counts


@dataclass(frozen=True, kw_only=True)
class SpecAugmentConfig:
    """Configuration of `SpecAugment`. The widths of masks are drawn uniformly from 0 to the widest; masks may overlap.

    Attributes:
        n_time_masks, max_time_frames: stretches of time, and the longest of them.
        max_time_share: no stretch is longer than this share of the utterance.
        n_band_masks, max_bands: ranges of features, and the widest of them.
    """

    n_time_masks: int = 2
    max_time_frames: int = 20
    max_time_share: float = 0.2
    n_band_masks: int = 2
    max_bands: int = 4

    def __post_init__(self) -> None:
        if min(self.n_time_masks, self.max_time_frames, self.n_band_masks, self.max_bands) < 0:
            raise ValueError("numbers and widths of masks must not be negative")
        if not 0 <= self.max_time_share <= 1:
            raise ValueError(f"max_time_share must lie in [0, 1], got {self.max_time_share}")


class SpecAugment(RandomModule):
    """Sets bands and stretches of features to 0, the mean of features that sliding CMVN has normalised."""

    def __init__(self, config: SpecAugmentConfig | None = None) -> None:
        super().__init__()
        self.config = config or SpecAugmentConfig()

    def forward(
        self,
        features: Tensor,
        n_frames: Tensor | Sequence[int] | None = None,
        rng: np.random.Generator | None = None,
    ) -> Tensor:
        """Features (B, T, D), masked.

        Args:
            n_frames: (B,) own frames of each utterance; None means that none is padded.
            rng: the same one gives the same masks, in the order of the batch; see `RandomModule`.
        """
        rng = self.generator(rng)
        return features if rng is None else self.apply_drawn(features, n_frames, self.draw(len(features), rng))

    def draw(self, n_utterances: int, rng: np.random.Generator) -> np.ndarray:
        """(n_utterances, masks, 2) uniform in [0, 1): they decide the width and the place of each mask."""
        return rng.random((n_utterances, self.config.n_time_masks + self.config.n_band_masks, 2))

    def apply_drawn(self, features: Tensor, n_frames: Tensor | Sequence[int] | None, draws: np.ndarray) -> Tensor:
        """As `forward`, with the masks that `draw` has drawn.

        Args:
            features: (B, T, D).
            n_frames: (B,) own frames of each; None counts all T.
            draws: what `draw` gave for these rows.
        """
        c = self.config
        _, longest, dim = features.shape
        counts = np.full((len(features), 1), longest)
        if n_frames is not None:
            counts = as_counts(n_frames, features, "n_frames").cpu().numpy()[:, None]
        widest = np.minimum(c.max_time_frames, (c.max_time_share * counts).astype(int))
        in_time = _masks(draws[:, : c.n_time_masks], counts, widest, longest)
        in_band = _masks(draws[:, c.n_time_masks :], np.array([[dim]]), np.array([[min(c.max_bands, dim)]]), dim)
        hidden = torch.from_numpy(in_time[:, :, None] | in_band[:, None, :])
        return features.masked_fill(hidden.to(features.device), 0.0)


def _masks(draws: np.ndarray, size: np.ndarray, widest: np.ndarray, longest: int) -> np.ndarray:
    """(B, longest) bool: what is hidden by masks of random width and place within [0, size).

    Args:
        draws: (B, masks, 2) uniform in [0, 1): width and place.
        size, widest: (B, 1) or (1, 1).
    """
    width = (draws[..., 0] * (widest + 1)).astype(int)
    start = (draws[..., 1] * (size - width + 1)).astype(int)
    place = np.arange(longest)
    hidden: np.ndarray = ((place >= start[..., None]) & (place < (start + width)[..., None])).any(1)
    return hidden
