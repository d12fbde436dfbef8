"""Mixtures with full covariances, beside SciPy and those with diagonal ones."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from pysid.ivector import Chosen, DiagGmm, FullGmm

G, D, T = 7, 4, 60


def scipys(gmm, x, covars):
    parts = zip(gmm.weights, gmm.means, covars, strict=True)
    return np.stack([np.log(w) + multivariate_normal(mean, covar).logpdf(x) for w, mean, covar in parts], 1)


def test_likelihoods(full, diag, x):
    np.testing.assert_allclose(full.log_likelihoods(x), scipys(full, x, full.covars), rtol=1e-4, atol=1e-3)
    expected = scipys(diag, x, [np.diag(v) for v in diag.variances])
    np.testing.assert_allclose(diag.log_likelihoods(x), expected, rtol=1e-4, atol=1e-3)


def test_a_diagonal_mixture_is_a_full_one(diag, x):
    again = FullGmm.from_diag(diag).to_diag()
    np.testing.assert_allclose(
        FullGmm.from_diag(diag).log_likelihoods(x), diag.log_likelihoods(x), rtol=1e-5, atol=1e-4
    )
    for name in ("weights", "means_invvars", "inv_vars"):
        np.testing.assert_allclose(getattr(again, name), getattr(diag, name), rtol=1e-5, atol=1e-6)


def test_likelihoods_of_the_chosen_are_those_of_all(full, diag, x, rng):
    counts = rng.integers(1, 4, T)
    gaussians = np.concatenate([rng.permutation(G)[:n] for n in counts])
    chosen = Chosen(counts, gaussians)
    ours = full.log_likelihoods_of(x, chosen)
    np.testing.assert_allclose(ours, full.log_likelihoods(x)[chosen.frames, gaussians], rtol=1e-5, atol=1e-4)
    with pytest.raises(ValueError, match=r"expected Gaussians in \[0, 7\), got 7"):
        full.log_likelihoods_of(x[:1], Chosen(np.array([1]), np.array([7])))
    with pytest.raises(ValueError, match="expected a Gaussian for each frame, got none for frame 1"):
        full.log_likelihoods_of(x[:2], Chosen(np.array([1, 0]), np.array([2])))
    with pytest.raises(ValueError, match="expected features of 4 dimensions"):
        diag.log_likelihoods(x[:, :3])


def test_mixtures_that_do_not_make_sense(diag, full):
    with pytest.raises(ValueError, match="variances above 0"):
        DiagGmm(diag.weights, diag.means_invvars, -diag.inv_vars)
    with pytest.raises(ValueError, match="positive definite, Gaussian 2 is not"):
        bad = full.inv_covars.copy()
        bad[2, 0, 0] = -5
        _ = FullGmm(full.weights, full.means_invcovars, bad).gconsts
    with pytest.raises(ValueError, match="to split to, got 3"):
        diag.split(3, 0.1, np.random.default_rng(0))
