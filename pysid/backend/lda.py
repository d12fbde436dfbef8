"""Linear discriminant analysis: the directions in which speakers differ most."""

import warnings
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from pysid.backend.estimator import Transformer
from pysid.backend.normalize import apply_affine
from pysid.backend.statistics import SpeakerStatistics, speaker_statistics
from pysid.errors import DataError, PysidWarning


class Lda(Transformer):
    """LDA as an affine map that centres too. Source: Kaldi ivectorbin/ivector-compute-lda.cc.

    The projected data has mean zero and, at `total_covariance_factor` f, unit
    f * total + (1 - f) * within-speaker covariance.

    Args:
        dim: dimensions kept, 1 <= dim <= D.
        total_covariance_factor: f above, in [0, 1].
        covariance_floor: eigenvalues of the normalised covariance are floored to this share of the largest.
    Learned: transform_ (dim, D + 1), its last column the offset.
    """

    def __init__(self, dim: int, *, total_covariance_factor: float = 0.0, covariance_floor: float = 1e-6) -> None:
        self.dim = dim
        self.total_covariance_factor = total_covariance_factor
        self.covariance_floor = covariance_floor

    transform_: np.ndarray
    requires_labels = True

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Learns from embeddings `X` (N, D) with speaker labels `y` (N,).

        Raises:
            ValueError: an option out of its range.
            DataError: fewer embeddings than dimensions (N < D), dim > D, fewer than two speakers,
                or no speaker with two utterances.
        Warns:
            PysidWarning: dim > K - 1; K speakers differ in at most K - 1 directions, the rest are arbitrary.
        """
        self._check_options()
        statistics = speaker_statistics(self._check_training(X), y)
        self._check(statistics)
        n = statistics.n_utterances
        mean = statistics.counts @ statistics.means / n
        offsets = statistics.means - mean
        within = statistics.scatter / n
        between = (offsets * statistics.counts[:, None]).T @ offsets / n
        # total = within + between, so f total + (1 - f) within = within + f between.
        whiten = _whitening(within + self.total_covariance_factor * between, self.covariance_floor)
        _, directions = np.linalg.eigh(whiten @ between @ whiten.T)
        linear = directions[:, ::-1][:, : self.dim].T @ whiten
        self.transform_ = np.column_stack([linear, -linear @ mean])
        return self

    def transform(self, X: ArrayLike) -> np.ndarray:
        """(N, dim) projections of the embeddings `X` (N, D)."""
        self.check_fitted()
        return apply_affine(self.transform_, self._check_input(X, self.n_features_in_))

    def _check_options(self) -> None:
        if self.dim < 1:
            raise ValueError(f"LDA needs at least one dimension, got dim={self.dim}")
        if not 0 <= self.total_covariance_factor <= 1:
            raise ValueError(f"total_covariance_factor must lie in [0, 1], got {self.total_covariance_factor}")
        if self.covariance_floor < 0:
            raise ValueError(f"covariance_floor must not be negative, got {self.covariance_floor}")

    def _check(self, statistics: SpeakerStatistics) -> None:
        if self.dim > statistics.dim:
            raise DataError(f"LDA to {self.dim} dimensions needs embeddings of as many, got {statistics.dim}")
        if statistics.n_utterances < statistics.dim:
            raise DataError(
                f"LDA needs at least as many embeddings as dimensions, "
                f"got {statistics.n_utterances} embeddings of {statistics.dim} dimensions"
            )
        statistics.require_within_speaker_variation("LDA")
        if self.dim >= statistics.n_speakers:
            warnings.warn(
                f"{statistics.n_speakers} speakers differ in at most {statistics.n_speakers - 1} directions, "
                f"so LDA to {self.dim} dimensions keeps arbitrary ones",
                PysidWarning,
                stacklevel=3,
            )


def _whitening(covariance: np.ndarray, floor: float) -> np.ndarray:
    """The matrix P with P covariance P' = I, after flooring eigenvalues to `floor` times the largest."""
    variances, components = np.linalg.eigh(covariance)
    if variances[-1] <= 0:
        raise DataError("LDA needs embeddings that vary, the utterances of each speaker are all equal")
    return (components / np.sqrt(np.maximum(variances, floor * variances[-1]))).T
