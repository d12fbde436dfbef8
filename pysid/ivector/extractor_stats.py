"""Sums over utterances that an i-vector extractor is trained from.

Source: Kaldi ivector/ivector-extractor.cc, IvectorExtractorStats.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pysid.ivector.extractor import IvectorExtractor, UtteranceStats, scatter_of
from pysid.ivector.ragged import Posteriors

Doubles = NDArray[np.float64]


@dataclass(eq=False)
class ExtractorStats:
    """Of Gaussians G, features D, i-vectors S; symmetric matrices are packed, P = S (S + 1) / 2.

    Attributes:
        auxiliary: log likelihood bound of the data, summed over frames; 0 where it was not asked for.
        occupancy: (G,).
        features_by_vectors: (G, D, S) "Y".
        vector_scatter: (G, P) of i-vectors, weighted with the Gaussian's occupancy: "R".
        weight_quadratic, weight_linear: (G, P) and (G, S), where weights depend on i-vectors, else (0, 0): "Q", "G".
        scatter: (G, D, D) of features; (0, 0, 0) where variances are not to change: "S".
        n_vectors, vector_sum, scatter_sum: of all i-vectors; (S,) and (P,).
    """

    auxiliary: float
    occupancy: Doubles
    features_by_vectors: Doubles
    vector_scatter: Doubles
    weight_quadratic: Doubles
    weight_linear: Doubles
    scatter: Doubles
    n_vectors: float
    vector_sum: Doubles
    scatter_sum: Doubles

    @classmethod
    def zeros(cls, extractor: IvectorExtractor, update_variances: bool) -> "ExtractorStats":
        """Of no utterances."""
        n, dim, size = extractor.projections.shape
        packed = size * (size + 1) // 2
        with_weights = n if extractor.has_weight_projections else 0
        return cls(
            0.0,
            np.zeros(n),
            np.zeros((n, dim, size)),
            np.zeros((n, packed)),
            np.zeros((with_weights, packed if with_weights else 0)),
            np.zeros((with_weights, size if with_weights else 0)),
            np.zeros((n, dim, dim) if update_variances else (0, 0, 0)),
            0.0,
            np.zeros(size),
            np.zeros(packed),
        )

    def add(
        self,
        extractor: IvectorExtractor,
        features: Sequence[NDArray[np.float32]],
        posteriors: Sequence[Posteriors],
        *,
        n_samples: int,
        rng: np.random.Generator,
        compute_auxiliary: bool = True,
    ) -> None:
        """Adds utterances' features (T, D) and posteriors, several at once for speed.

        Args:
            n_samples: of each i-vector's distribution, for weights that depend on it.
            rng: draws them.
        """
        stats = UtteranceStats.of(extractor.n_gaussians, features, posteriors)
        linear, quadratic = extractor.data_terms(stats)
        means, precisions = extractor.with_prior(linear, quadratic, stats)
        variances: Doubles = np.asarray(np.linalg.inv(precisions), np.float64)
        scatter = scatter_of(extractor.n_gaussians, features, posteriors) if self.scatter.size else None
        if compute_auxiliary:
            self.auxiliary += float(extractor.prior_and_data(means, linear, quadratic, stats).sum())
            self.auxiliary += _spread_terms(extractor, stats, quadratic, means, variances)
            self.auxiliary += _constants(extractor, stats, scatter)
        vector_scatter = (variances + means[:, :, None] * means[:, None])[:, extractor.lower[0], extractor.lower[1]]
        self.occupancy += stats.occupancy.sum(axis=0)
        products = stats.first.reshape(len(means), -1).T @ means
        self.features_by_vectors += products.reshape(self.features_by_vectors.shape)
        self.vector_scatter += stats.occupancy.T @ vector_scatter
        if extractor.has_weight_projections:
            for mean, variance, occupancy in zip(means, variances, stats.occupancy, strict=True):
                self._add_weights(extractor, _samples(mean, variance, n_samples, rng), occupancy)
        self.n_vectors += len(means)
        self.vector_sum += means.sum(axis=0)
        self.scatter_sum += vector_scatter.sum(axis=0)
        if scatter is not None:
            self.scatter += scatter

    def _add_weights(self, extractor: IvectorExtractor, vectors: Doubles, occupancy: Doubles) -> None:
        for vector in vectors:
            linear, quadratic = extractor.weight_terms(vector, occupancy)
            self.weight_linear += np.outer(linear, vector) / len(vectors)
            self.weight_quadratic += np.outer(quadratic, np.outer(vector, vector)[extractor.lower]) / len(vectors)

    def __add__(self, other: "ExtractorStats") -> "ExtractorStats":
        names = list(self.__dataclass_fields__)
        parts = [(getattr(self, name), getattr(other, name)) for name in names]
        if any(np.shape(a) != np.shape(b) for a, b in parts):
            raise ValueError("expected statistics of i-vector extractors of one form")
        return ExtractorStats(*(a + b for a, b in parts))


def _samples(mean: Doubles, variance: Doubles, n: int, rng: np.random.Generator) -> Doubles:
    """(n, S) points drawn from a Gaussian, moved and scaled for their own mean and spread to be right."""
    points = rng.standard_normal((n, len(mean))) @ np.linalg.cholesky(variance).T
    return mean + (points - points.mean(axis=0)) * math.sqrt(n / (n - 1))


def _spread_terms(
    extractor: IvectorExtractor, stats: UtteranceStats, quadratic: Doubles, means: Doubles, variances: Doubles
) -> float:
    """What the i-vectors' uncertainty changes in the bound, summed over utterances."""
    value = -0.5 * float((variances * quadratic).sum())
    value -= 0.5 * float((np.trace(variances, axis1=1, axis2=2) - extractor.size).sum())
    value += 0.5 * float(np.linalg.slogdet(variances)[1].sum())
    if extractor.has_weight_projections:
        for mean, variance, occupancy in zip(means, variances, stats.occupancy, strict=True):
            weights = np.exp(extractor.log_weights(mean))
            projections = extractor.weight_projections
            # As in Kaldi, where the sign of the second term is +.
            slopes = projections + np.outer(weights, weights @ projections)
            value -= 0.5 * float((((slopes.T * occupancy) @ slopes) * variance).sum())
    return value


def _constants(extractor: IvectorExtractor, stats: UtteranceStats, scatter: Doubles | None) -> float:
    """What does not depend on i-vectors, summed over utterances."""
    occupancy = stats.occupancy.sum(axis=0)
    log_dets = np.linalg.slogdet(extractor.inv_covars)[1]
    value = 0.5 * float(occupancy @ (log_dets - extractor.dim * math.log(2 * math.pi)))
    if not extractor.has_weight_projections:
        value += float(occupancy[occupancy > 0] @ np.log(extractor.weights[occupancy > 0]))
    if scatter is not None:
        return value - 0.5 * float((scatter * extractor.inv_covars).sum())
    value -= 0.5 * float(occupancy.sum()) * extractor.dim
    for occupied, first in zip(stats.occupancy, stats.first, strict=True):
        used = occupied > 0
        means = first[used]
        value -= 0.5 * float(np.einsum("gi,gij,gj,g->", means, extractor.inv_covars[used], means, 1 / occupied[used]))
    return value
