"""A mixture of Gaussians with diagonal covariances. Source: Kaldi gmm/diag-gmm.cc."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pysid.ivector.ragged import Chosen

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class DiagGmm:
    """G Gaussians of dimension D, in float32 and in Kaldi's terms.

    Attributes:
        weights: (G,).
        means_invvars: (G, D) means over variances.
        inv_vars: (G, D) inverse variances.
    """

    weights: Floats
    means_invvars: Floats
    inv_vars: Floats

    def __post_init__(self) -> None:
        shape = self.means_invvars.shape
        if self.weights.shape != shape[:1] or self.inv_vars.shape != shape or not self.weights.size:
            raise ValueError(
                f"expected (G,) weights, (G, D) means and variances, got {self.weights.shape}, {shape}, "
                f"{self.inv_vars.shape}"
            )
        if not (self.weights >= 0).all() or not (self.inv_vars > 0).all():
            raise ValueError("expected weights of 0 or more and variances above 0")

    @classmethod
    def of(cls, weights: NDArray[np.float64], means: NDArray[np.float64], variances: NDArray[np.float64]) -> "DiagGmm":
        """Of weights (G,), means and variances (G, D), rounded as Kaldi does (gmm/diag-gmm-normal.cc).

        Args:
            weights: (G,), they add to 1.
            means: (G, D).
            variances: (G, D), above 0.
        """
        inv_vars = (1 / variances.astype(np.float32)).astype(np.float32)
        return cls(weights.astype(np.float32), means.astype(np.float32) * inv_vars, inv_vars)

    @property
    def n_gaussians(self) -> int:
        """G."""
        return len(self.weights)

    @property
    def dim(self) -> int:
        """D."""
        return self.means_invvars.shape[1]

    @property
    def variances(self) -> NDArray[np.float64]:
        """(G, D)."""
        return 1 / self.inv_vars.astype(np.float64)

    @property
    def means(self) -> NDArray[np.float64]:
        """(G, D)."""
        return self.means_invvars * self.variances

    @cached_property
    def gconsts(self) -> Floats:
        """(G,) what does not depend on the frame: log weight and normalisation, -inf for a weight of 0."""
        inv_vars, means_invvars = self.inv_vars.astype(np.float64), self.means_invvars.astype(np.float64)
        with np.errstate(divide="ignore"):
            log_weights = np.log(self.weights.astype(np.float64))
        terms = np.log(inv_vars) - np.square(means_invvars) / inv_vars
        return (log_weights - 0.5 * self.dim * math.log(2 * math.pi) + 0.5 * terms.sum(axis=1)).astype(np.float32)

    def log_likelihoods(self, x: Floats) -> Floats:
        """(T, G) log likelihoods of frames x (T, D) with each Gaussian, its weight included."""
        _check(x, self.dim)
        return np.asarray(self.gconsts + x @ self.means_invvars.T - 0.5 * (np.square(x) @ self.inv_vars.T), np.float32)

    def log_likelihoods_of(self, x: Floats, chosen: Chosen) -> Floats:
        """(N,) log likelihoods of frames x (T, D) with the Gaussians chosen for each.

        As in Kaldi, Gaussians whose first and last number are as far apart as if all between them were chosen in order
        are taken for those, whatever order they have: the likelihoods of 3 4 5 are given for 3 7 5.
        """
        _check(x, self.dim)
        chosen.check(self.n_gaussians)
        ends = np.cumsum(chosen.counts)
        first, last = chosen.gaussians[ends - chosen.counts], chosen.gaussians[ends - 1]
        in_order = np.repeat(first, chosen.counts) + chosen.places
        is_range = np.repeat(last + 1 - first == chosen.counts, chosen.counts)
        return np.asarray(self.log_likelihoods(x)[chosen.frames, np.where(is_range, in_order, chosen.gaussians)])

    def without(self, gaussians: list[int]) -> "DiagGmm":
        """The others, with weights that sum to 1 if any is removed."""
        if not gaussians:
            return self
        kept = np.delete(self.weights, gaussians)
        parts = (np.delete(part, gaussians, axis=0) for part in (self.means_invvars, self.inv_vars))
        return DiagGmm(kept / kept.sum(dtype=np.float32), *parts)

    def split(self, n_gaussians: int, perturb: float, rng: np.random.Generator) -> "DiagGmm":
        """More Gaussians: the one of the largest weight is halved, the means moved by `perturb` deviations, and again.

        Args:
            n_gaussians: how many there are to be.
            perturb: Kaldi's --perturb-factor.
            rng: draws the directions.
        Raises:
            ValueError: fewer Gaussians than there are.
        """
        if n_gaussians < self.n_gaussians:
            raise ValueError(f"expected {self.n_gaussians} Gaussians or more to split to, got {n_gaussians}")
        weights, means, inv_vars = list(self.weights), list(self.means_invvars), list(self.inv_vars)
        while len(weights) < n_gaussians:
            largest = int(np.argmax(weights))
            step = np.float32(perturb) * rng.standard_normal(self.dim, np.float32) * np.sqrt(inv_vars[largest])
            weights[largest] = weights[largest] / np.float32(2)
            weights.append(weights[largest])
            means.append(means[largest] + step)
            means[largest] = means[largest] - step
            inv_vars.append(inv_vars[largest])
        return DiagGmm(np.array(weights, np.float32), np.stack(means), np.stack(inv_vars))


def _check(x: Floats, dim: int) -> None:
    if x.ndim != 2 or x.shape[1] != dim:
        raise ValueError(f"expected features of {dim} dimensions, got {x.shape}")
