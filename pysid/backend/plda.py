"""Probabilistic linear discriminant analysis (Ioffe, ECCV 2006), as Kaldi's ivector/plda.cc has it."""

from typing import Literal, Self

import numpy as np
from numpy.typing import ArrayLike

from pysid.backend.bilinear import BilinearScores
from pysid.backend.checks import check_embeddings
from pysid.backend.estimator import Transformer
from pysid.backend.plda_adapt import adapted_covariances
from pysid.backend.statistics import speaker_statistics
from pysid.backend.two_covariance import diagonalize, em_step, log_likelihood, pool_speakers
from pysid.errors import DataError

LengthNorm = Literal["kaldi", "simple"]
PSI_ROUNDING = 1e-6  # how far below 0, relative to the largest, Kaldi's adaptation may leave a psi that is 0


class Plda(Transformer):
    """Two-covariance PLDA: x = mean + speaker + noise, both Gaussian, trained by EM.

    Learned:
        mean_ (D,) mean of the speakers' means;
        transform_ (D, D) maps x - mean to a space with unit noise and independent axes;
        psi_ (D,) variance of the speakers on each axis there, descending.

    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(np.arange(50), 4)
    >>> X = 3 * rng.normal(size=(50, 2))[y] + rng.normal(size=(200, 2))
    >>> u = Plda().fit(X, y).transform(X)
    >>> scores = Plda().fit(X, y).score(u, u)
    >>> bool(scores[y[:, None] == y].mean() > scores[y[:, None] != y].mean())
    True
    """

    def __init__(self, n_iter: int = 10) -> None:
        self.n_iter = n_iter

    mean_: np.ndarray
    transform_: np.ndarray
    psi_: np.ndarray
    requires_labels = True

    @classmethod
    def from_parameters(cls, mean: ArrayLike, transform: ArrayLike, psi: ArrayLike) -> Self:
        """A model with given parameters, for instance those of a Kaldi file.

        Args:
            mean: (D,).
            transform: (D, D), to unit noise and independent axes.
            psi: (D,) variances of speakers there.
        Raises:
            DataError: shapes other than (D,), (D, D) and (D,), a value that is not finite, or a negative psi.
        """
        mean, transform, psi = (np.asarray(a, dtype=np.float64) for a in (mean, transform, psi))
        dim = mean.size
        if dim == 0 or mean.shape != (dim,) or transform.shape != (dim, dim) or psi.shape != (dim,):
            raise DataError(
                f"a PLDA model needs mean (D,), transform (D, D) and psi (D,), "
                f"got {mean.shape}, {transform.shape} and {psi.shape}"
            )
        if not all(np.isfinite(a).all() for a in (mean, transform, psi)):
            raise DataError("a PLDA model needs finite parameters, these hold a NaN or an infinity")
        if psi.min() < -PSI_ROUNDING * psi.max():
            raise DataError(f"a PLDA model needs psi >= 0, the lowest is {psi.min():g}")
        model = cls()
        return model._learned(mean, transform, np.maximum(psi, 0.0))

    @property
    def dim(self) -> int:
        """D of the embeddings."""
        self.check_fitted()
        return len(self.mean_)

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Trains on embeddings `X` (N, D) with speaker labels `y` (N,), from unit covariances on.

        Raises:
            ValueError: an `n_iter` below 1.
            DataError: N <= D, fewer than two speakers, or no speaker with two utterances.
        """
        if self.n_iter < 1:
            raise ValueError(f"n_iter must be at least 1, got {self.n_iter}")
        statistics = speaker_statistics(self._check_training(X), y)
        if statistics.n_utterances <= statistics.dim:
            raise DataError(
                f"PLDA needs more embeddings than dimensions, "
                f"got {statistics.n_utterances} embeddings of {statistics.dim} dimensions"
            )
        statistics.require_within_speaker_variation("PLDA")
        mean = statistics.means.mean(axis=0)  # speakers, not utterances, weigh equally
        speakers = pool_speakers(statistics, mean)
        between = within = np.eye(statistics.dim)
        for _ in range(self.n_iter):
            between, within = em_step(between, within, speakers)
        return self._learned(mean, *diagonalize(between, within))

    def log_likelihood(self, X: ArrayLike, y: ArrayLike) -> float:
        """Mean log density of an embedding, in nats, of `X` (N, D) given who speaks, `y` (N,)."""
        statistics = speaker_statistics(check_embeddings(X, dim=self.dim), y)
        return log_likelihood(statistics, self.mean_, self.transform_, self.psi_) / statistics.n_utterances

    def covariances(self) -> tuple[np.ndarray, np.ndarray]:
        """The (D, D) between-speaker and within-speaker covariance of the embeddings."""
        self.check_fitted()
        back = np.linalg.inv(self.transform_)
        return (back * self.psi_) @ back.T, back @ back.T

    def transform(
        self, X: ArrayLike, n_utterances: ArrayLike = 1, length_norm: LengthNorm | None = "kaldi"
    ) -> np.ndarray:
        """Embeddings in the space in which `score` compares them.

        Args:
            X: (N, D), each the mean of so many utterances:
            n_utterances: a number, or (N,).
            length_norm: "kaldi" scales each result u so that u' (psi + I/n)^-1 u = D, its expectation;
                "simple" scales it to length sqrt(D); None leaves it. A zero vector stays zero.
        Returns:
            (N, D).
        Source: Plda::TransformIvector; its options --normalize-length and --simple-length-normalization.
        """
        X = self._check_input(X, self.dim)
        n = _check_counts(n_utterances, len(X), "n_utterances")
        u = (X - self.mean_) @ self.transform_.T
        if length_norm is None:
            return u
        if length_norm == "kaldi":
            energy = (u**2 / (self.psi_ + 1 / n[:, None])).sum(axis=1)
        elif length_norm == "simple":
            energy = (u**2).sum(axis=1)
        else:
            raise ValueError(f"length_norm must be 'kaldi', 'simple' or None, got {length_norm!r}")
        return u * np.sqrt(self.dim / np.where(energy == 0, self.dim, energy))[:, None]

    def score(self, enrol: ArrayLike, test: ArrayLike, n_enrol: ArrayLike = 1) -> np.ndarray:
        """Log-likelihood ratios, in nats, of "same speaker" against "two speakers".

        Args:
            enrol: (E, D) from `transform`, each the mean of so many utterances:
            n_enrol: a number, or (E,).
            test: (T, D) from `transform`, single utterances.
        Returns:
            (E, T).
        Source: Plda::LogLikelihoodRatio.
        """
        return self.terms(enrol, test, n_enrol).matrix()

    def terms(self, enrol: ArrayLike, test: ArrayLike, n_enrol: ArrayLike = 1) -> BilinearScores:
        """What `score` multiplies out; `.pairs(i, j)` scores a list of trials alone.

        Given the mean e of n utterances, a test is N(n psi / (n psi + 1) e, 1 + psi / (n psi + 1)) if it is
        of the same speaker, and N(0, 1 + psi) if not. The log ratio is of second degree in e and test.

        Args:
            enrol: (E, D) means of embeddings in the space of `transform`.
            test: (T, D) likewise.
            n_enrol: how many embeddings are behind each mean: a number, or (E,).
        """
        enrol = check_embeddings(enrol, "enrol", self.dim).astype(np.float64, copy=False)
        test = check_embeddings(test, "test", self.dim).astype(np.float64, copy=False)
        counts, group = np.unique(_check_counts(n_enrol, len(enrol), "n_enrol"), return_inverse=True)
        psi, n = self.psi_, counts[:, None]
        first, second = n * psi + 1, (n + 1) * psi + 1  # (G, D); second / first is the variance given e
        enrol_weight = (n * psi) ** 2 / (first * second)
        test_weight = n * psi**2 / (second * (1 + psi))
        constant = 0.5 * (np.log1p(psi) + np.log(first) - np.log(second)).sum(axis=1)
        return BilinearScores(
            left=(n * psi / second)[group] * enrol,
            right=test,
            row=constant[group] - 0.5 * np.einsum("ed,ed,ed->e", enrol_weight[group], enrol, enrol),
            column=-0.5 * test_weight @ (test**2).T,
            group=group,
        )

    def smooth(self, factor: float) -> Self:
        """A model with `factor`, in [0, 1], times the between-speaker covariance added to the within one.

        It helps where speakers have too few utterances. Source: Plda::SmoothWithinClassCovariance.
        """
        if not 0 <= factor <= 1:
            raise ValueError(f"the smoothing factor must lie in [0, 1], got {factor}")
        self.check_fitted()
        within = 1 + factor * self.psi_
        return self._like(self.mean_, self.transform_ / np.sqrt(within)[:, None], self.psi_ / within)

    def adapt(
        self,
        X: ArrayLike,
        within_scale: float = 0.3,
        between_scale: float = 0.7,
        mean_scale: float = 1.0,
    ) -> Self:
        """A model for the domain of unlabelled embeddings `X` (N, D).

        Where the new data varies more than the model expects, the excess variance is shared out.

        Args:
            within_scale, between_scale: share of the excess for the noise and for the speakers, >= 0.
            mean_scale: weight of the shift of the mean in the new data's variance, >= 0.
        Source: PldaUnsupervisedAdaptor::UpdatePlda (--within-covar-scale, --between-covar-scale,
            --mean-diff-scale).
        """
        X = check_embeddings(X, dim=self.dim)
        mean, between, within = adapted_covariances(
            self.mean_,
            self.transform_,
            self.psi_,
            X,
            within_scale=within_scale,
            between_scale=between_scale,
            mean_scale=mean_scale,
        )
        return self._like(mean, *diagonalize(between, within))

    def project(self, matrix: ArrayLike) -> Self:
        """The model of matrix @ x, for a (d, D) matrix of independent rows. Source: Plda::ApplyTransform."""
        matrix = check_embeddings(matrix, "matrix", self.dim)
        between, within = (matrix @ covariance @ matrix.T for covariance in self.covariances())
        return self._like(matrix @ self.mean_, *diagonalize(between, within))

    def _like(self, mean: np.ndarray, transform: np.ndarray, psi: np.ndarray) -> Self:
        return type(self)(self.n_iter)._learned(mean, transform, psi)

    def _learned(self, mean: np.ndarray, transform: np.ndarray, psi: np.ndarray) -> Self:
        self.mean_, self.transform_, self.psi_ = mean, transform, psi
        self.n_features_in_ = len(mean)
        return self


def _check_counts(counts: ArrayLike, n: int, name: str) -> np.ndarray:
    """(n,) numbers of utterances, each at least 1."""
    counts = np.asarray(counts, dtype=np.float64)
    if counts.shape not in ((), (n,)):
        raise ValueError(f"{name} must be one number or one for each of {n} vectors, got shape {counts.shape}")
    if not (counts >= 1).all():
        raise ValueError(f"{name} must be at least 1, got {counts.min()}")
    return np.broadcast_to(counts, (n,))
