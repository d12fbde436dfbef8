"""i-vectors: the laws that they follow, where there are no files of Kaldi's to compare with."""

import numpy as np
import pytest

from pysid.ivector import FullGmm, IvectorExtractor, Posteriors, UtteranceStats
from pysid.ivector.extractor_stats import ExtractorStats
from pysid.ivector.extractor_update import ExtractorUpdateConfig, floor_covariance, solve_quadratic, update

G, D, S = 6, 3, 4


@pytest.fixture
def rng():
    return np.random.default_rng(11)


@pytest.fixture
def gmm(rng):
    return FullGmm.of(rng.dirichlet(np.full(G, 5.0)), rng.normal(0, 4, (G, D)), np.tile(np.eye(D), (G, 1, 1)))


def utterances(gmm, rng, n=30, frames=80):
    """Utterances whose means lie off the mixture's along two directions."""
    directions = rng.normal(0, 0.6, (2, G, D))
    features, posteriors = [], []
    for _ in range(n):
        means = gmm.means + np.einsum("k,kgd->gd", rng.normal(size=2), directions)
        owner = rng.integers(0, G, frames)
        features.append((means[owner] + rng.normal(size=(frames, D))).astype(np.float32))
        posteriors.append(Posteriors(np.ones(frames, int), owner, np.ones(frames, np.float32)))
    return features, posteriors


@pytest.mark.parametrize("use_weights", [False, True])
def test_several_at_once_are_each_what_they_are_alone(use_weights, gmm, rng):
    extractor = IvectorExtractor.start(gmm, S, use_weights, rng)
    if use_weights:
        weights = rng.normal(0, 0.05, (G, S))
        extractor = IvectorExtractor(extractor.projections, extractor.inv_covars, np.zeros(0), weights, 100.0)
    features, posteriors = utterances(gmm, rng, n=5)
    together = extractor.extract(UtteranceStats.of(G, features, posteriors))
    for k, (x, own) in enumerate(zip(features, posteriors, strict=True)):
        np.testing.assert_allclose(extractor.extract(UtteranceStats.of(G, [x], [own]))[0], together[k], rtol=1e-8)


def test_an_i_vector_is_where_the_likelihood_is_highest(gmm, rng):
    extractor = IvectorExtractor.start(gmm, S, False, rng)
    stats = UtteranceStats.of(G, *utterances(gmm, rng, n=2))
    linear, quadratic = extractor.data_terms(stats)
    best, precisions = extractor.distributions(stats)
    values = extractor.prior_and_data(best, linear, quadratic, stats)
    for _ in range(20):
        step = 1e-3 * rng.normal(size=best.shape)
        moved = extractor.prior_and_data(best + step, linear, quadratic, stats)
        expected = values - 0.5 * np.einsum("ks,kst,kt->k", step, precisions, step)
        np.testing.assert_allclose(moved, expected, rtol=1e-9, atol=1e-7)


def test_no_frames_give_the_priors_mean(gmm, rng):
    extractor = IvectorExtractor.start(gmm, S, False, rng)
    empty = Posteriors(np.zeros(0, int), np.zeros(0, int), np.zeros(0, np.float32))
    vectors = extractor.extract(UtteranceStats.of(G, [np.zeros((0, D), np.float32)], [empty]))
    np.testing.assert_allclose(vectors, 0, atol=1e-9)


def test_training_raises_the_bound_and_normalises_i_vectors(gmm, rng):
    features, posteriors = utterances(gmm, rng)
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


def test_the_bound_without_variances_differs_by_a_constant_of_the_data(gmm, rng):
    """With second order statistics the covariances fit the data as they are, without, as if they were its own."""
    features, posteriors = utterances(gmm, rng, n=3)
    extractor = IvectorExtractor.start(gmm, S, False, rng)
    with_, without = (ExtractorStats.zeros(extractor, update_variances=flag) for flag in (True, False))
    for stats in (with_, without):
        stats.add(extractor, features, posteriors, n_samples=10, rng=rng)
    spread = 0.0
    for x, own in zip(features, posteriors, strict=True):
        for g in range(G):
            rows = x[own.gaussians == g].astype(float)
            centred = rows - rows.mean(axis=0)
            spread += np.einsum("ti,ij,tj->", centred, extractor.inv_covars[g], centred)
    n_frames = sum(map(len, features))
    assert with_.auxiliary - without.auxiliary == pytest.approx(0.5 * (D * n_frames - spread), rel=1e-9)


def test_sums_of_parts_are_the_whole(gmm, rng):
    features, posteriors = utterances(gmm, rng, n=6)
    extractor = IvectorExtractor.start(gmm, S, False, rng)
    parts = []
    for some in (slice(0, 2), slice(2, 6), slice(0, 6)):
        stats = ExtractorStats.zeros(extractor, update_variances=True)
        stats.add(extractor, features[some], posteriors[some], n_samples=10, rng=rng)
        parts.append(stats)
    both = parts[0] + parts[1]
    for name, value in vars(parts[2]).items():
        np.testing.assert_allclose(getattr(both, name), value, rtol=1e-9, atol=1e-7, err_msg=name)
    with pytest.raises(ValueError, match="of one form"):
        both + ExtractorStats.zeros(extractor, update_variances=False)
    with pytest.raises(ValueError, match="of utterances, got those of none"):
        update(extractor, ExtractorStats.zeros(extractor, update_variances=True))


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


def test_what_does_not_fit(gmm, rng):
    extractor = IvectorExtractor.start(gmm, S, False, rng)
    features, posteriors = utterances(gmm, rng, n=1)
    with pytest.raises(ValueError, match="Feature dimension mismatch, expected 3, got 2"):
        extractor.extract(UtteranceStats.of(G, [features[0][:, :2]], posteriors))
    with pytest.raises(ValueError, match=r"expected Gaussians in \[0, 5\), got 5"):
        UtteranceStats.of(5, features, posteriors)
    with pytest.raises(ValueError, match="expected 79 frames of 3 dimensions with posteriors, got 80"):
        UtteranceStats.of(G, [features[0][:-1]], posteriors)
