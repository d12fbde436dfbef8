import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal

from pysid.backend import Plda, plda_dense
from pysid.errors import DataError

BETWEEN = np.array([[4.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 1.0]])
WITHIN = np.array([[1.0, -0.3, 0.0], [-0.3, 0.5, 0.1], [0.0, 0.1, 2.0]])


def joint_log_density(x, mean, between, within):
    """Of (n, D) utterances of one speaker, by the full covariance of all their values."""
    n, dim = x.shape
    covariance = np.kron(np.ones((n, n)), between) + np.kron(np.eye(n), within)
    return multivariate_normal(np.zeros(n * dim), covariance).logpdf((x - mean).ravel())


def test_log_likelihood_is_the_density_of_all_values(plda, labelled):
    X, y = labelled
    between, within = plda.covariances()
    total = sum(joint_log_density(X[y == speaker], plda.mean_, between, within) for speaker in set(y))
    assert plda.log_likelihood(X, y) == pytest.approx(total / len(X), rel=1e-10)


def test_likelihood_never_falls_in_training(labelled):
    X, y = labelled
    likelihoods = [Plda(n).fit(X, y).log_likelihood(X, y) for n in range(1, 30)]
    assert (np.diff(likelihoods) > -1e-12).all()
    assert likelihoods[-1] > likelihoods[0] + 0.01


def test_simulated_covariances_are_recovered(speakers):
    X, y = speakers(1, 4000, (2, 6), BETWEEN, WITHIN)
    between, within = Plda(n_iter=20).fit(X + 3, y).covariances()
    np.testing.assert_allclose(between, BETWEEN, atol=0.25)
    np.testing.assert_allclose(within, WITHIN, atol=0.06)


