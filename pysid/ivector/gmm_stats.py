"""Sums over frames that a mixture of Gaussians is trained from. Source: Kaldi gmm/{mle-diag-gmm,mle-full-gmm}.cc."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pysid.ivector.diag_gmm import DiagGmm
from pysid.ivector.full_gmm import FullGmm
from pysid.ivector.ragged import Posteriors, by_gaussian

MEANS, VARIANCES, WEIGHTS = 1, 2, 4

Doubles = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class GmmStats:
    """Zeroth, first and second order, summed with the posteriors of the Gaussians.

    Attributes:
        flags: what they are for: a sum of MEANS, VARIANCES, WEIGHTS; variances need means, and either weights.
        occupancy: (G,).
        first: (G, D); (0, 0) without means.
        second: (G, D) of squares, for diagonal covariances, or (G, D, D); empty without variances.
    """

    flags: int
    occupancy: Doubles
    first: Doubles
    second: Doubles

    @classmethod
    def zeros(cls, gmm: DiagGmm | FullGmm, flags: int) -> "GmmStats":
        """Of no frames."""
        flags, n, dim = with_what_they_need(flags), gmm.n_gaussians, gmm.dim
        shape = (n, dim) if isinstance(gmm, DiagGmm) else (n, dim, dim)
        first = np.zeros((n, dim) if flags & MEANS else (0, 0))
        return cls(flags, np.zeros(n), first, np.zeros(shape if flags & VARIANCES else (0,) * len(shape)))

    def add(self, x: NDArray[np.float32], posteriors: Posteriors) -> None:
        """Adds frames x (T, D) and the posteriors of Gaussians of each."""
        posteriors.check(len(self.occupancy))
        weights = posteriors.weights.astype(np.float64)
        for g, entries in by_gaussian(posteriors.gaussians):
            weight, rows = weights[entries], x[posteriors.frames[entries]].astype(np.float64)
            self.occupancy[g] += weight.sum()
            if self.flags & MEANS:
                self.first[g] += weight @ rows
            if self.flags & VARIANCES:
                self.second[g] += weight @ np.square(rows) if self.second.ndim == 2 else (rows.T * weight) @ rows

    def add_all(self, x: NDArray[np.float32], posteriors: NDArray[np.float32]) -> None:
        """Adds frames x (T, D) and the posteriors (T, G) of all Gaussians."""
        table, rows = posteriors.astype(np.float64), x.astype(np.float64)
        self.occupancy[:] += table.sum(axis=0)
        if self.flags & MEANS:
            self.first[:] += table.T @ rows
        if self.flags & VARIANCES and self.second.ndim == 2:
            self.second[:] += table.T @ np.square(rows)
        elif self.flags & VARIANCES:
            for g, weight in enumerate(table.T):
                self.second[g] += (rows.T * weight) @ rows

    def __add__(self, other: "GmmStats") -> "GmmStats":
        if self.flags != other.flags or self.second.shape != other.second.shape:
            raise ValueError("expected statistics of one kind of mixture, made with the same flags")
        return replace(
            self,
            occupancy=self.occupancy + other.occupancy,
            first=self.first + other.first,
            second=self.second + other.second,
        )


def parse_flags(letters: str) -> int:
    """The flags that the letters m, v, w stand for; a stands for all.

    >>> parse_flags("mw")
    5
    """
    known = {"m": MEANS, "v": VARIANCES, "w": WEIGHTS, "t": 0, "a": MEANS | VARIANCES | WEIGHTS}
    if unknown := set(letters) - set(known):
        raise ValueError(f"expected flags out of mvw, got {min(unknown)!r}")
    flags = 0
    for letter in letters:
        flags |= known[letter]
    return flags


def with_what_they_need(flags: int) -> int:
    """Variances need means, and either needs weights. Source: AugmentGmmFlags."""
    flags |= MEANS if flags & VARIANCES else 0
    return flags | (WEIGHTS if flags & MEANS else 0)
