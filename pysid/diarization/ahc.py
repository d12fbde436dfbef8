"""Agglomerative clustering of windows: average linkage to a threshold or a number of speakers, as in Kaldi.

Source: Kaldi ivector/agglomerative-clustering.cc and ivectorbin/agglomerative-cluster.cc. Labels are the same, up to
the limit of Kaldi's pairs of 16-bit cluster numbers: from some 33,000 windows on these may overflow in Kaldi, and
what happens then is not reproduced here.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pysid.diarization.merging import LARGEST, Merger, as_costs
from pysid.diarization.steps import Affinity, Clustering, SpeakerCount, Windows

FIRST_PASS_MAX = 32767  # Kaldi's default


@dataclass(frozen=True, kw_only=True)
class AhcConfig:
    """Settings of `Ahc`.

    Attributes:
        threshold: clusters are joined while the mean score between their windows is at least this, unless the number
            of speakers is given.
        max_speaker_fraction: no speaker gets a larger share of the windows; holds only for a given number of
            speakers, and only if so many speakers can keep to it.
        first_pass_max: a recording with more windows is clustered in two passes: first in
            equal parts, as few as it takes for none to have more windows than this.
    """

    kind: Literal["ahc"] = "ahc"
    threshold: float = 0.0
    max_speaker_fraction: float = 1.0
    first_pass_max: int = FIRST_PASS_MAX

    def __post_init__(self) -> None:
        if not math.isfinite(self.threshold):
            raise ValueError(f"threshold must be finite, got {self.threshold}")
        if not 0 < self.max_speaker_fraction <= 1:
            raise ValueError(f"max_speaker_fraction must lie within (0, 1], got {self.max_speaker_fraction}")
        if self.first_pass_max < 1:
            raise ValueError(f"first_pass_max must be positive, got {self.first_pass_max}")


class Ahc:
    """A `Clusterer` that joins windows bottom up.

    Given a number of speakers, it joins until that many are left. Otherwise it joins down to the threshold, but goes
    on while there are more speakers than allowed, and stops early rather than leave too few.

    Args:
        config: settings.
        affinity: scores of pairs of windows. What it returns is overwritten: for many windows it fills the memory.
    """

    def __init__(self, config: AhcConfig, affinity: Affinity) -> None:
        self.config = config
        self.affinity = affinity

    def __call__(self, embeddings: np.ndarray, windows: Windows, count: SpeakerCount) -> Clustering:
        """Clusters embeddings (N, E), N >= 1; memory N^2 float32.

        Raises:
            DataError: a score is a NaN or an infinity.
        """
        c = self.config
        costs = as_costs(self.affinity(embeddings), overwrite=True)
        np.negative(costs, out=costs)
        labels = _cluster(costs, -c.threshold, count, c.max_speaker_fraction, c.first_pass_max)
        return Clustering.in_order(labels)


def agglomerative_clustering(
    costs: np.ndarray,
    *,
    threshold: float = 0.0,
    n_clusters: int | None = None,
    max_fraction: float = 1.0,
    first_pass_max: int = FIRST_PASS_MAX,
    overwrite: bool = False,
) -> np.ndarray:
    """The labels that Kaldi's agglomerative-cluster writes.

    Args:
        costs: (N, N), N >= 1, finite; the negated scores, unless costs are what Kaldi reads.
        threshold: clusters are joined while the mean cost between their points is at most this. Negated, too, in
            the program's options if it reads scores.
        n_clusters: the given number, which replaces the threshold.
        max_fraction: with a given number, no cluster gets a larger share of the points. A share outside
            [1 / n_clusters, 1] counts as 1.
        first_pass_max: more points than this are clustered in two passes.
        overwrite: use the memory of `costs` where it is float32 in C order, instead of a copy.
    Returns:
        (N,) int, counted from 1.
    Raises:
        ValueError: `costs` is not square; `n_clusters` or `first_pass_max` is not positive.
        DataError: `costs` is empty, or holds a NaN or an infinity.

    >>> scores = np.array([[9.0, -5.0, 4.0], [-5.0, 9.0, -6.0], [4.0, -6.0, 9.0]])
    >>> agglomerative_clustering(-scores, threshold=0.0)
    array([2, 1, 2])
    >>> agglomerative_clustering(-scores, n_clusters=3)
    array([1, 2, 3])
    """
    if first_pass_max < 1:
        raise ValueError(f"first_pass_max must be positive, got {first_pass_max}")
    count = SpeakerCount() if n_clusters is None else SpeakerCount.exactly(n_clusters)
    return _cluster(as_costs(costs, overwrite), threshold, count, max_fraction, first_pass_max) + 1


def _cluster(
    costs: np.ndarray, threshold: float, count: SpeakerCount, max_fraction: float, first_pass_max: int
) -> np.ndarray:
    """(N,) labels from 0 in Kaldi's order; `costs`, float32 in C order, are overwritten."""
    max_size = None
    if count.given is not None:
        threshold = LARGEST
        max_size = _max_size(len(costs), count.given, max_fraction)
    if len(costs) <= first_pass_max:
        return _labels(Merger(costs, max_size=max_size), threshold, count)
    # Ten times the number: speakers who look alike within a part should stay apart until all windows are known.
    groups, sums = _first_pass(costs, threshold, 10 * count.minimum, max_size, first_pass_max)
    sizes = np.array([len(points) for points in groups])
    labels = np.empty(len(costs), dtype=np.int64)
    labels[np.concatenate(groups)] = np.repeat(_labels(Merger(sums, sizes, max_size), threshold, count), sizes)
    return labels


