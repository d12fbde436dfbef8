"""A step of the training of an i-vector extractor.

Source: Kaldi ivector/ivector-extractor.cc, IvectorExtractorStats::Update; matrix/sp-matrix.cc, SolveQuadratic...
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pysid.ivector.extractor import IvectorExtractor
from pysid.ivector.extractor_stats import ExtractorStats

Doubles = NDArray[np.float64]
Report = Callable[[str], None]

MAX_CONDITION = 1e4  # of a quadratic problem; eigenvalues below are floored
LEAST_PRIOR_VARIANCE = 1e-7


@dataclass(frozen=True, kw_only=True)
class ExtractorUpdateConfig:
    """Options of `update`; the defaults are Kaldi's."""

    variance_floor_factor: float = 0.1  # of the average covariance
    min_count: float = 100.0  # frames of a Gaussian that is changed
    diagonalize: bool = True  # sort the dimensions of i-vectors by what they say


def update(
    extractor: IvectorExtractor,
    stats: ExtractorStats,
    config: ExtractorUpdateConfig = ExtractorUpdateConfig(),
    report: Report = lambda line: None,
) -> IvectorExtractor:
    """The extractor that suits the statistics best; i-vectors are normalised anew.

    Args:
        extractor: that made the statistics.
        stats: summed over utterances.
        config: what is updated, and how.
        report: gets a line of text about each part.
    Raises:
        ValueError: statistics of another extractor, or of no utterances.
    """
    n, dim, size = extractor.projections.shape
    if stats.features_by_vectors.shape != (n, dim, size) or len(stats.weight_linear) != len(
        extractor.weight_projections
    ):
        raise ValueError("expected statistics that were made with this i-vector extractor")
    frames = float(stats.occupancy.sum())
    if not stats.n_vectors or not frames:
        raise ValueError("expected statistics of utterances, got those of none")
    if stats.auxiliary:
        before = stats.auxiliary / frames
        report(f"Overall auxf/frame on training data was {before:.6g} per frame over {frames:.6g} frames.")
    change = 0.0
    scatters = extractor.unpacked(stats.vector_scatter)  # (G, S, S)
    enough = stats.occupancy >= config.min_count
    for g in np.flatnonzero(~enough):
        report(f"Skipping Gaussian index {g} because count {stats.occupancy[g]:.6g} is below min-count.")
    extractor, gained = _update_projections(extractor, stats, scatters, enough)
    report(
        f"Overall objective function improvement for M (mean projections) was {gained / frames:.6g} per frame over "
        f"{frames:.6g} frames."
    )
    change += gained
    if extractor.has_weight_projections:
        extractor, gained = _update_weights(extractor, stats)
        report(f"Overall auxf impr/frame from weight update is {gained / frames:.6g} over {frames:.6g} frames.")
        change += gained
    if stats.scatter.size:
        extractor, gained = _update_variances(extractor, stats, scatters, enough, config, report)
        change += gained
    extractor, gained = _update_prior(extractor, stats, config, report)
    report(f"Overall objective-function improvement per frame was {(change + gained) / frames:.6g}")
    return extractor


def _update_projections(
    extractor: IvectorExtractor, stats: ExtractorStats, scatters: Doubles, enough: NDArray[np.bool_]
) -> tuple[IvectorExtractor, float]:
    projections, gained = extractor.projections.copy(), 0.0
    for g in np.flatnonzero(enough):
        inv_covar, wanted = extractor.inv_covars[g], stats.features_by_vectors[g]
        solved = solve_quadratic(scatters[g], wanted, projections[g])
        before, after = (
            float(((inv_covar @ m) * (wanted - 0.5 * m @ scatters[g])).sum()) for m in (projections[g], solved)
        )
        if after >= before:
            projections[g], gained = solved, gained + after - before
    return replace(extractor, projections=projections), gained


def _update_weights(extractor: IvectorExtractor, stats: ExtractorStats) -> tuple[IvectorExtractor, float]:
    quadratic, weights, gained = extractor.unpacked(stats.weight_quadratic), extractor.weight_projections.copy(), 0.0
    for g in range(len(weights)):
        solved = solve_quadratic(quadratic[g], stats.weight_linear[g, None], weights[g, None])[0]
        before, after = (float(w @ (stats.weight_linear[g] - 0.5 * quadratic[g] @ w)) for w in (weights[g], solved))
        if after >= before:
            weights[g], gained = solved, gained + after - before
    return replace(extractor, weight_projections=weights), gained


def solve_quadratic(quadratic: Doubles, linear: Doubles, start: Doubles) -> Doubles:
    """(N, S) rows x that maximise linear_n @ x - x @ quadratic @ x / 2, from where they start.

    Where the quadratic term (S, S) is all but singular, they move less, or not at all.

    Args:
        quadratic: (S, S).
        linear: (N, S).
        start: (N, S).
    """
    if not quadratic.any():
        return start
    scale = np.sqrt(np.maximum(quadratic.diagonal(), np.finfo(np.float64).tiny * 1e3))
    values, vectors = np.linalg.eigh(quadratic / np.outer(scale, scale))
    values = np.maximum(values, max(1e-40, values.max() / MAX_CONDITION))
    rest = (linear - start @ quadratic) / scale
    return np.asarray(start + ((rest @ vectors) / values) @ vectors.T / scale)


