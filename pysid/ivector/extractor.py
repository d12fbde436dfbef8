"""i-vectors: where in a space of mean vectors an utterance lies.

Source: Kaldi ivector/ivector-extractor.cc.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pysid.ivector.full_gmm import FullGmm
from pysid.ivector.ragged import Posteriors, by_gaussian

Doubles = NDArray[np.float64]

PRIOR_OFFSET = 100.0  # of the first dimension, at the start of training
WEIGHT_ITERATIONS, WEIGHT_CHANGE = 4, 0.1  # where weights depend on the i-vector: how often, and until which change


@dataclass(frozen=True, eq=False)
class UtteranceStats:
    """Zeroth and first-order statistics of K utterances.

    Attributes:
        occupancy: (K, G) summed posteriors.
        first: (K, G, D) summed features.
    """

    occupancy: Doubles
    first: Doubles

    @classmethod
    def of(
        cls, n_gaussians: int, features: Sequence[NDArray[np.float32]], posteriors: Sequence[Posteriors]
    ) -> "UtteranceStats":
        """Of utterances' features (T, D) and posteriors.

        Args:
            n_gaussians: G.
            features: of K utterances.
            posteriors: of their frames.
        Raises:
            ValueError: not as many posteriors as frames, or a Gaussian that does not exist.
        """
        dim = features[0].shape[1] if features else 0
        occupancy = np.zeros((len(features), n_gaussians))
        first = np.zeros((len(features), n_gaussians, dim))
        for k, (x, chosen) in enumerate(zip(features, posteriors, strict=True)):
            if len(x) != len(chosen) or x.shape[1] != dim:
                raise ValueError(f"expected {len(x)} frames of {dim} dimensions with posteriors, got {len(chosen)}")
            if not len(chosen.gaussians):
                continue
            if not 0 <= chosen.gaussians.min() <= chosen.gaussians.max() < n_gaussians:
                raise ValueError(f"expected Gaussians in [0, {n_gaussians}), got {chosen.gaussians.max()}")
            order = np.argsort(chosen.gaussians, kind="stable")
            gaussians = chosen.gaussians[order]
            starts = np.flatnonzero(np.diff(gaussians, prepend=-1))
            weights = chosen.weights[order].astype(np.float64)
            occupancy[k, gaussians[starts]] = np.add.reduceat(weights, starts)
            first[k, gaussians[starts]] = np.add.reduceat(weights[:, None] * x[chosen.frames[order]], starts, axis=0)
        return cls(occupancy, first)

    @classmethod
    def summed(cls, parts: "Sequence[UtteranceStats]") -> "UtteranceStats":
        """All utterances of one speaker as one."""
        first = np.sum([part.first.sum(axis=0, keepdims=True) for part in parts], axis=0)
        return cls(np.sum([part.occupancy.sum(axis=0, keepdims=True) for part in parts], axis=0), first)


@dataclass(frozen=True, eq=False)
class IvectorExtractor:
    """The mean of Gaussian g for an i-vector v is projections[g] @ v.

    Attributes:
        projections: (G, D, S) "M".
        inv_covars: (G, D, D) inverse covariances of the Gaussians.
        weights: (G,); empty where they depend on the i-vector.
        weight_projections: (G, S) of the weights' logarithms before normalisation; (0, 0) where there are none.
        prior_offset: mean of the first dimension of i-vectors before the data; of the others it is 0, and the
            variances are 1.
    """

    projections: Doubles
    inv_covars: Doubles
    weights: Doubles
    weight_projections: Doubles
    prior_offset: float

    def __post_init__(self) -> None:
        n, dim, size = self.projections.shape
        if not n or self.inv_covars.shape != (n, dim, dim):
            raise ValueError(f"expected {n} covariances of {dim} dimensions, got {self.inv_covars.shape}")
        if self.has_weight_projections:
            if self.weight_projections.shape != (n, size):
                raise ValueError(f"expected projections ({n}, {size}) of weights, got {self.weight_projections.shape}")
        elif self.weights.shape != (n,):
            raise ValueError(f"expected {n} weights, got {self.weights.shape}")

    @classmethod
    def start(cls, gmm: FullGmm, size: int, use_weights: bool, rng: np.random.Generator) -> "IvectorExtractor":
        """Before training: random projections, but for the first dimension, which has the means of the mixture.

        Args:
            gmm: of the frames.
            size: dimensions of an i-vector.
            use_weights: let weights depend on the i-vector.
            rng: draws the projections.
        """
        projections = rng.standard_normal((gmm.n_gaussians, gmm.dim, size))
        projections[:, :, 0] = gmm.means / PRIOR_OFFSET
        return cls(
            projections,
            gmm.inv_covars.astype(np.float64),
            np.zeros(0) if use_weights else gmm.weights.astype(np.float64),
            np.zeros((gmm.n_gaussians, size) if use_weights else (0, 0)),
            PRIOR_OFFSET,
        )

    @property
    def n_gaussians(self) -> int:
        """G."""
        return len(self.projections)

    @property
    def dim(self) -> int:
        """Of the features."""
        return self.projections.shape[1]

    @property
    def size(self) -> int:
        """Of the i-vectors."""
        return self.projections.shape[2]

    @property
    def has_weight_projections(self) -> bool:
        """Whether the weights of the Gaussians depend on the i-vector."""
        return len(self.weight_projections) > 0

    @cached_property
    def lower(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Rows and columns of the lower triangle of a matrix (S, S), row by row: how symmetric ones are packed."""
        return np.tril_indices(self.size)

    @cached_property
    def scaled_projections(self) -> Doubles:
        """(G, D, S) inverse covariances times projections."""
        return np.asarray(self.inv_covars @ self.projections)

    @cached_property
    def precisions(self) -> Doubles:
        """(G, S (S + 1) / 2) what a frame of each Gaussian adds to the precision of an i-vector, packed: "U"."""
        packed = np.empty((self.n_gaussians, len(self.lower[0])))
        for g in range(self.n_gaussians):
            packed[g] = (self.projections[g].T @ self.scaled_projections[g])[self.lower]
        return packed

    def unpacked(self, packed: Doubles) -> Doubles:
        """(K, S, S) symmetric matrices from their lower triangles (K, S (S + 1) / 2)."""
        full = np.empty((len(packed), self.size, self.size))
        full[:, self.lower[0], self.lower[1]] = packed
        full[:, self.lower[1], self.lower[0]] = packed
        return full

    def data_terms(self, stats: UtteranceStats) -> tuple[Doubles, Doubles]:
        """What the features of K utterances say of their i-vectors, weights aside.

        Returns:
            linear (K, S) and quadratic (K, S, S): the log likelihood of v is linear @ v - v @ quadratic @ v / 2.
        Raises:
            ValueError: features of another dimension.
        """
        n_utterances, _, dim = stats.first.shape
        if dim != self.dim:
            raise ValueError(f"Feature dimension mismatch, expected {self.dim}, got {dim}")
        linear = stats.first.reshape(n_utterances, -1) @ self.scaled_projections.reshape(-1, self.size)
        return linear, self.unpacked(stats.occupancy @ self.precisions)

    def distributions(self, stats: UtteranceStats) -> tuple[Doubles, Doubles]:
        """Means (K, S) and precisions (K, S, S) of the i-vectors of K utterances, Gaussian given the data."""
        linear, quadratic = self.data_terms(stats)
        return self.with_prior(linear, quadratic, stats)

    def with_prior(self, linear: Doubles, quadratic: Doubles, stats: UtteranceStats) -> tuple[Doubles, Doubles]:
        """`distributions` from the `data_terms`, which stay as they are.

        Args:
            linear: (K, S).
            quadratic: (K, S, S).
            stats: of the K utterances.
        """
        linear, quadratic = linear.copy(), quadratic + np.eye(self.size)
        linear[:, 0] += self.prior_offset
        if not self.has_weight_projections:
            return solve(quadratic, linear[:, :, None])[:, :, 0], quadratic
        pairs = [self._with_weights(*parts) for parts in zip(linear, quadratic, stats.occupancy, strict=True)]
        return np.stack([mean for mean, _ in pairs]), np.stack([precision for _, precision in pairs])

    def extract(self, stats: UtteranceStats) -> Doubles:
        """(K, S) i-vectors of K utterances, minus the offset of their prior."""
        vectors = self.distributions(stats)[0]
        vectors[:, 0] -= self.prior_offset
        return vectors

    def log_weights(self, vector: Doubles) -> Doubles:
        """(G,) log weights of the Gaussians for an i-vector, where they depend on it."""
        logits = self.weight_projections @ vector
        highest = logits.max()
        return np.asarray(logits - highest - np.log(np.exp(logits - highest).sum()))

    def weight_terms(self, vector: Doubles, occupancy: Doubles) -> tuple[Doubles, Doubles]:
        """(G,) coefficients, linear and quadratic, of what weights say of an i-vector, developed around `vector`.

        Source: equation 58 of D. Povey et al., "The subspace Gaussian mixture model", 2011.
        """
        expected = occupancy.sum() * np.exp(self.log_weights(vector))
        quadratic = np.maximum(occupancy, expected)
        return occupancy - expected + quadratic * (self.weight_projections @ vector), quadratic

    def _with_weights(self, linear: Doubles, quadratic: Doubles, occupancy: Doubles) -> tuple[Doubles, Doubles]:
        """Mean (S,) and precision (S, S) of one i-vector whose weights depend on it, step by step."""
        precision = _floored(quadratic)
        mean = solve(precision, linear)
        for _ in range(WEIGHT_ITERATIONS):
            towards, curvature = self.weight_terms(mean, occupancy)
            w = self.weight_projections
            precision = _floored(quadratic + (w.T * curvature) @ w)
            previous, mean = mean, solve(precision, linear + w.T @ towards)
            if np.linalg.norm(mean - previous) < WEIGHT_CHANGE:
                break
        return mean, precision

    def prior_and_data(self, vectors: Doubles, linear: Doubles, quadratic: Doubles, stats: UtteranceStats) -> Doubles:
        """(K,) log likelihoods of i-vectors (K, S) and data, but for constants; see `data_terms`.

        Args:
            vectors: (K, S).
            linear, quadratic: (K, S) and (K, S, S).
            stats: of the K utterances.
        """
        offset = vectors.copy()
        offset[:, 0] -= self.prior_offset
        value = (vectors * linear).sum(1) - 0.5 * np.einsum("ks,kst,kt->k", vectors, quadratic, vectors)
        value -= 0.5 * np.square(offset).sum(1)
        if self.has_weight_projections:
            weights = np.stack([self.log_weights(vector) for vector in vectors])
            value += (weights * stats.occupancy).sum(1)
        return np.asarray(value)

    def transformed(self, transform: Doubles, prior_offset: float) -> "IvectorExtractor":
        """The same model for i-vectors transform (S, S) @ v."""
        inverse = np.linalg.inv(transform)
        weights = self.weight_projections @ inverse if self.has_weight_projections else self.weight_projections
        return replace(
            self, projections=self.projections @ inverse, weight_projections=weights, prior_offset=prior_offset
        )


