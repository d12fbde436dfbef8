import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal

from pysid.backend import Plda, plda_dense
from pysid.backend.statistics import speaker_statistics
from pysid.backend.two_covariance import em_step, pool_speakers
from pysid.errors import DataError

BETWEEN = np.array([[4.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 1.0]])
WITHIN = np.array([[1.0, -0.3, 0.0], [-0.3, 0.5, 0.1], [0.0, 0.1, 2.0]])


@pytest.fixture(scope="module")
def data(speakers):
    return speakers(0, 40, (1, 7), BETWEEN, WITHIN)


@pytest.fixture(scope="module")
def model(data):
    return Plda().fit(*data)


def joint_log_density(x, mean, between, within):
    """Of (n, D) utterances of one speaker, by the full covariance of all their values."""
    n, dim = x.shape
    covariance = np.kron(np.ones((n, n)), between) + np.kron(np.eye(n), within)
    return multivariate_normal(np.zeros(n * dim), covariance).logpdf((x - mean).ravel())


def test_log_likelihood_is_the_density_of_all_values(model, data):
    X, y = data
    between, within = model.covariances()
    total = sum(joint_log_density(X[y == speaker], model.mean_, between, within) for speaker in set(y))
    assert model.log_likelihood(X, y) == pytest.approx(total / len(X), rel=1e-10)


def test_likelihood_never_falls_in_training(data):
    X, y = data
    likelihoods = [Plda(n).fit(X, y).log_likelihood(X, y) for n in range(1, 30)]
    assert (np.diff(likelihoods) > -1e-12).all()
    assert likelihoods[-1] > likelihoods[0] + 0.01


def test_em_step_is_the_textbook_step_speaker_by_speaker(data):
    X, y = data
    statistics = speaker_statistics(X, y)
    mean = statistics.means.mean(axis=0)
    speakers = pool_speakers(statistics, mean)
    assert len(speakers.offsets) < statistics.n_speakers  # some stand for many
    between_sum, within_sum = np.zeros((3, 3)), np.zeros((3, 3))
    for speaker in np.unique(y):
        x = X[y == speaker] - mean
        variance = np.linalg.inv(np.linalg.inv(BETWEEN) + len(x) * np.linalg.inv(WITHIN))
        expected = variance @ np.linalg.inv(WITHIN) @ x.sum(axis=0)
        between_sum += np.outer(expected, expected) + variance
        within_sum += (x - expected).T @ (x - expected) + len(x) * variance
    between, within = em_step(BETWEEN, WITHIN, speakers)
    np.testing.assert_allclose(between, between_sum / len(np.unique(y)), rtol=1e-10)
    np.testing.assert_allclose(within, within_sum / len(X), rtol=1e-10)


def test_simulated_covariances_are_recovered(speakers):
    X, y = speakers(1, 4000, (2, 6), BETWEEN, WITHIN)
    between, within = Plda(n_iter=20).fit(X + 3, y).covariances()
    np.testing.assert_allclose(between, BETWEEN, atol=0.25)
    np.testing.assert_allclose(within, WITHIN, atol=0.06)


