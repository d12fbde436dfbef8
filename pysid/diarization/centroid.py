"""Clusters that are joined while their centroids are near, and small clusters given to large ones, as pyannote does.

Source: pyannote.audio, pyannote/audio/pipelines/clustering.py (AgglomerativeClustering with the method "centroid"), of
its pipeline 3.1; written anew.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage

from pysid.backend.normalize import length_normalize
from pysid.diarization.steps import Clustering, SpeakerCount, Windows

SMALL_SHARE = 0.1  # of all windows, where there are few: a cluster of more of them is not small


@dataclass(frozen=True, kw_only=True)
class CentroidConfig:
    """Settings of `Centroid`; the defaults are those of pyannote's pipeline 3.1.

    Attributes:
        threshold: clusters are joined while the distance between the means of their unit vectors is at most this.
        min_cluster_size: windows of a cluster that is a speaker; a smaller one is given to the nearest of those.
    """

    kind: Literal["centroid"] = "centroid"
    threshold: float = 0.7045654963945799
    min_cluster_size: int = 12

    def __post_init__(self) -> None:
        if not 0 <= self.threshold < math.inf:
            raise ValueError(f"threshold must not be negative, got {self.threshold}")
        if self.min_cluster_size < 1:
            raise ValueError(f"min_cluster_size must be at least 1, got {self.min_cluster_size}")


class Centroid:
    """A `Clusterer`; memory 8 N^2 bytes."""

    def __init__(self, config: CentroidConfig | None = None) -> None:
        self.config = config or CentroidConfig()

    def __call__(self, embeddings: np.ndarray, windows: Windows, count: SpeakerCount) -> Clustering:
        """Clusters embeddings (N, E), N >= 1, by their directions."""
        c, n = self.config, len(embeddings)
        if n == 1:
            return Clustering(np.zeros(1, np.int64))
        x = length_normalize(embeddings.astype(np.float64), scale_up=False)
        merges = linkage(x, "centroid")
        smallest = min(c.min_cluster_size, max(1, round(SMALL_SHARE * n)))
        labels = fcluster(merges, c.threshold, "distance") - 1
        n_large = len(_large(labels, smallest))
        wanted = count.clip(n_large)
        if n_large != wanted:
            labels = _nearest_cut(merges, c.threshold, smallest, wanted)
        return Clustering.in_order(_without_small(labels, x, smallest))


def _large(labels: np.ndarray, smallest: int) -> np.ndarray:
    """The labels of clusters with so many members."""
    values, counts = np.unique(labels, return_counts=True)
    return np.asarray(values[counts >= smallest])


def _nearest_cut(merges: np.ndarray, threshold: float, smallest: int, wanted: int) -> np.ndarray:
    """(N,) labels of the cut whose large clusters come nearest to the wanted number.

    Of several, that after a merge whose distance is nearest to the threshold.
    """
    n = len(merges) + 1
    numbered = merges.copy()
    numbered[:, 2] = np.arange(n - 1)  # a cut is then named by its last merge
    best, fewest = np.arange(n), np.inf
    for i in np.argsort(np.abs(merges[:, 2] - threshold), kind="stable"):
        if merges[i, 3] < smallest:  # leaves the large clusters as they are
            continue
        labels = fcluster(numbered, i, "distance") - 1
        off = abs(len(_large(labels, smallest)) - wanted)
        if off < fewest:
            best, fewest = labels, off
        if off == 0:
            break
    return np.asarray(best)


def _without_small(labels: np.ndarray, x: np.ndarray, smallest: int) -> np.ndarray:
    """Labels in which too small a cluster has the label of the large one whose mean direction is most similar."""
    values, own = np.unique(labels, return_inverse=True)
    large = np.isin(values, _large(labels, smallest))
    if not large.any():
        return np.zeros(len(labels), np.int64)
    sums = np.zeros((len(values), x.shape[1]))
    np.add.at(sums, own, x)
    means = length_normalize(sums, scale_up=False)
    nearest = np.flatnonzero(large)[(means @ means[large].T).argmax(1)]
    nearest[large] = np.flatnonzero(large)
    return np.asarray(values[nearest[own]])
