"""Steps that make affinities clearer before they are clustered.

Each is a small object called with a float32 matrix (N, N). It may change that matrix and return it: pass a copy
where the original is still needed. They come in the order of Wang, Downey, Wan, Mansfield, Lopez Moreno, "Speaker
diarization with LSTM", ICASSP 2018, section 3.3, and its authors' SpectralCluster.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.special import expit

from pysid.backend.statistics import row_blocks

BLOCK_ROWS = 512


@dataclass(frozen=True, kw_only=True)
class Rescale:
    """Maps affinities in [low, high] to [0, 1], linearly, and what lies outside to 0 or 1: for cosines."""

    kind: Literal["rescale"] = "rescale"
    low: float = -1.0
    high: float = 1.0

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ValueError(f"rescaling needs low < high, got {self.low} and {self.high}")

    def __call__(self, affinity: np.ndarray) -> np.ndarray:
        affinity -= np.float32(self.low)
        affinity /= np.float32(self.high - self.low)
        return np.clip(affinity, 0.0, 1.0, out=affinity)


@dataclass(frozen=True, kw_only=True)
class Logistic:
    """Maps any affinity to (0, 1): of a log-likelihood ratio, 1 / (1 + exp(-(x - shift))) is the probability of "same
    speaker" if the prior odds against it were exp(shift). `scale` multiplies x - shift."""

    kind: Literal["logistic"] = "logistic"
    shift: float = 0.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        if not self.scale > 0:
            raise ValueError(f"the scale of a logistic map must be positive, got {self.scale}")

    def __call__(self, affinity: np.ndarray) -> np.ndarray:
        affinity -= np.float32(self.shift)
        affinity *= np.float32(self.scale)
        return expit(affinity, out=affinity)


@dataclass(frozen=True, kw_only=True)
class CropDiagonal:
    """Replaces each diagonal element by the largest other one of its row, so that it outweighs nothing."""

    kind: Literal["crop-diagonal"] = "crop-diagonal"

    def __call__(self, affinity: np.ndarray) -> np.ndarray:
        if len(affinity) > 1:
            np.fill_diagonal(affinity, -np.inf)
            np.fill_diagonal(affinity, affinity.max(axis=1))
        return affinity


@dataclass(frozen=True, kw_only=True)
class GaussianBlur:
    """Smooths over neighbouring windows, which mostly have the same speaker; sigma in windows."""

    kind: Literal["gaussian-blur"] = "gaussian-blur"
    sigma: float = 1.0

    def __post_init__(self) -> None:
        if not self.sigma > 0:
            raise ValueError(f"sigma of a blur must be positive, got {self.sigma}")

    def __call__(self, affinity: np.ndarray) -> np.ndarray:
        gaussian_filter(affinity, self.sigma, output=affinity)
        return affinity


@dataclass(frozen=True, kw_only=True)
class RowWiseThreshold:
    """Multiplies what is small within its row, of values >= 0, by `multiplier`; 0 makes the threshold a hard one.

    Small is what lies below p times the largest value of the row or, relative to a percentile, below the value that
    a share p of the row lies below.
    """

    kind: Literal["row-wise-threshold"] = "row-wise-threshold"
    p: float = 0.95
    multiplier: float = 0.01
    relative_to: Literal["maximum", "percentile"] = "maximum"

    def __post_init__(self) -> None:
        if not 0 <= self.p <= 1 or not 0 <= self.multiplier <= 1:
            raise ValueError(f"p and multiplier must lie in [0, 1], got {self.p} and {self.multiplier}")

    def __call__(self, affinity: np.ndarray) -> np.ndarray:
        for rows in row_blocks(len(affinity), BLOCK_ROWS):
            block = affinity[rows]
            if self.relative_to == "maximum":
                threshold = self.p * block.max(axis=1, keepdims=True)
            else:
                threshold = np.quantile(block, self.p, axis=1, keepdims=True)
            np.multiply(block, np.float32(self.multiplier), out=block, where=block < threshold)
        return affinity


@dataclass(frozen=True, kw_only=True)
class Symmetrize:
    """Replaces an element and its mirror image by the larger of the two, or by their average."""

    kind: Literal["symmetrize"] = "symmetrize"
    by: Literal["maximum", "average"] = "maximum"

    def __call__(self, affinity: np.ndarray) -> np.ndarray:
        blocks = list(row_blocks(len(affinity), BLOCK_ROWS))
        for number, rows in enumerate(blocks):
            for columns in blocks[number:]:
                block, mirrored = affinity[rows, columns], affinity[columns, rows].T
                merged = np.maximum(block, mirrored) if self.by == "maximum" else (block + mirrored) / 2
                affinity[rows, columns] = merged
                affinity[columns, rows] = merged.T
        return affinity


@dataclass(frozen=True, kw_only=True)
class Diffuse:
    """A A': windows are as alike as their likenesses to all others are. For up to some thousand windows: it takes
    2 N^3 operations and a second matrix."""

    kind: Literal["diffuse"] = "diffuse"

    def __call__(self, affinity: np.ndarray) -> np.ndarray:
        return affinity @ affinity.T


@dataclass(frozen=True, kw_only=True)
class RowWiseNormalize:
    """Divides each row, whose largest value must be positive, by that value."""

    kind: Literal["row-wise-normalize"] = "row-wise-normalize"

    def __call__(self, affinity: np.ndarray) -> np.ndarray:
        affinity /= affinity.max(axis=1, keepdims=True)
        return affinity


Refinement = (
    Rescale | Logistic | CropDiagonal | GaussianBlur | RowWiseThreshold | Symmetrize | Diffuse | RowWiseNormalize
)

WANG_2018: tuple[Refinement, ...] = (
    Rescale(),
    CropDiagonal(),
    GaussianBlur(),
    RowWiseThreshold(),
    Symmetrize(),
    Diffuse(),
    RowWiseNormalize(),
)
"""The sequence and the settings of Wang et al., for cosines."""
