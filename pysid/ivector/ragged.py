"""What is kept of each frame of a recording: some of the Gaussians, with their posteriors."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
N = TypeVar("N", np.float32, np.int64)


@dataclass(frozen=True, eq=False)
class Chosen:
    """Gaussians of each frame.

    Attributes:
        counts: (T,) how many there are of each frame.
        gaussians: (N,) those of the first frame, then of the second, and so on.
    """

    counts: Ints
    gaussians: Ints

    def __post_init__(self) -> None:
        if self.counts.ndim != 1 or self.gaussians.shape != (self.counts.sum(),):
            raise ValueError(f"expected {self.counts.sum()} Gaussians, got {self.gaussians.shape}")

    def __len__(self) -> int:
        return len(self.counts)

    @cached_property
    def frames(self) -> Ints:
        """(N,) the frame of each entry."""
        return np.repeat(np.arange(len(self.counts)), self.counts)

    @cached_property
    def places(self) -> Ints:
        """(N,) where each entry stands within its frame."""
        return np.arange(len(self.gaussians)) - np.repeat(np.cumsum(self.counts) - self.counts, self.counts)

    @cached_property
    def filled(self) -> NDArray[np.bool_]:
        """(T, M) where a table of the entries, one row per frame, has one; M is the largest count."""
        most = int(self.counts.max()) if len(self.counts) else 0
        return np.arange(most) < self.counts[:, None]

    def table(self, values: NDArray[N], fill: float) -> NDArray[N]:
        """(T, M) values (N,), one row per frame, `fill` past a frame's own."""
        table = np.full(self.filled.shape, fill, values.dtype)
        table[self.filled] = values
        return table

    def check(self, n_gaussians: int) -> None:
        """Raises ValueError: an index of a Gaussian that does not exist, or a frame without any."""
        if self.gaussians.size and not 0 <= self.gaussians.min() <= self.gaussians.max() < n_gaussians:
            raise ValueError(f"expected Gaussians in [0, {n_gaussians}), got {self.gaussians.max()}")
        if (self.counts == 0).any():
            raise ValueError(f"expected a Gaussian for each frame, got none for frame {int(self.counts.argmin())}")


@dataclass(frozen=True, eq=False)
class Posteriors(Chosen):
    """Gaussians of each frame with their weights (N,), float32."""

    weights: NDArray[np.float32]

    def scaled(self, scale: float) -> "Posteriors":
        """All weights multiplied in float32; a scale of 0 leaves no entries. Source: Kaldi hmm/posterior.cc."""
        if scale == 0:
            return Posteriors(np.zeros_like(self.counts), self.gaussians[:0], self.weights[:0])
        return Posteriors(self.counts, self.gaussians, self.weights * np.float32(scale))

    @property
    def total(self) -> float:
        """The sum of the weights."""
        return float(self.weights.sum(dtype=np.float64))


def joined(parts: Sequence[Chosen]) -> Chosen:
    """Those of several recordings, one behind the other."""
    return Chosen(np.concatenate([part.counts for part in parts]), np.concatenate([part.gaussians for part in parts]))


def by_gaussian(gaussians: Ints) -> list[tuple[int, Ints]]:
    """Each Gaussian that there is among the entries (N,), and which entries are its, in order.

    >>> [(g, rows.tolist()) for g, rows in by_gaussian(np.array([7, 2, 7]))]
    [(2, [1]), (7, [0, 2])]
    """
    order = np.argsort(gaussians, kind="stable")
    if not len(order):
        return []
    sorted_gaussians = gaussians[order]
    starts = np.flatnonzero(np.diff(sorted_gaussians, prepend=sorted_gaussians[0] - 1))
    return list(zip(sorted_gaussians[starts].tolist(), np.split(order, starts[1:]), strict=True))
