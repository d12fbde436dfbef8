"""Mixtures with diagonal covariances."""

import numpy as np
import pytest

from pysid.ivector import Chosen, DiagGmm


def test_what_looks_like_a_range_is_taken_for_one(diag, x):
    """A slip of Kaldi's, DiagGmm::LogLikelihoodsPreselect: only the first and the last Gaussian are looked at."""
    chosen = Chosen(np.array([3]), np.array([1, 6, 3]))
    np.testing.assert_array_equal(diag.log_likelihoods_of(x[:1], chosen), diag.log_likelihoods(x[:1])[0, [1, 2, 3]])


def test_of_weights_means_and_variances(rng):
    weights, means, variances = rng.dirichlet([2.0, 2.0]), rng.normal(size=(2, 3)), rng.uniform(0.5, 2, (2, 3))
    gmm = DiagGmm.of(weights, means, variances)
    assert (gmm.n_gaussians, gmm.dim) == (2, 3)
    for ours, given in ((gmm.weights, weights), (gmm.means, means), (gmm.variances, variances)):
        np.testing.assert_allclose(ours, given, rtol=1e-5, atol=1e-6)


def test_who_is_removed_leaves_weights_that_add_up(diag, x):
    fewer = diag.without([1, 4])
    assert fewer.n_gaussians == diag.n_gaussians - 2 and fewer.weights.sum() == pytest.approx(1, abs=1e-6)
    lost = np.log(1 - diag.weights[[1, 4]].sum())
    kept = diag.log_likelihoods(x)[:, [0, 2, 3, 5, 6]]
    np.testing.assert_allclose(fewer.log_likelihoods(x), kept - lost, rtol=1e-5, atol=1e-4)
    assert diag.without([]) is diag


def test_a_split_halves_the_largest_and_keeps_the_mean(diag, rng):
    more = diag.split(diag.n_gaussians + 1, 0.1, rng)
    largest = diag.weights.argmax()
    assert more.weights[[largest, -1]].tolist() == pytest.approx([diag.weights[largest] / 2] * 2)
    np.testing.assert_allclose(more.means[[largest, -1]].mean(0), diag.means[largest], rtol=1e-4, atol=1e-5)
    assert (more.means[largest] != more.means[-1]).all()
    with pytest.raises(ValueError, match="expected 7 Gaussians or more to split to, got 3"):
        diag.split(3, 0.1, rng)


def test_frames_of_another_width(diag, x):
    with pytest.raises(ValueError, match=r"expected features of 4 dimensions, got \(60, 3\)"):
        diag.log_likelihoods(x[:, :3])


@pytest.mark.parametrize(
    ("weights", "inv_vars", "message"),
    [
        ([0.5, 0.5], np.zeros((2, 3)), "weights of 0 or more and variances above 0"),
        ([-0.5, 1.5], np.ones((2, 3)), "weights of 0 or more and variances above 0"),
        ([1.0], np.ones((2, 3)), r"got \(1,\), \(2, 3\), \(2, 3\)"),
    ],
)
def test_what_is_no_mixture(weights, inv_vars, message):
    with pytest.raises(ValueError, match=message):
        DiagGmm(np.array(weights, np.float32), np.zeros((2, 3), np.float32), inv_vars.astype(np.float32))
