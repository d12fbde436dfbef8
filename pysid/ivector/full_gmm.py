"""A mixture of Gaussians with full covariances. Source: Kaldi gmm/full-gmm.cc."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pysid.ivector.diag_gmm import DiagGmm, _check
from pysid.ivector.ragged import Chosen, by_gaussian

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class FullGmm:
    """G Gaussians of dimension D, in float32 and in Kaldi's terms.

    Attributes:
        weights: (G,).
        means_invcovars: (G, D) inverse covariances times means.
        inv_covars: (G, D, D) inverse covariances.
    """

    weights: Floats
    means_invcovars: Floats
    inv_covars: Floats

    def __post_init__(self) -> None:
        n, dim = self.means_invcovars.shape
        if self.weights.shape != (n,) or self.inv_covars.shape != (n, dim, dim) or not n:
            raise ValueError(
                f"expected (G,) weights, (G, D) means and (G, D, D) covariances, got {self.weights.shape}, "
                f"{self.means_invcovars.shape}, {self.inv_covars.shape}"
            )
        if not (self.weights >= 0).all():
            raise ValueError("expected weights of 0 or more")

    @classmethod
    def of(cls, weights: NDArray[np.float64], means: NDArray[np.float64], covars: NDArray[np.float64]) -> "FullGmm":
        """Of weights (G,), means (G, D) and covariances (G, D, D), rounded as Kaldi does (gmm/full-gmm-normal.cc).

        Args:
            weights: (G,), they add to 1.
            means: (G, D).
            covars: (G, D, D), positive definite.
        """
        inv_covars = np.linalg.inv(covars.astype(np.float32).astype(np.float64)).astype(np.float32)
        inv_covars = 0.5 * (inv_covars + inv_covars.swapaxes(1, 2))
        return cls(weights.astype(np.float32), _times(inv_covars, means.astype(np.float32)), inv_covars)

    @classmethod
    def from_diag(cls, gmm: DiagGmm) -> "FullGmm":
        """The same mixture."""
        return cls(gmm.weights, gmm.means_invvars, gmm.inv_vars[:, None] * np.eye(gmm.dim, dtype=np.float32))

    def to_diag(self) -> DiagGmm:
        """The mixture of the diagonals of the covariances. Source: DiagGmm::CopyFromFullGmm."""
        inv_vars = (1 / np.diagonal(self.covars, axis1=1, axis2=2)).astype(np.float32)
        return DiagGmm(self.weights, self.means.astype(np.float32) * inv_vars, inv_vars)

    @property
    def n_gaussians(self) -> int:
        """G."""
        return len(self.weights)

    @property
    def dim(self) -> int:
        """D."""
        return self.means_invcovars.shape[1]

    @cached_property
    def covars(self) -> NDArray[np.float64]:
        """(G, D, D)."""
        try:
            return np.asarray(np.linalg.inv(self.inv_covars.astype(np.float64)))
        except np.linalg.LinAlgError:
            raise ValueError("expected inverse covariances that can be inverted") from None

    @property
    def means(self) -> NDArray[np.float64]:
        """(G, D)."""
        return np.einsum("gij,gj->gi", self.covars, self.means_invcovars.astype(np.float64))

    @cached_property
    def gconsts(self) -> Floats:
        """(G,) what does not depend on the frame: log weight and normalisation, -inf for a weight of 0.

        Raises:
            ValueError: a covariance that is not positive definite.
        """
        signs, log_dets = np.linalg.slogdet(self.inv_covars.astype(np.float64))
        if not (signs > 0).all():
            raise ValueError(f"expected covariances that are positive definite, Gaussian {int(signs.argmin())} is not")
        means_invcovars = self.means_invcovars.astype(np.float64)
        quadratic = np.einsum("gi,gij,gj->g", means_invcovars, self.covars, means_invcovars)
        with np.errstate(divide="ignore"):
            log_weights = np.log(self.weights.astype(np.float64))
        offset = -0.5 * self.dim * math.log(2 * math.pi)
        return (log_weights + offset + 0.5 * (log_dets - quadratic)).astype(np.float32)

    def log_likelihoods(self, x: Floats) -> Floats:
        """(T, G) log likelihoods of frames x (T, D) with each Gaussian, its weight included."""
        _check(x, self.dim)
        table = np.empty((len(x), self.n_gaussians), np.float32)
        for g in range(self.n_gaussians):
            table[:, g] = self._log_likes_of(g, x)
        return table

    def log_likelihoods_of(self, x: Floats, chosen: Chosen) -> Floats:
        """(N,) log likelihoods of frames x (T, D) with the Gaussians chosen for each.

        Frames of one Gaussian are worked on together, so many frames at once, also of several recordings, are quicker.
        """
        _check(x, self.dim)
        chosen.check(self.n_gaussians)
        values = np.empty(len(chosen.gaussians), np.float32)
        for g, entries in by_gaussian(chosen.gaussians):
            values[entries] = self._log_likes_of(g, x[chosen.frames[entries]])
        return values

    def _log_likes_of(self, g: int, x: Floats) -> Floats:
        """(T,)."""
        quadratic = np.einsum("ti,ti->t", x @ self.inv_covars[g], x)
        return np.asarray(self.gconsts[g] + x @ self.means_invcovars[g] - np.float32(0.5) * quadratic)

    def without(self, gaussians: list[int]) -> "FullGmm":
        """The others, with weights that sum to 1 if any is removed."""
        if not gaussians:
            return self
        kept = np.delete(self.weights, gaussians)
        parts = (np.delete(part, gaussians, axis=0) for part in (self.means_invcovars, self.inv_covars))
        return FullGmm(kept / kept.sum(dtype=np.float32), *parts)

    def split(self, n_gaussians: int, perturb: float, rng: np.random.Generator) -> "FullGmm":
        """More Gaussians; as `DiagGmm.split`, but what has enough Gaussians stays as it is.

        Args:
            n_gaussians: how many there are to be.
            perturb: Kaldi's --perturb-factor.
            rng: draws the directions.
        """
        weights, means, inv_covars = list(self.weights), list(self.means_invcovars), list(self.inv_covars)
        while len(weights) < n_gaussians:
            largest = int(np.argmax(weights))
            factor = np.linalg.cholesky(inv_covars[largest].astype(np.float64)).astype(np.float32)
            step = np.float32(perturb) * (rng.standard_normal(self.dim, np.float32) @ factor.T)
            weights[largest] = weights[largest] / np.float32(2)
            weights.append(weights[largest])
            means.append(means[largest] + step)
            means[largest] = means[largest] - step
            inv_covars.append(inv_covars[largest])
        return FullGmm(np.array(weights, np.float32), np.stack(means), np.stack(inv_covars))


def _times(matrices: Floats, vectors: Floats) -> Floats:
    """(G, D) matrices (G, D, D) times vectors (G, D), summed in double."""
    return np.einsum("gij,gj->gi", matrices.astype(np.float64), vectors.astype(np.float64)).astype(np.float32)
