import numpy as np
import pytest

from pysid.backend import Lda
from pysid.backend.statistics import speaker_statistics
from pysid.errors import DataError, PysidWarning


@pytest.fixture
def data(speakers):
    rng = np.random.default_rng(3)
    A, B = rng.normal(size=(2, 6, 6))
    X, y = speakers(0, 30, (1, 9), A @ A.T, B @ B.T)
    return X + 5, y


@pytest.mark.parametrize("factor", [0.0, 0.3, 1.0])
def test_projected_data_is_centred_with_unit_covariance(data, factor):
    X, y = data
    Z = Lda(4, total_covariance_factor=factor).fit(X, y).transform(X)
    total = np.cov(Z.T, bias=True)
    within = speaker_statistics(Z, y).scatter / len(Z)
    np.testing.assert_allclose(Z.mean(axis=0), 0, atol=1e-10)
    np.testing.assert_allclose(factor * total + (1 - factor) * within, np.eye(4), atol=1e-10)
    variances = np.diag(total)
    np.testing.assert_allclose(total, np.diag(variances), atol=1e-10)
    assert (np.diff(variances) < 0).all() or factor == 1.0


def test_first_direction_separates_better_than_any_other(data):
    X, y = data

    def separation(z):
        statistics = speaker_statistics(z[:, None], y)
        return np.var(z) / (statistics.scatter.item() / len(z))

    best = separation(Lda(1).fit(X, y).transform(X)[:, 0])
    directions = np.random.default_rng(0).normal(size=(200, X.shape[1]))
    assert best > max(separation(X @ direction) for direction in directions)


def test_covariance_floor_bounds_the_gain(data):
    X, y = data
    X = np.column_stack([X, 1e-9 * np.arange(len(X)) % 3e-9])  # a direction of hardly any variance
    free = Lda(7, covariance_floor=0.0).fit(X, y).transform_
    floored = Lda(7).fit(X, y).transform_
    assert abs(free).max() > 1e8
    assert abs(floored).max() < 1e6


@pytest.mark.parametrize(
    ("rows", "dim", "message"),
    [
        (slice(None), 7, "LDA to 7 dimensions needs embeddings of as many, got 6"),
        (slice(5), 2, "at least as many embeddings as dimensions, got 5 embeddings of 6 dimensions"),
    ],
)
def test_too_little_data(data, rows, dim, message):
    X, y = data
    with pytest.raises(DataError, match=message):
        Lda(dim).fit(X[rows], y[rows])


def test_labels_that_tell_nothing(data):
    X, _ = data
    with pytest.raises(DataError, match="at least two speakers, the data has 1"):
        Lda(2).fit(X, ["one"] * len(X))
    with pytest.raises(DataError, match=f"needs a speaker with two utterances, all {len(X)} have one"):
        Lda(2).fit(X, np.arange(len(X)))
    with pytest.raises(DataError, match="embeddings that vary, the utterances of each speaker are all equal"):
        Lda(1).fit(np.repeat(np.eye(2), 2, axis=0), [0, 0, 1, 1])


def test_more_directions_than_speakers_warn(data):
    X, y = data
    rows = y < 4
    with pytest.warns(PysidWarning, match="4 speakers differ in at most 3 directions, so LDA to 4 dimensions"):
        Lda(4).fit(X[rows], y[rows])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dim": 0}, "at least one dimension, got dim=0"),
        ({"dim": 2, "total_covariance_factor": 1.5}, r"must lie in \[0, 1\], got 1.5"),
        ({"dim": 2, "covariance_floor": -1.0}, "must not be negative, got -1"),
    ],
)
def test_bad_options(data, options, message):
    with pytest.raises(ValueError, match=message):
        Lda(**options).fit(*data)
