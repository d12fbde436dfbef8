import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from pysid.diarization import frame_mixtures
from pysid.diarization.frame_mixtures import FrameMixtures, fit_mixture


@pytest.fixture
def clouds():
    """(900, 3) frames of three clouds around points far apart, and which cloud each is of."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 900)
    means = np.array([[0.0, 0.0, 500.0], [9.0, 0.0, 500.0], [0.0, 7.0, 502.0]])
    return (means[labels] + rng.normal(size=(900, 3)) * [1.0, 0.5, 0.2]).astype(np.float32), labels


def literal_log_densities(mixtures, frames):
    x = (frames - mixtures.centre) / mixtures.scale
    densities = [
        [
            np.log(weight) + multivariate_normal(mean, np.diag(variance)).logpdf(x)
            for weight, mean, variance in zip(weights, means, mixtures.variances, strict=True)
        ]
        for weights, means in zip(mixtures.weights, mixtures.means, strict=True)
    ]
    return logsumexp(densities, axis=1).T


def some_mixtures(seed=0, n_mixtures=2, n_components=4, dim=3):
    rng = np.random.default_rng(seed)
    return FrameMixtures(
        centre=rng.normal(size=dim),
        scale=rng.uniform(0.5, 2.0, dim),
        weights=rng.dirichlet(np.ones(n_components), n_mixtures),
        means=rng.normal(size=(n_mixtures, n_components, dim)),
        variances=rng.uniform(0.2, 1.0, (n_components, dim)),
    )


def test_log_densities_are_those_of_the_normal_distribution(monkeypatch):
    mixtures = some_mixtures()
    frames = np.random.default_rng(1).normal(size=(50, 3)).astype(np.float32)
    expected = literal_log_densities(mixtures, frames)
    np.testing.assert_allclose(mixtures.log_densities(frames), expected, rtol=1e-4, atol=1e-4)
    monkeypatch.setattr(frame_mixtures, "BLOCK", 7)
    np.testing.assert_allclose(mixtures.log_densities(frames), expected, rtol=1e-4, atol=1e-4)


def test_frames_far_from_every_component_do_not_underflow():
    scores = some_mixtures().log_densities(np.full((1, 3), 1e3, dtype=np.float32))
    assert np.isfinite(scores).all()


def test_moments_are_those_of_the_posteriors(monkeypatch):
    mixture = some_mixtures(n_mixtures=1)
    rng = np.random.default_rng(1)
    frames, labels = rng.normal(size=(40, 3)), rng.integers(-1, 2, 40)
    x = (frames - mixture.centre) / mixture.scale
    joint = np.stack(
        [
            weight * multivariate_normal(mean, np.diag(variance)).pdf(x)
            for weight, mean, variance in zip(mixture.weights[0], mixture.means[0], mixture.variances, strict=True)
        ],
        axis=1,
    )
    posteriors = joint / joint.sum(axis=1, keepdims=True)
    monkeypatch.setattr(frame_mixtures, "BLOCK", 9)
    counts, sums, squares = mixture.moments(frames, labels, 2)
    for label in range(2):
        mine = labels == label
        np.testing.assert_allclose(counts[label], posteriors[mine].sum(axis=0), rtol=1e-4)
        np.testing.assert_allclose(sums[label], posteriors[mine].T @ x[mine], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(squares, posteriors[labels >= 0].T @ x[labels >= 0] ** 2, rtol=1e-4)


def test_fit_finds_the_clouds(clouds):
    frames, labels = clouds
    mixture = fit_mixture(frames, 3)
    means = mixture.means[0] * mixture.scale + mixture.centre
    order = [np.abs(means - frames[labels == cloud].mean(axis=0)).sum(axis=1).argmin() for cloud in range(3)]
    assert sorted(order) == [0, 1, 2]
    for cloud, component in enumerate(order):
        mine = frames[labels == cloud]
        np.testing.assert_allclose(means[component], mine.mean(axis=0), atol=0.05)
        assert mixture.weights[0, component] == pytest.approx(len(mine) / len(frames), abs=0.01)
        deviations = np.sqrt(mixture.variances[component]) * mixture.scale
        np.testing.assert_allclose(deviations[:2], mine.std(axis=0)[:2], rtol=0.1)


def test_likelihood_never_falls_in_training(clouds, monkeypatch):
    frames, _ = clouds
    likelihoods = []
    for n_iterations in range(1, 25):
        monkeypatch.setattr(frame_mixtures, "N_EM_ITERATIONS", n_iterations)
        likelihoods.append(fit_mixture(frames[:, :2], 5).log_densities(frames[:, :2]).mean(dtype=np.float64))
    assert np.diff(likelihoods).min() > -1e-5
    assert likelihoods[-1] > likelihoods[0] + 0.01


def test_adapted_is_the_maximum_a_posteriori_formula(clouds):
    frames, labels = clouds
    mixture = fit_mixture(frames, 4)
    speaker = np.where(labels == 2, 1, np.where(labels == 1, -1, 0))
    adapted = mixture.adapted(frames, speaker, 3, relevance=25.0)
    counts, sums, _ = mixture.moments(frames, speaker, 3)
    for s in range(3):
        n = counts[s].sum()
        share = n / (n + 25.0)
        own = counts[s] / max(n, 1e-9)
        np.testing.assert_allclose(adapted.weights[s], share * own + (1 - share) * mixture.weights[0], rtol=1e-6)
        for k in range(4):
            mean = (sums[s, k] + 25.0 * mixture.means[0, k]) / (counts[s, k] + 25.0)
            np.testing.assert_allclose(adapted.means[s, k], mean, rtol=1e-6)
    np.testing.assert_array_equal(adapted.variances, mixture.variances)
    np.testing.assert_allclose(adapted.means[2], mixture.means[0], rtol=1e-12)  # of whom there is no frame
    np.testing.assert_allclose(adapted.weights[2], mixture.weights[0], rtol=1e-12)
    assert (adapted.log_densities(frames).argmax(axis=1) == 1)[labels == 2].mean() > 0.99


@pytest.mark.parametrize(("n_frames", "n_components"), [(1, 1), (60, 1), (149, 2), (900, 8)])
def test_little_speech_gets_fewer_components(clouds, n_frames, n_components):
    mixture = fit_mixture(clouds[0][:n_frames], 8)
    assert mixture.n_components == n_components
    assert np.isfinite(mixture.log_densities(clouds[0])).all()


def test_features_that_do_not_vary_do_no_harm(clouds):
    frames = clouds[0].copy()
    frames[:, 1] = 3.0
    assert np.isfinite(fit_mixture(frames, 4).log_densities(frames)).all()
    assert np.isfinite(fit_mixture(np.zeros((300, 2), np.float32), 4).log_densities(np.ones((2, 2)))).all()