def _update_variances(
    extractor: IvectorExtractor,
    stats: ExtractorStats,
    scatters: Doubles,
    enough: NDArray[np.bool_],
    config: ExtractorUpdateConfig,
    report: Report,
) -> tuple[IvectorExtractor, float]:
    if not enough.any():
        raise ValueError(f"expected a Gaussian with {config.min_count:g} frames, got none")
    m, products = (
        extractor.projections[enough],
        stats.features_by_vectors[enough] @ extractor.projections[enough].swapaxes(1, 2),
    )
    raw = stats.scatter[enough] - products - products.swapaxes(1, 2) + m @ scatters[enough] @ m.swapaxes(1, 2)
    counts = stats.occupancy[enough]
    floor = config.variance_floor_factor * raw.sum(axis=0) / counts.sum()
    values, vectors = np.linalg.eigh(floor)
    floor = (vectors * np.maximum(values, 1e-4 * np.abs(values).max())) @ vectors.T
    raw /= counts[:, None, None]
    inv_covars, gained, n_floored = extractor.inv_covars.copy(), 0.0, 0
    for g, covar, count in zip(np.flatnonzero(enough), raw, counts, strict=True):
        floored, n = floor_covariance(covar, floor)
        if n:
            report(f"For Gaussian index {g}, floored {n} eigenvalues of variance.")
        inverse = np.linalg.inv(floored)
        inverse = 0.5 * (inverse + inverse.T)
        gained += count * (_fit(covar, inverse) - _fit(covar, inv_covars[g]))
        inv_covars[g], n_floored = inverse, n_floored + n
    share = 100 * n_floored / (extractor.n_gaussians * extractor.dim)
    frames = float(stats.occupancy.sum())
    report(f"Floored {share:.6g}% of all Gaussian eigenvalues")
    report(f"Overall objf impr/frame for variances was {gained / frames:.6g} over {frames:.6g} frames.")
    return replace(extractor, inv_covars=inv_covars), gained


def floor_covariance(covar: Doubles, floor: Doubles) -> tuple[Doubles, int]:
    """A covariance (D, D) that is in no direction less than `floor` (D, D), and in how many directions it was."""
    factor = np.linalg.cholesky(floor)
    inverse = np.linalg.inv(factor)
    values, vectors = np.linalg.eigh(inverse @ covar @ inverse.T)
    raised = factor @ vectors
    return (raised * np.maximum(values, 1.0)) @ raised.T, int((values < 1).sum())


def _fit(covar: Doubles, inverse: Doubles) -> float:
    """Log likelihood of a frame of such a covariance with the inverse of another, but for constants."""
    return -0.5 * float((covar * inverse).sum() - np.linalg.slogdet(inverse)[1])


def _update_prior(
    extractor: IvectorExtractor, stats: ExtractorStats, config: ExtractorUpdateConfig, report: Report
) -> tuple[IvectorExtractor, float]:
    """Transforms i-vectors so that they have unit covariance, and their mean lies on the first axis."""
    mean = stats.vector_sum / stats.n_vectors
    covar = extractor.unpacked(stats.scatter_sum[None])[0] / stats.n_vectors - np.outer(mean, mean)
    values, vectors = np.linalg.eigh(covar)
    report(f"Eigenvalues of iVector covariance range from {values.min():.6g} to {values.max():.6g}")
    values = np.maximum(values, LEAST_PRIOR_VARIANCE)
    whitening = (vectors / np.sqrt(values)).T
    turned = _to_first_axis(whitening @ mean) @ whitening
    if config.diagonalize:
        turned[1:] = _sorted_dimensions(extractor, turned[1:], report) @ turned[1:]
    offset = mean.copy()
    offset[0] -= extractor.prior_offset
    before = -0.5 * float(np.trace(covar) + offset @ offset)
    gained = -0.5 * (extractor.size + float(np.log(values).sum())) - before
    prior_offset = float((turned @ mean)[0])
    report(f"Overall auxf improvement from prior is {gained:.6g} per iVector.")
    report(f"Setting iVector prior offset to {prior_offset:.6g}")
    return extractor.transformed(turned, prior_offset), gained * stats.n_vectors


def _to_first_axis(vector: Doubles) -> Doubles:
    """(S, S) the reflection that takes a vector to the first axis."""
    unit = vector / np.linalg.norm(vector)
    if unit[0] >= 1:
        return np.eye(len(vector))
    mirror = unit / math.sqrt(2 * (1 - unit[0]))
    mirror[0] -= 1 / math.sqrt(2 * (1 - unit[0]))
    return np.asarray(np.eye(len(vector)) - 2 * np.outer(mirror, mirror))


def _sorted_dimensions(extractor: IvectorExtractor, rest: Doubles, report: Report) -> Doubles:
    """(S - 1, S - 1) the rotation behind the transform's rows `rest` (S - 1, S) that makes the average precision
    diagonal, its largest values first."""
    weights = np.full(extractor.n_gaussians, 1 / extractor.n_gaussians)
    average = extractor.unpacked(
        ((weights if extractor.has_weight_projections else extractor.weights) @ extractor.precisions)[None]
    )[0]
    inverse = np.linalg.inv(rest[:, 1:])
    values, vectors = np.linalg.eigh(inverse.T @ average[1:, 1:] @ inverse)
    order = np.argsort(-np.abs(values), kind="stable")
    report(f"Eigenvalues of Vavg: [ {' '.join(f'{value:.6g}' for value in values[order])} ]")
    return np.asarray(vectors[:, order].T)