def scatter_of(n_gaussians: int, features: Sequence[NDArray[np.float32]], posteriors: Sequence[Posteriors]) -> Doubles:
    """(G, D, D) second order statistics of utterances, summed over them.

    Args:
        n_gaussians: G.
        features: (T, D) of each utterance, one at least.
        posteriors: of their frames.
    """
    dim = features[0].shape[1]
    scatter = np.zeros((n_gaussians, dim, dim))
    x = np.concatenate(features).astype(np.float64)
    starts = np.cumsum([0, *map(len, features)])
    frames = np.concatenate([part.frames + start for part, start in zip(posteriors, starts[:-1], strict=True)])
    weights = np.concatenate([part.weights for part in posteriors]).astype(np.float64)
    for g, entries in by_gaussian(np.concatenate([part.gaussians for part in posteriors])):
        rows = x[frames[entries]]
        scatter[g] = (rows.T * weights[entries]) @ rows
    return scatter


def solve(matrices: Doubles, right: Doubles) -> Doubles:
    """`numpy.linalg.solve`, in double."""
    return np.asarray(np.linalg.solve(matrices, right), np.float64)


def _floored(precision: Doubles) -> Doubles:
    """A precision matrix with eigenvalues of 1 at least, which the prior alone has."""
    values, vectors = np.linalg.eigh(precision)
    return np.asarray((vectors * np.maximum(values, 1.0)) @ vectors.T)
