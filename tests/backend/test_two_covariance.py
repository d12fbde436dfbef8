"""The EM step of PLDA beside the textbook's, speaker by speaker."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from pysid.backend.statistics import speaker_statistics
from pysid.backend.two_covariance import diagonalize, em_step, log_likelihood, pool_speakers
from pysid.errors import DataError

BETWEEN = np.array([[4.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 1.0]])
WITHIN = np.array([[1.0, -0.3, 0.0], [-0.3, 0.5, 0.1], [0.0, 0.1, 2.0]])


def test_em_step_is_the_textbook_step_speaker_by_speaker(labelled):
    X, y = labelled
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


def test_noise_becomes_the_identity_and_speakers_diagonal():
    transform, psi = diagonalize(BETWEEN, WITHIN)
    np.testing.assert_allclose(transform @ WITHIN @ transform.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(transform @ BETWEEN @ transform.T, np.diag(psi), atol=1e-12)
    assert (np.diff(psi) <= 0).all()
    assert diagonalize(-1e-9 * np.eye(3), WITHIN)[1].tolist() == [0, 0, 0]  # rounding below zero
    with pytest.raises(DataError, match="the within-speaker covariance is singular: some direction of the embeddings"):
        diagonalize(BETWEEN, np.diag([1.0, 1.0, 0.0]))


def test_speakers_of_as_many_utterances_are_pooled_without_loss(labelled):
    statistics = speaker_statistics(*labelled)
    mean = statistics.means.mean(axis=0)
    pooled = pool_speakers(statistics, mean)
    assert sum(pooled.sizes.values()) == statistics.n_speakers
    for count, size in pooled.sizes.items():
        own = statistics.means[statistics.counts == count] - mean
        rows = pooled.offsets[pooled.counts == count]
        assert (len(own), len(rows)) == (size, min(size, statistics.dim))
        np.testing.assert_allclose(rows.T @ rows, own.T @ own, atol=1e-9)


def test_likelihood_is_the_density_of_each_speakers_values(labelled):
    X, y = labelled
    statistics, mean = speaker_statistics(X, y), np.array([0.2, -0.1, 0.5])
    expected = 0.0
    for speaker in np.unique(y):
        x = X[y == speaker] - mean
        covariance = np.kron(np.ones((len(x), len(x))), BETWEEN) + np.kron(np.eye(len(x)), WITHIN)
        expected += multivariate_normal(np.zeros(x.size), covariance).logpdf(x.ravel())
    assert log_likelihood(statistics, mean, *diagonalize(BETWEEN, WITHIN)) == pytest.approx(expected, rel=1e-10)
