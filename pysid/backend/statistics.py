"""Sums over speakers: all that LDA and PLDA need to know about their training data."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from pysid.backend.checks import check_embeddings, check_labels
from pysid.errors import DataError

BLOCK_ROWS = 65536  # embeddings converted to float64 at a time: bounds the memory beside the embeddings
CACHED_ROWS = 1024  # embeddings in float64 at a time where what is done with them should stay in the cache


@dataclass(frozen=True)
class SpeakerStatistics:
    """Sufficient statistics of N embeddings of K speakers, in double precision.

    Attributes:
        means: (K, D) mean embedding of each speaker.
        counts: (K,) number of utterances of each speaker.
        scatter: (D, D) sum of (x - mean of its speaker)(x - mean of its speaker)'.
    """

    means: np.ndarray
    counts: np.ndarray
    scatter: np.ndarray

    @property
    def n_speakers(self) -> int:
        """Speakers that were counted."""
        return len(self.counts)

    @property
    def n_utterances(self) -> int:
        """Utterances of all of them."""
        return int(self.counts.sum())

    @property
    def dim(self) -> int:
        """Of the vectors."""
        return self.means.shape[1]

    def require_within_speaker_variation(self, purpose: str) -> None:
        """Raises `DataError` unless there are two speakers, one of them with two utterances."""
        if self.n_speakers < 2:
            raise DataError(f"{purpose} needs at least two speakers, the data has {self.n_speakers}")
        if self.n_speakers == self.n_utterances:
            raise DataError(f"{purpose} needs a speaker with two utterances, all {self.n_speakers} have one")


def speaker_statistics(X: ArrayLike, y: ArrayLike) -> SpeakerStatistics:
    """Means, counts and within-speaker scatter of embeddings `X` (N, D) with speaker labels `y` (N,).

    >>> statistics = speaker_statistics([[1.0], [3.0], [7.0]], ["ann", "ann", "bob"])
    >>> statistics.means.ravel(), statistics.counts, statistics.scatter.item()
    (array([2., 7.]), array([2, 1]), 2.0)
    """
    X = check_embeddings(X)
    names, codes = check_labels(y, len(X))
    means, counts = _means(X, codes, len(names))
    scatter = np.zeros((X.shape[1], X.shape[1]))
    for rows in row_blocks(len(X), CACHED_ROWS):
        offsets = X[rows] - means[codes[rows]]
        scatter += offsets.T @ offsets
    return SpeakerStatistics(means, counts, scatter)


def speaker_means(X: ArrayLike, y: ArrayLike) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One enrolment vector for each speaker of several utterances, as Kaldi's ivector-mean makes it.

    Args:
        X: (N, D) embeddings; y: (N,) speaker labels.
    Returns:
        speakers: (K,) the labels, sorted.
        means: (K, D) the mean embedding of each.
        counts: (K,) utterances of each, the `n_enrol` of PLDA scoring.
    """
    X = check_embeddings(X)
    names, codes = check_labels(y, len(X))
    means, counts = _means(X, codes, len(names))
    return names, means, counts


def row_blocks(n_rows: int, block_rows: int = BLOCK_ROWS) -> Iterator[slice]:
    """Slices that cover range(n_rows) in order.

    >>> [(rows.start, rows.stop) for rows in row_blocks(5, 2)]
    [(0, 2), (2, 4), (4, 5)]
    """
    for start in range(0, n_rows, block_rows):
        yield slice(start, min(start + block_rows, n_rows))


def _means(X: np.ndarray, codes: np.ndarray, n_speakers: int) -> tuple[np.ndarray, np.ndarray]:
    """(K, D) mean and (K,) count of the rows of each code; every code in [0, K) occurs."""
    counts = np.bincount(codes, minlength=n_speakers)
    order = np.argsort(codes, kind="stable")
    sums = np.zeros((n_speakers, X.shape[1]))
    for rows in row_blocks(len(X), CACHED_ROWS):
        speakers, starts = np.unique(codes[order[rows]], return_index=True)
        block = X[order[rows]].astype(np.float64, copy=False)
        # NumPy takes ten times as long for sums of single rows.
        sums[speakers] += block if len(starts) == len(block) else np.add.reduceat(block, starts, axis=0)
    return sums / counts[:, None], counts