def _max_size(n_points: int, n_clusters: int, max_fraction: float) -> int | None:
    fraction = np.float32(max_fraction)
    if not 1 / n_clusters <= float(fraction) < 1:
        return None
    return math.ceil(np.float32(n_points) * fraction)


def _labels(merger: Merger, threshold: float, count: SpeakerCount) -> np.ndarray:
    """Merges to the number of clusters that the threshold and `count` ask for, or as near to it as can be."""
    merger.run(threshold if count.maximum is None else LARGEST, count.minimum)
    tree = merger.tree()
    n_clusters = count.clip(tree.n_clusters(threshold))
    return tree.cut(min(max(n_clusters, tree.fewest), tree.n_points))


def _first_pass(
    costs: np.ndarray, threshold: float, n_clusters: int, max_size: int | None, max_points: int
) -> tuple[list[list[int]], np.ndarray]:
    """Clusters parts of the points, each by itself.

    Returns:
        The points of each cluster, and (C, C) sums of costs between clusters, valid above the diagonal.
    """
    groups: list[list[int]] = []
    blocks = []  # for each part, sums between its clusters, and between those of earlier parts and its own
    for part in _parts(len(costs), max_points):
        merger = Merger(costs[part, part].copy(), max_size=max_size)
        merger.run(threshold, n_clusters)
        tree = merger.tree()
        new = [[part.start + point for point in points] for points in tree.members(tree.fewest)]
        blocks.append((merger.sums(), _sums_between(costs, groups, new)))
        groups += new
    sums = np.zeros((len(groups), len(groups)), dtype=np.float32)
    end = 0
    for within, before in blocks:
        start, end = end, end + len(within)
        sums[start:end, start:end] = within
        sums[:start, start:end] = before
    return groups, sums


def _parts(n_points: int, max_points: int) -> list[slice]:
    """Parts of the same size but for the last; in float32, as in Kaldi."""
    n_parts = math.ceil(np.float32(n_points) / np.float32(max_points))
    size = math.ceil(np.float32(n_points) / np.float32(n_parts))
    return [slice(start, start + size) for start in range(0, n_points, size)]


def _sums_between(costs: np.ndarray, earlier: list[list[int]], later: list[list[int]]) -> np.ndarray:
    """(E, L) sums of costs between clusters, below the diagonal of `costs`.

    A sum is taken in float32, one cost after another, the points of the later cluster in the outer loop: rounded as
    in Kaldi. Earlier clusters of one size are added up beside each other.
    """
    sums = np.zeros((len(earlier), len(later)), dtype=np.float32)
    for size in {len(points) for points in earlier}:
        which = [cluster for cluster, points in enumerate(earlier) if len(points) == size]
        columns = np.array([earlier[cluster] for cluster in which])
        for cluster, points in enumerate(later):
            total = np.zeros(len(which), dtype=np.float32)
            for point in points:
                values = costs[point].take(columns)  # (clusters, size)
                values[:, 0] += total
                total = values.cumsum(axis=1)[:, -1]
            sums[which, cluster] = total
    return sums
