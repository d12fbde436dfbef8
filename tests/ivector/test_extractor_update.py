"""A step of EM for extractors of i-vectors."""

import numpy as np
import pytest

from pysid.ivector import IvectorExtractor
from pysid.ivector.extractor_stats import ExtractorStats
from pysid.ivector.extractor_update import ExtractorUpdateConfig, floor_covariance, solve_quadratic, update

G, D, S = 6, 3, 4


def test_training_raises_the_bound_and_normalises_i_vectors(gmm, rng, utterances):
    features, posteriors = utterances()
    extractor, bounds = IvectorExtractor.start(gmm, S, False, rng), []
    for _ in range(6):
        stats = ExtractorStats.zeros(extractor, update_variances=True)
        for part in (slice(0, 7), slice(7, 30)):
            stats.add(extractor, features[part], posteriors[part], n_samples=10, rng=rng)
        bounds.append(stats.auxiliary)
        extractor = update(extractor, stats, ExtractorUpdateConfig(min_count=10.0))
    assert bounds == sorted(bounds)
    stats = ExtractorStats.zeros(extractor, update_variances=False)
    stats.add(extractor, features, posteriors, n_samples=10, rng=rng)
    mean = stats.vector_sum / stats.n_vectors
    np.testing.assert_allclose(mean[1:], 0, atol=0.1)
    assert mean[0] == pytest.approx(extractor.prior_offset, rel=0.01)


def test_quadratic_problems(rng):
    factor = rng.normal(size=(S, S))
    quadratic, linear = factor @ factor.T + np.eye(S), rng.normal(size=(2, S))
    solved = solve_quadratic(quadratic, linear, rng.normal(size=(2, S)))
    np.testing.assert_allclose(solved @ quadratic, linear, atol=1e-8)
    start = rng.normal(size=(2, S))
    assert solve_quadratic(np.zeros((S, S)), linear, start) is start


def test_a_floored_covariance_is_nowhere_below_the_floor(rng):
    factor = rng.normal(size=(D, D))
    covar, floor = factor @ factor.T, np.eye(D)
    floored, n = floor_covariance(covar, floor)
    values = np.linalg.eigvalsh(covar)
    assert n == (values < 1).sum()
    np.testing.assert_allclose(np.linalg.eigvalsh(floored), np.sort(np.maximum(values, 1)), rtol=1e-9)
