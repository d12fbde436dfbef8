"""A step of the EM algorithm for mixtures of Gaussians, and where it starts.

Source: Kaldi gmm/{mle-diag-gmm,mle-full-gmm}.cc, gmmbin/gmm-global-init-from-feats.cc.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pysid.ivector.diag_gmm import DiagGmm
from pysid.ivector.full_gmm import FullGmm
from pysid.ivector.gmm_stats import MEANS, VARIANCES, WEIGHTS, GmmStats
from pysid.ivector.selection import log_sum

Doubles = NDArray[np.float64]

ALL = MEANS | VARIANCES | WEIGHTS


@dataclass(frozen=True, kw_only=True)
class UpdateConfig:
    """What a Gaussian must have to be updated. Defaults are Kaldi's of diagonal covariances."""

    min_weight: float = 1e-5
    min_occupancy: float = 10.0  # 100 in Kaldi's program for full covariances
    min_variance: float = 1e-3  # least variance, or eigenvalue of a covariance
    max_condition: float = 1e4  # of a full covariance
    remove_low_count: bool = True  # or leave it as it is


@dataclass(frozen=True)
class Update:
    """The result of a step.

    Attributes:
        improvement: of the objective, summed over frames, before Gaussians are removed.
        count: frames.
        removed: Gaussians that had too little data.
        n_floored: variances or eigenvalues that were raised.
    """

    gmm: DiagGmm | FullGmm
    improvement: float
    count: float
    removed: list[int]
    n_floored: int


def update(gmm: DiagGmm | FullGmm, stats: GmmStats, config: UpdateConfig, flags: int = ALL) -> Update:
    """The mixture that suits the statistics best.

    Args:
        flags: what to change, see `gmm_stats`.
    Raises:
        ValueError: flags that the statistics do not have, or statistics of another mixture.
    """
    if flags & ~stats.flags:
        raise ValueError("Flags in argument do not match the active accumulators")
    is_diag = isinstance(gmm, DiagGmm)
    if len(stats.occupancy) != gmm.n_gaussians or (stats.second.size and stats.second.ndim != (2 if is_diag else 3)):
        raise ValueError(f"expected statistics of {gmm.n_gaussians} Gaussians, got {len(stats.occupancy)}")
    gmm_means = gmm.means
    weights, means = gmm.weights.astype(np.float64), gmm_means.copy()
    spread: Doubles = (gmm.variances if isinstance(gmm, DiagGmm) else gmm.covars).copy()
    total = float(stats.occupancy.sum())
    removed: list[int] = []
    n_floored = 0
    for g, occupancy in enumerate(stats.occupancy.tolist()):
        share = occupancy / total if total > 0 else 1 / gmm.n_gaussians
        if occupancy > config.min_occupancy and share > config.min_weight:
            weights[g] = share
            if stats.flags & MEANS:
                means[g] = stats.first[g] / occupancy
            if stats.flags & VARIANCES:
                moved = None if flags & MEANS else gmm_means[g] - means[g]
                spread[g], n = _spread(stats.second[g] / occupancy, means[g], moved, config)
                n_floored += n
        elif config.remove_low_count and len(removed) < gmm.n_gaussians - 1:
            removed.append(g)
        else:
            weights[g] = max(share, config.min_weight)
    new = _rebuilt(gmm, weights, means, spread, flags)
    improvement = objective(new, stats) - objective(gmm, stats)
    return Update(new.without(removed), improvement, total, removed, n_floored)


def _spread(second: Doubles, mean: Doubles, moved: Doubles | None, config: UpdateConfig) -> tuple[Doubles, int]:
    """Variances (D,) or a covariance (D, D) of second moments around a mean, floored, and how many were.

    Args:
        moved: from the mean to the one that is kept instead; None where the mean is kept.
    """
    if second.ndim == 1:
        variances = second - np.square(mean) + (0 if moved is None else np.square(moved))
        return np.maximum(variances, config.min_variance), int((variances < config.min_variance).sum())
    covar = second - np.outer(mean, mean) + (0 if moved is None else np.outer(moved, moved))
    values, vectors = np.linalg.eigh(covar)
    floor = float(np.float32(max(config.min_variance, np.abs(values).max() / config.max_condition)))
    floored = np.maximum(values, floor)
    return (vectors * floored) @ vectors.T, int((values < floor).sum())


