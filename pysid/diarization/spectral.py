"""Spectral clustering of windows: cuts the graph of who resembles whom where least is cut.

Source: Ng, Jordan, Weiss, "On spectral clustering: analysis and an algorithm", NIPS 2001; for the number of speakers
and of neighbours see `eigengap`.
"""

import warnings
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from scipy import sparse

from pysid.diarization.eigengap import NearestNeighbours, NormalisedMaximumEigengap, largest_gap, tuned_neighbours
from pysid.diarization.graph import Laplacian, LaplacianKind, Weights, n_parts, nearest_neighbours, undirected
from pysid.diarization.refinement import Refinement, Symmetrize
from pysid.diarization.steps import Affinity, Clustering, SpeakerCount, Windows

K_MEANS_STARTS = 10


@dataclass(frozen=True, kw_only=True)
class SpectralConfig:
    """Settings of `Spectral`.

    Attributes:
        refinement: what is done to the affinities first, such as `refinement.WANG_2018`.
        pruning: which windows the graph joins, with weights 1 or 1/2; None joins all, with their refined affinities
            as weights, which must not be negative. PLDA scores on a few main axes (a target_energy up to 0.3) do
            better with pruning None and refinement Logistic(shift=1): on so few axes near neighbours mean little.
        laplacian: whose eigenvalues and eigenvectors are taken.
        max_speakers: the most that are looked for, where no upper bound is given.
    """

    kind: Literal["spectral"] = "spectral"
    refinement: tuple[Refinement, ...] = ()
    pruning: NormalisedMaximumEigengap | NearestNeighbours | None = field(default_factory=NormalisedMaximumEigengap)
    laplacian: LaplacianKind = "normalised"
    max_speakers: int = 20

    def __post_init__(self) -> None:
        if self.max_speakers < 1:
            raise ValueError(f"max_speakers must be at least 1, got {self.max_speakers}")


class Spectral:
    """A `Clusterer` by the eigenvectors of a graph's Laplacian.

    Pruning looks at the order of affinities alone, so that cosines and log-likelihood ratios serve alike. The number
    of speakers is that after which the eigenvalues leave the widest gap, 1 among them; of fewer than eight windows
    it is a guess. The same input always gives the same labels.

    Args:
        config: settings.
        affinity: compares windows. What it returns is overwritten.
    """

    def __init__(self, config: SpectralConfig, affinity: Affinity) -> None:
        self.config = config
        self.affinity = affinity

    def __call__(self, embeddings: np.ndarray, windows: Windows, count: SpeakerCount) -> Clustering:
        """Clusters embeddings (N, E), N >= 1; memory N^2 float32, and some 40 bytes for each pair of neighbours.

        Raises:
            ValueError: no pruning, and a refined affinity is negative or a NaN.
        """
        n = len(embeddings)
        minimum = min(count.minimum, n)
        maximum = min(n, max(minimum, self.config.max_speakers) if count.maximum is None else count.maximum)
        if minimum == n or maximum == 1:
            return Clustering.in_order(np.arange(n) if minimum == n else np.zeros(n))
        laplacian = Laplacian(self._weights(embeddings, minimum, maximum), self.config.laplacian)
        values, vectors = laplacian.smallest(min(maximum + 1, n))
        n_speakers, _ = largest_gap(values, minimum, maximum)
        return Clustering.in_order(_cluster_rows(vectors[:, :n_speakers]))

    def _weights(self, embeddings: np.ndarray, minimum: int, maximum: int) -> Weights:
        affinity = self.affinity(embeddings)
        for refine in self.config.refinement:
            affinity = refine(affinity)
        pruning = self.config.pruning
        if pruning is None:
            return Symmetrize(by="average")(affinity)
        if isinstance(pruning, NearestNeighbours):
            n = max(pruning.n, int(pruning.share * len(affinity)))
        else:
            n = tuned_neighbours(affinity, pruning, minimum, maximum, self.config.laplacian)
        neighbours = _connected_neighbours(affinity, n, maximum)
        del affinity  # before the graph doubles
        return undirected(neighbours)


def _connected_neighbours(affinity: np.ndarray, n: int, max_parts: int) -> sparse.csr_array:
    """`n` neighbours each, or as many more as it takes for no more parts than `max_parts` that nothing connects."""
    n = min(n, len(affinity) - 1)
    neighbours = nearest_neighbours(affinity, n)
    while n_parts(neighbours) > max_parts:
        n = min(len(affinity) - 1, n + max(1, n // 2))
        neighbours = nearest_neighbours(affinity, n)
    return neighbours


def _cluster_rows(vectors: np.ndarray) -> np.ndarray:
    """(N,) labels by k-means of the directions of the rows of (N, K) eigenvectors, into K clusters."""
    k = vectors.shape[1]
    if k == 1:
        return np.zeros(len(vectors), dtype=np.int64)
    from sklearn.cluster import KMeans  # scikit-learn takes a second to import
    from sklearn.exceptions import ConvergenceWarning

    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    rows = vectors / np.where(length == 0, 1.0, length)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # rows that are all alike have fewer clusters
        return KMeans(k, n_init=K_MEANS_STARTS, random_state=0).fit_predict(rows)
