"""How many speakers there are, and how many neighbours a window should have, by the gaps between eigenvalues."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pysid.diarization.graph import Laplacian, LaplacianKind, nearest_neighbours, undirected

ROUNDING = 1e-6  # of eigenvalues


@dataclass(frozen=True, kw_only=True)
class NearestNeighbours:
    """Joins each window to its `n` nearest others, or to a share of all of them, whichever is more."""

    kind: Literal["nearest-neighbours"] = "nearest-neighbours"
    n: int = 10  # neighbours, at least 1
    share: float = 0.0  # of all windows, in [0, 1]

    def __post_init__(self) -> None:
        if self.n < 1:
            raise ValueError(f"n neighbours must be at least 1, got {self.n}")
        if not 0 <= self.share <= 1:
            raise ValueError(f"the share of neighbours must lie in [0, 1], got {self.share}")


@dataclass(frozen=True, kw_only=True)
class NormalisedMaximumEigengap:
    """Joins each window to as many nearest others as the normalised maximum eigengap picks, see `tuned_neighbours`."""

    kind: Literal["nme"] = "nme"
    min_neighbours: int = 5  # with fewer, noise makes clusters; at most half of a speaker's even share of the windows
    max_share: float = 0.25  # of all windows that may be neighbours of one
    max_neighbours: int = 1000  # bounds the memory for long recordings
    n_tries: int = 15  # numbers of neighbours to try, evenly spaced on a logarithmic scale
    max_windows: int = 1000  # a longer recording is searched with evenly spaced windows, at least half as many

    def __post_init__(self) -> None:
        for name, lowest in (("min_neighbours", 1), ("max_neighbours", 1), ("n_tries", 1), ("max_windows", 2)):
            if getattr(self, name) < lowest:
                raise ValueError(f"{name} must be at least {lowest}, got {getattr(self, name)}")
        if not 0 < self.max_share <= 1:
            raise ValueError(f"max_share must lie in (0, 1], got {self.max_share}")


def largest_gap(eigenvalues: np.ndarray, minimum: int = 1, maximum: int | None = None) -> tuple[int, float]:
    """After how many of the smallest eigenvalues of a Laplacian the widest gap comes, and how wide it is.

    There are as many eigenvalues near 0 as there are clusters that hardly anything connects. The first is 0 always, so
    that the gap after it, which tells of a single cluster, is compared with the others on equal terms.

    Args:
        eigenvalues: (M,) ascending, M >= 2.
        minimum, maximum: bounds of the number, which M - 1 bounds too.

    >>> largest_gap(np.array([0.0, 0.01, 0.5, 0.6]))
    (2, 0.49)
    """
    gaps = np.diff(eigenvalues)[minimum - 1 : maximum]
    best = int(np.argmax(gaps >= gaps.max() - ROUNDING))  # of equal gaps the first
    return best + minimum, float(gaps[best])


def tuned_neighbours(
    affinity: np.ndarray,
    config: NormalisedMaximumEigengap,
    minimum: int,
    maximum: int,
    laplacian: LaplacianKind = "normalised",
) -> int:
    """The number of neighbours p that makes speakers stand out most at the least cost.

    Of the graphs that fall into the fewest pieces it is that with the least ratio of p to the largest eigengap,
    relative to the largest eigenvalue, of `minimum` to `maximum` speakers.

    Args:
        affinity: (N, N), N >= 2; unchanged.
    Source: Park, Han, Kumar, Narayanan, "Auto-tuning spectral clustering for speaker diarization using normalized
        maximum eigengap", IEEE Signal Processing Letters 27, 2020, algorithm 1; NeMo's NMESC, for the preference for
        connected graphs and the subsampling. Not theirs is the lower bound of p: with the normalised Laplacian it
        keeps neighbours in time from making clusters of their own.
    """
    step = math.ceil(len(affinity) / config.max_windows)
    affinity = affinity[::step, ::step]
    size = len(affinity)
    n_values = min(maximum + 1, size)
    best = (size, math.inf, 1)
    for n in _tries(size, config, minimum):
        graph = Laplacian(undirected(nearest_neighbours(affinity, n)), laplacian)
        _, gap = largest_gap(graph.smallest(n_values)[0], min(minimum, size - 1), maximum)
        ratio = n / size / max(gap / graph.largest(), 1e-10)
        best = min(best, (graph.n_parts, ratio, n))
    return min(best[2] * step, config.max_neighbours)


def _tries(size: int, config: NormalisedMaximumEigengap, minimum: int) -> list[int]:
    """Numbers of neighbours to try, ascending, each below `size` >= 2."""
    low = max(1, min(config.min_neighbours, size // (2 * minimum)))
    high = max(low, int(config.max_share * size))
    tries = np.unique(np.geomspace(low, high, config.n_tries).round().astype(int))
    return [int(n) for n in tries if n < size] or [size - 1]