def _rebuilt(
    gmm: DiagGmm | FullGmm, weights: Doubles, means: Doubles, spread: Doubles, flags: int
) -> DiagGmm | FullGmm:
    """The mixture with the new parameters that the flags name, and its own others."""
    weights = weights if flags & WEIGHTS else gmm.weights.astype(np.float64)
    means = means if flags & MEANS else gmm.means
    if isinstance(gmm, DiagGmm):
        return DiagGmm.of(weights, means, spread if flags & VARIANCES else gmm.variances)
    return FullGmm.of(weights, means, spread if flags & VARIANCES else gmm.covars)


def objective(gmm: DiagGmm | FullGmm, stats: GmmStats) -> float:
    """The auxiliary function of the EM algorithm, summed over frames. Source: MlObjective."""
    with np.errstate(invalid="ignore"):
        value = float(np.where(stats.occupancy > 0, stats.occupancy * gmm.gconsts, 0).sum())
    means = gmm.means_invvars if isinstance(gmm, DiagGmm) else gmm.means_invcovars
    inverse = gmm.inv_vars if isinstance(gmm, DiagGmm) else gmm.inv_covars
    if stats.flags & MEANS:
        value += float((stats.first * means).sum())
    if stats.flags & VARIANCES:
        value -= 0.5 * float((stats.second * inverse).sum())
    return value


def start_from_frames(x: NDArray[np.float32], n_gaussians: int, rng: np.random.Generator) -> DiagGmm:
    """A mixture whose means are frames out of x (T, D), and whose variances are those of all of them.

    Args:
        x: (T, D).
        n_gaussians: how many means.
        rng: draws the frames.
    Raises:
        ValueError: fewer than 10 frames per Gaussian, or frames that do not differ.
    """
    if len(x) < 10 * n_gaussians:
        raise ValueError(f"expected {10 * n_gaussians} frames or more to train {n_gaussians} Gaussians, got {len(x)}")
    variances = x.astype(np.float64).var(axis=0)
    if not variances.max() > 0:
        raise ValueError("Features do not have positive variance")
    chosen = rng.choice(len(x), n_gaussians, replace=False)
    weights = np.full(n_gaussians, 1 / n_gaussians)
    return DiagGmm.of(weights, x[chosen].astype(np.float64), np.tile(variances, (n_gaussians, 1)))


def train(
    x: NDArray[np.float32],
    n_gaussians: int,
    n_start: int,
    n_iterations: int,
    config: UpdateConfig,
    rng: np.random.Generator,
    report: Callable[[str], None] = lambda line: None,
) -> DiagGmm:
    """A mixture for frames x (T, D), by EM, whose Gaussians are split up to their final number in the first half.

    Args:
        x: (T, D).
        n_gaussians: how many in the end.
        n_start: how many to begin with.
        n_iterations: passes over the frames.
        config: of a step.
        rng: draws the start and the splits.
        report: gets a line of text about each pass.
    """
    gmm: DiagGmm = start_from_frames(x, n_start, rng)
    step = (n_gaussians - n_start) // max(n_iterations // 2, 1)
    current = n_start
    for iteration in range(n_iterations):
        gmm, likelihood, improvement = _iterate(x, gmm, config)
        report(f"Likelihood per frame on iteration {iteration} was {likelihood:.6g} over {len(x)} frames.")
        report(f"Objective-function change on iteration {iteration} was {improvement:.6g} over {len(x)} frames.")
        following = min(n_gaussians, current + step)
        if following > gmm.n_gaussians:
            report(f"Splitting to {following} Gaussians.")
            gmm, current = gmm.split(following, 0.1, rng), following
    return gmm


def _iterate(x: NDArray[np.float32], gmm: DiagGmm, config: UpdateConfig) -> tuple[DiagGmm, float, float]:
    """The mixture after a step, the log likelihood before it and the improvement, both per frame."""
    stats, likelihood = GmmStats.zeros(gmm, ALL), 0.0
    n_rows = max(1, 2_000_000 // gmm.n_gaussians)  # tables of some megabytes
    for start in range(0, len(x), n_rows):
        table = gmm.log_likelihoods(x[start : start + n_rows])
        totals = log_sum(table)
        likelihood += float(totals.sum(dtype=np.float64))
        stats.add_all(x[start : start + n_rows], np.exp(table - totals[:, None]))
    step = update(gmm, stats, config)
    assert isinstance(step.gmm, DiagGmm) and not math.isnan(step.improvement)
    return step.gmm, likelihood / len(x), step.improvement / len(x)