def test_transform_makes_noise_unit_and_speakers_independent(model):
    between, within = model.covariances()
    np.testing.assert_allclose(model.transform_ @ within @ model.transform_.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(model.transform_ @ between @ model.transform_.T, np.diag(model.psi_), atol=1e-10)
    assert (np.diff(model.psi_) < 0).all()


def test_training_ignores_order_and_names(data):
    X, y = data
    order = np.random.default_rng(0).permutation(len(X))
    names = np.array([f"id{number}" for number in y])
    one, other = Plda().fit(X, y), Plda().fit(X[order], names[order])
    np.testing.assert_allclose(one.psi_, other.psi_, rtol=1e-9)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_score_is_the_ratio_of_joint_densities(model, n):
    rng = np.random.default_rng(n)
    x, test = rng.normal(size=(n, 3)) * 2, rng.normal(size=(1, 3)) * 2
    between, within = model.covariances()

    def density(*parts):
        return joint_log_density(np.concatenate(parts), model.mean_, between, within)

    expected = density(x, test) - density(x) - density(test)
    enrol = model.transform(x.mean(axis=0, keepdims=True), length_norm=None)
    score = model.score(enrol, model.transform(test, length_norm=None), n_enrol=n)
    assert score.item() == pytest.approx(expected, rel=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_score_is_symmetric_for_single_utterances(seed):
    rng = np.random.default_rng(seed)
    psi = np.sort(rng.exponential(100, size=4))[::-1]
    model = Plda.from_parameters(np.zeros(4), np.eye(4), psi)
    a, b = rng.normal(size=(5, 4)) * 10, rng.normal(size=(6, 4)) * 10
    np.testing.assert_allclose(model.score(a, b), model.score(b, a).T, rtol=1e-9, atol=1e-9)


def test_enrolments_of_different_numbers_do_not_touch_each_other(model):
    rng = np.random.default_rng(0)
    enrol, test, counts = rng.normal(size=(4, 3)), rng.normal(size=(5, 3)), np.array([3, 1, 3, 2])
    together = model.score(enrol, test, counts)
    alone = [model.score(enrol[row : row + 1], test, counts[row])[0] for row in range(4)]
    np.testing.assert_allclose(together, alone, rtol=1e-12, atol=1e-12)


def test_blocks_and_pairs_give_the_same_scores(model, monkeypatch):
    rng = np.random.default_rng(0)
    enrol, test, counts = rng.normal(size=(7, 3)), rng.normal(size=(5, 3)), rng.integers(1, 4, size=7)
    whole = model.score(enrol, test, counts)
    i, j = np.divmod(rng.permutation(35), 5)
    monkeypatch.setattr("pysid.backend.bilinear.BLOCK_VALUES", 11)
    for groups in (32, 0):
        monkeypatch.setattr("pysid.backend.bilinear.FOLDED_GROUPS", groups)
        np.testing.assert_allclose(model.score(enrol, test, counts), whole, rtol=1e-12, atol=1e-12)
        terms = model.terms(enrol, test, counts)
        np.testing.assert_allclose(terms.pairs(i, j), whole[i, j], rtol=1e-12, atol=1e-12)
        blocks = dict((rows.start, scores) for rows, scores in terms.blocks(15))
        assert list(blocks) == [0, 3, 6]
        np.testing.assert_allclose(np.concatenate(list(blocks.values())), whole, rtol=1e-12, atol=1e-12)


def test_length_normalisation_meets_its_expectation(model):
    X = np.random.default_rng(0).normal(size=(6, 3)) * 4
    counts = np.array([1, 2, 3, 1, 2, 10])
    u = model.transform(X, counts)
    np.testing.assert_allclose((u**2 / (model.psi_ + 1 / counts[:, None])).sum(axis=1), 3)
    np.testing.assert_allclose((model.transform(X, length_norm="simple") ** 2).sum(axis=1), 3)


@pytest.mark.parametrize("length_norm", ["kaldi", "simple", None])
def test_a_vector_at_the_mean_stays_zero(model, length_norm):
    assert not model.transform(model.mean_[None], length_norm=length_norm).any()


def test_smoothing_adds_speaker_variance_to_the_noise(model):
    between, within = model.covariances()
    smoothed_between, smoothed_within = model.smooth(0.3).covariances()
    np.testing.assert_allclose(smoothed_between, between, rtol=1e-9)
    np.testing.assert_allclose(smoothed_within, within + 0.3 * between, rtol=1e-9)
    np.testing.assert_array_equal(model.smooth(0.0).psi_, model.psi_)


def test_adaptation_shares_out_what_varies_more(model):
    rng = np.random.default_rng(0)
    between, within = model.covariances()
    X = rng.multivariate_normal(np.zeros(3), 4 * (between + within), size=2000)
    X = (X - X.mean(axis=0)) + model.mean_
    adapted = model.adapt(X, within_scale=0.3, between_scale=0.7)
    total = np.cov(X.T, bias=True)
    new_between, new_within = adapted.covariances()
    np.testing.assert_allclose(new_between, between + 0.7 * (total - between - within), rtol=1e-6)
    np.testing.assert_allclose(new_within, within + 0.3 * (total - between - within), rtol=1e-6)


def test_adaptation_to_data_that_varies_less_moves_the_mean_alone(model):
    X = np.random.default_rng(0).normal(size=(50, 3)) * 1e-3 + 2
    adapted = model.adapt(X, mean_scale=0.0)
    np.testing.assert_allclose(adapted.mean_, X.mean(axis=0))
    np.testing.assert_allclose(adapted.psi_, model.psi_, rtol=1e-9)
    assert not np.allclose(model.adapt(X, mean_scale=1.0).psi_, model.psi_, rtol=1e-2)  # the shift counts


def test_rotation_does_not_change_scores(model):
    rng = np.random.default_rng(0)
    X, rotation = rng.normal(size=(6, 3)), np.linalg.qr(rng.normal(size=(3, 3)))[0]
    turned = model.project(rotation)
    u, v = model.transform(X), turned.transform(X @ rotation.T)
    np.testing.assert_allclose(turned.score(v, v), model.score(u, u), rtol=1e-8, atol=1e-8)


def test_dense_scores_follow_the_order_of_segments_and_skip_pca_where_nothing_varies(model):
    X = np.random.default_rng(0).normal(size=(8, 3)) * 2
    scores = plda_dense.dense_plda_scores(model, X, 0.3)
    np.testing.assert_allclose(scores, scores.T, atol=1e-9)
    order = np.arange(8)[::-1]
    np.testing.assert_allclose(
        plda_dense.dense_plda_scores(model, X[order], 0.3), scores[np.ix_(order, order)], atol=1e-8
    )
    for few in (X[:1], X[:2], np.repeat(X[:1], 4, axis=0)):
        u = model.transform(few)
        np.testing.assert_allclose(plda_dense.dense_plda_scores(model, few, 0.1), model.score(u, u))


@pytest.mark.parametrize(
    ("variances", "target_energy", "dim"),
    [
        ([6.0, 3.0, 1.0], 0.0, 2),
        ([6.0, 3.0, 1.0], 0.59, 2),
        ([6.0, 3.0, 1.0], 0.61, 3),
        ([6.0, 3.0, 1.0], 0.99, 3),  # Kaldi's own count would be four, of three
        ([6.0, 3.0, 0.0], 0.7, 2),  # no third direction to add
    ],
)
def test_one_axis_more_than_the_energy_needs(variances, target_energy, dim):
    corners = np.array([[a, b, c] for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)])
    axes = plda_dense.recording_axes(corners * np.sqrt(variances), target_energy)
    assert axes.shape == (dim, 3)
    np.testing.assert_allclose(abs(axes), np.eye(3)[:dim], atol=1e-12)


@pytest.mark.parametrize(("target_energy", "projects"), [(0.998, True), (0.9981, False), (1.0, False)])
def test_a_target_near_one_means_no_projection(target_energy, projects):
    X = np.random.default_rng(0).normal(size=(8, 3))
    assert (plda_dense.recording_axes(X, target_energy) is not None) == projects


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


def test_wrong_arguments(model, data):
    X = np.ones((2, 3))
    with pytest.raises(ValueError, match="n_iter must be at least 1, got 0"):
        Plda(0).fit(*data)
    with pytest.raises(ValueError, match="'kaldi', 'simple' or None, got 'unit'"):
        model.transform(X, length_norm="unit")
    with pytest.raises(DataError, match="X has 2 dimensions, expected 3"):
        model.transform(X[:, :2])
    with pytest.raises(DataError, match="test has 2 dimensions, expected 3"):
        model.score(X, X[:, :2])
    with pytest.raises(ValueError, match="n_enrol must be at least 1, got 0"):
        model.score(X, X, n_enrol=0)
    with pytest.raises(ValueError, match=r"one for each of 2 vectors, got shape \(3,\)"):
        model.score(X, X, n_enrol=[1, 1, 1])
    with pytest.raises(ValueError, match=r"smoothing factor must lie in \[0, 1\], got 1.5"):
        model.smooth(1.5)
    with pytest.raises(ValueError, match="within_scale must not be negative, got -1"):
        model.adapt(X, within_scale=-1)
    with pytest.raises(ValueError, match=r"target_energy must lie in \[0, 1\], got 2"):
        plda_dense.dense_plda_scores(model, X, 2)
    with pytest.raises(DataError, match="within-speaker covariance is singular"):
        model.project(np.ones((2, 3)))


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (([0, 2], [0, 0]), r"enrol_index must lie in \[0, 2\), got values from 0 to 2"),
        (([0], [-1]), r"test_index must lie in \[0, 2\)"),
        (([0.5], [0]), "must be a list of whole numbers"),
        (([0, 1], [0]), "enrol_index has 2 trials, test_index 1"),
    ],
)
def test_wrong_trials(model, index, message):
    X = np.ones((2, 3))
    with pytest.raises(ValueError, match=message):
        model.terms(X, X).pairs(*index)


def test_no_trials_have_no_scores(model):
    assert model.terms(np.ones((2, 3)), np.ones((2, 3))).pairs([], []).shape == (0,)


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