def test_transform_makes_noise_unit_and_speakers_independent(plda):
    between, within = plda.covariances()
    np.testing.assert_allclose(plda.transform_ @ within @ plda.transform_.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(plda.transform_ @ between @ plda.transform_.T, np.diag(plda.psi_), atol=1e-10)
    assert (np.diff(plda.psi_) < 0).all()


def test_training_ignores_order_and_names(labelled):
    X, y = labelled
    order = np.random.default_rng(0).permutation(len(X))
    names = np.array([f"id{number}" for number in y])
    one, other = Plda().fit(X, y), Plda().fit(X[order], names[order])
    np.testing.assert_allclose(one.psi_, other.psi_, rtol=1e-9)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_score_is_the_ratio_of_joint_densities(plda, n):
    rng = np.random.default_rng(n)
    x, test = rng.normal(size=(n, 3)) * 2, rng.normal(size=(1, 3)) * 2
    between, within = plda.covariances()

    def density(*parts):
        return joint_log_density(np.concatenate(parts), plda.mean_, between, within)

    expected = density(x, test) - density(x) - density(test)
    enrol = plda.transform(x.mean(axis=0, keepdims=True), length_norm=None)
    score = plda.score(enrol, plda.transform(test, length_norm=None), n_enrol=n)
    assert score.item() == pytest.approx(expected, rel=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_score_is_symmetric_for_single_utterances(seed):
    rng = np.random.default_rng(seed)
    psi = np.sort(rng.exponential(100, size=4))[::-1]
    plda = Plda.from_parameters(np.zeros(4), np.eye(4), psi)
    a, b = rng.normal(size=(5, 4)) * 10, rng.normal(size=(6, 4)) * 10
    np.testing.assert_allclose(plda.score(a, b), plda.score(b, a).T, rtol=1e-9, atol=1e-9)


def test_enrolments_of_different_numbers_do_not_touch_each_other(plda):
    rng = np.random.default_rng(0)
    enrol, test, counts = rng.normal(size=(4, 3)), rng.normal(size=(5, 3)), np.array([3, 1, 3, 2])
    together = plda.score(enrol, test, counts)
    alone = [plda.score(enrol[row : row + 1], test, counts[row])[0] for row in range(4)]
    np.testing.assert_allclose(together, alone, rtol=1e-12, atol=1e-12)


def test_length_normalisation_meets_its_expectation(plda):
    X = np.random.default_rng(0).normal(size=(6, 3)) * 4
    counts = np.array([1, 2, 3, 1, 2, 10])
    u = plda.transform(X, counts)
    np.testing.assert_allclose((u**2 / (plda.psi_ + 1 / counts[:, None])).sum(axis=1), 3)
    np.testing.assert_allclose((plda.transform(X, length_norm="simple") ** 2).sum(axis=1), 3)


@pytest.mark.parametrize("length_norm", ["kaldi", "simple", None])
def test_a_vector_at_the_mean_stays_zero(plda, length_norm):
    assert not plda.transform(plda.mean_[None], length_norm=length_norm).any()


def test_smoothing_adds_speaker_variance_to_the_noise(plda):
    between, within = plda.covariances()
    smoothed_between, smoothed_within = plda.smooth(0.3).covariances()
    np.testing.assert_allclose(smoothed_between, between, rtol=1e-9)
    np.testing.assert_allclose(smoothed_within, within + 0.3 * between, rtol=1e-9)
    np.testing.assert_array_equal(plda.smooth(0.0).psi_, plda.psi_)


def test_rotation_does_not_change_scores(plda):
    rng = np.random.default_rng(0)
    X, rotation = rng.normal(size=(6, 3)), np.linalg.qr(rng.normal(size=(3, 3)))[0]
    turned = plda.project(rotation)
    u, v = plda.transform(X), turned.transform(X @ rotation.T)
    np.testing.assert_allclose(turned.score(v, v), plda.score(u, u), rtol=1e-8, atol=1e-8)


def test_too_little_data():
    X = np.random.default_rng(0).normal(size=(6, 6))
    y = [0, 0, 1, 1, 2, 2]
    with pytest.raises(DataError, match="more embeddings than dimensions, got 6 embeddings of 6 dimensions"):
        Plda().fit(X, y)
    with pytest.raises(DataError, match="PLDA needs at least two speakers, the data has 1"):
        Plda().fit(X[:, :2], [0] * 6)
    with pytest.raises(DataError, match="PLDA needs a speaker with two utterances, all 6 have one"):
        Plda().fit(X[:, :2], range(6))
    with pytest.raises(DataError, match="1 of 6 embeddings hold a NaN"):
        Plda().fit(np.where(np.arange(6) == 3, np.nan, X[:, 0])[:, None], y)


def test_wrong_arguments(plda, labelled):
    X = np.ones((2, 3))
    with pytest.raises(ValueError, match="n_iter must be at least 1, got 0"):
        Plda(0).fit(*labelled)
    with pytest.raises(ValueError, match="'kaldi', 'simple' or None, got 'unit'"):
        plda.transform(X, length_norm="unit")
    with pytest.raises(DataError, match="X has 2 dimensions, expected 3"):
        plda.transform(X[:, :2])
    with pytest.raises(DataError, match="test has 2 dimensions, expected 3"):
        plda.score(X, X[:, :2])
    with pytest.raises(ValueError, match="n_enrol must be at least 1, got 0"):
        plda.score(X, X, n_enrol=0)
    with pytest.raises(ValueError, match=r"one for each of 2 vectors, got shape \(3,\)"):
        plda.score(X, X, n_enrol=[1, 1, 1])
    with pytest.raises(ValueError, match=r"smoothing factor must lie in \[0, 1\], got 1.5"):
        plda.smooth(1.5)
    with pytest.raises(ValueError, match="within_scale must not be negative, got -1"):
        plda.adapt(X, within_scale=-1)
    with pytest.raises(ValueError, match=r"target_energy must lie in \[0, 1\], got 2"):
        plda_dense.dense_plda_scores(plda, X, 2)
    with pytest.raises(DataError, match="within-speaker covariance is singular"):
        plda.project(np.ones((2, 3)))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ((np.zeros(2), np.eye(3), np.ones(2)), r"got \(2,\), \(3, 3\) and \(2,\)"),
        ((np.zeros(2), np.eye(2), np.ones(3)), r"got \(2,\), \(2, 2\) and \(3,\)"),
        (([], np.eye(0), []), r"mean \(D,\)"),
        ((np.array([0.0, np.nan]), np.eye(2), np.ones(2)), "finite parameters"),
        ((np.zeros(2), np.eye(2), np.array([1.0, -0.1])), "psi >= 0, the lowest is -0.1"),
    ],
)
def test_bad_parameters(parameters, message):
    with pytest.raises(DataError, match=message):
        Plda.from_parameters(*parameters)


def test_rounding_below_zero_is_forgiven():
    assert Plda.from_parameters(np.zeros(2), np.eye(2), [5.0, -1e-9]).psi_.tolist() == [5.0, 0.0]
