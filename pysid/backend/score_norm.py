"""Score normalisation: scores measured in units of what impostors get."""

from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from numpy.typing import ArrayLike

from pysid.backend.bilinear import BilinearScores
from pysid.backend.checks import check_embeddings
from pysid.backend.estimator import Estimator
from pysid.backend.statistics import row_blocks
from pysid.errors import DataError

BLOCK_VALUES = 2**21  # scores against the cohort held at a time: 16 MiB


class Scorer(Protocol):
    """What `AdaptiveScoreNorm` needs of a back-end."""

    def terms(self, enrol: ArrayLike, test: ArrayLike, n_enrol: ArrayLike = 1) -> BilinearScores:
        """Scores of enrolments against tests, not yet multiplied out; arguments as of `Backend.terms`."""


@dataclass(frozen=True)
class CohortStatistics:
    """What the scores of N embeddings against a cohort of impostors look like.

    Attributes:
        mean, std: (N,) mean and standard deviation of each embedding's scores; std > 0.
    """

    mean: np.ndarray
    std: np.ndarray

    def __post_init__(self) -> None:
        if not (self.std > 0).all():
            row = int(np.flatnonzero(~(self.std > 0))[0])
            raise DataError(f"the cohort scores of embedding {row} are all equal, expected them to vary")

    def normalize(self, scores: np.ndarray, axis: int) -> np.ndarray:
        """Scores minus the mean, over the standard deviation, where `axis` of `scores` runs over the N."""
        shape = [1] * scores.ndim
        shape[axis] = -1
        return (scores - self.mean.reshape(shape)) / self.std.reshape(shape)

    def take(self, index: ArrayLike) -> "CohortStatistics":
        """The statistics of the embeddings with the given (P,) indices."""
        index = np.asarray(index, dtype=np.intp)
        return CohortStatistics(self.mean[index], self.std[index])


def cohort_statistics(scores: ArrayLike, top_n: int | None = None) -> CohortStatistics:
    """Mean and standard deviation of each row of `scores` (N, C), over its `top_n` highest or over all C.

    Raises:
        ValueError: `scores` is not two-dimensional, or `top_n` lies outside [2, C].
        DataError: all scores of a row are equal.
    """
    scores = np.array(scores, dtype=np.float64)
    if scores.ndim != 2:
        raise ValueError(f"cohort scores must be (embeddings, cohort), got shape {scores.shape}")
    size = scores.shape[1]
    top_n = size if top_n is None else top_n
    if not 2 <= top_n <= size:
        raise ValueError(f"top_n must lie in [2, cohort size {size}], got {top_n}")
    return CohortStatistics(*_top_moments(scores, top_n))


def _top_moments(scores: np.ndarray, top_n: int) -> tuple[np.ndarray, np.ndarray]:
    """(N,) mean and standard deviation of the `top_n` highest of each row of `scores` (N, C), which get reordered."""
    size = scores.shape[1]
    if top_n < size:
        scores.partition(size - top_n, axis=1)
        scores = scores[:, size - top_n :]
    return scores.mean(axis=1), scores.std(axis=1)


def z_norm(scores: ArrayLike, enrol: CohortStatistics) -> np.ndarray:
    """Scores normalised by the enrolment's cohort scores (Li and Porter, ICASSP 1988).

    Here and below `scores` is (E, T), with statistics of E enrolments and T tests, or (P,), with statistics
    of the enrolment and test of each trial.
    """
    return enrol.normalize(np.asarray(scores, dtype=np.float64), axis=0)


def t_norm(scores: ArrayLike, test: CohortStatistics) -> np.ndarray:
    """Scores normalised by the test's cohort scores (Auckenthaler, Carey and Lloyd-Thomas, DSP 2000)."""
    return test.normalize(np.asarray(scores, dtype=np.float64), axis=-1)


def s_norm(scores: ArrayLike, enrol: CohortStatistics, test: CohortStatistics) -> np.ndarray:
    """Mean of `z_norm` and `t_norm` (Kenny, Odyssey 2010); with top-N statistics it is adaptive s-norm.

    Args:
        scores: (E, T).
        enrol: of the E enrolments against the cohort.
        test: of the T tests.
    """
    return 0.5 * (z_norm(scores, enrol) + t_norm(scores, test))


class AdaptiveScoreNorm(Estimator):
    """AS-norm: s-norm by the `top_n` most similar members of a cohort (Matejka et al., Interspeech 2017).

    It scores like the back-end it wraps, and does not change if that one's scores are scaled or shifted.

    Args:
        backend: a fitted `PldaBackend` or `CosineBackend`.
        top_n: cohort members that count for each embedding; None takes all, which is plain s-norm.
    Learned: cohort_ (C, D).
    """

    def __init__(self, backend: Scorer, top_n: int | None = 300) -> None:
        self.backend = backend
        self.top_n = top_n

    cohort_: np.ndarray

    def fit(self, cohort: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Keeps the cohort: (C, D) embeddings of other speakers, C >= top_n; `y` is not used."""
        cohort = check_embeddings(cohort, "cohort")
        needed = 2 if self.top_n is None else self.top_n
        if len(cohort) < needed:
            raise DataError(f"the cohort has {len(cohort)} embeddings, expected at least {needed}")
        self.cohort_ = cohort
        return self

    def statistics(self, X: ArrayLike, n_utterances: ArrayLike = 1) -> CohortStatistics:
        """Cohort statistics of embeddings `X` (N, D), means of `n_utterances` each; in bounded memory."""
        X = self._check_input(X, self.cohort_.shape[1] if hasattr(self, "cohort_") else None)
        n = np.broadcast_to(n_utterances, (len(X),))
        top_n = len(self.cohort_) if self.top_n is None else self.top_n
        moments = [
            _top_moments(scores, top_n)
            for rows in row_blocks(len(X))
            for _, scores in self.backend.terms(X[rows], self.cohort_, n[rows]).blocks(BLOCK_VALUES)
        ]
        mean, std = zip(*moments, strict=True)
        return CohortStatistics(np.concatenate(mean), np.concatenate(std))

    def score(self, enrol: ArrayLike, test: ArrayLike, n_enrol: ArrayLike = 1) -> np.ndarray:
        """(E, T) normalised scores of enrolments (E, D) against tests (T, D).

        Args:
            enrol, test: raw embeddings.
            n_enrol: how many embeddings are behind each row of `enrol`.
        """
        raw = self.backend.terms(enrol, test, n_enrol).matrix()
        return s_norm(raw, self.statistics(enrol, n_enrol), self.statistics(test))

    def score_pairs(
        self,
        enrol: ArrayLike,
        test: ArrayLike,
        enrol_index: ArrayLike,
        test_index: ArrayLike,
        n_enrol: ArrayLike = 1,
    ) -> np.ndarray:
        """(P,) normalised scores of the trials (enrol[enrol_index], test[test_index]).

        Args:
            enrol, test: (E, D) and (T, D) raw embeddings.
            enrol_index, test_index: (P,) rows of these.
            n_enrol: how many embeddings are behind each row of `enrol`.
        """
        raw = self.backend.terms(enrol, test, n_enrol).pairs(enrol_index, test_index)
        return s_norm(
            raw,
            self.statistics(enrol, n_enrol).take(enrol_index),
            self.statistics(test).take(test_index),
        )
