"""Which Gaussians of a frame count, and their posteriors."""

import numpy as np
import pytest
from scipy.special import logsumexp

from pysid.ivector import best_gaussians, pruned
from pysid.ivector.selection import best_of, best_posteriors

G, D, T = 7, 4, 60


def test_the_best_gaussians_come_first(diag, x):
    table = diag.log_likelihoods(x)
    chosen, totals = best_gaussians(table, 3)
    expected = np.argsort(-table, axis=1)[:, :3]
    np.testing.assert_array_equal(chosen.gaussians.reshape(T, 3), expected)
    np.testing.assert_allclose(totals, logsumexp(np.take_along_axis(table, expected, 1), axis=1), rtol=1e-5, atol=1e-4)
    fewer, _ = best_of(table[chosen.frames, chosen.gaussians], chosen, 2)
    np.testing.assert_array_equal(fewer.gaussians.reshape(T, 2), expected[:, :2])
    same, _ = best_of(table[chosen.frames, chosen.gaussians], chosen, 9)
    np.testing.assert_array_equal(same.gaussians, chosen.gaussians)
    with pytest.raises(ValueError, match=r"expected a number of Gaussians in \[1, 7\], got 8"):
        best_gaussians(table, 8)


def test_posteriors_sum_to_one_and_small_ones_are_left_out(diag, x):
    table = diag.log_likelihoods(x)
    exact = np.exp(table - logsumexp(table, axis=1, keepdims=True))
    chosen, _ = best_gaussians(table, G)
    for posteriors, _ in (
        pruned(table[chosen.frames, chosen.gaussians], chosen, 0.05),
        best_posteriors(table, G, 0.05),
    ):
        sums = np.bincount(posteriors.frames, posteriors.weights, T)
        np.testing.assert_allclose(sums, 1, rtol=1e-5)
        kept = np.zeros((T, G), bool)
        kept[posteriors.frames, posteriors.gaussians] = True
        np.testing.assert_array_equal(kept, exact >= 0.05)
    everything, totals = best_posteriors(table, G)
    np.testing.assert_allclose(everything.weights, exact[everything.frames, everything.gaussians], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(totals, logsumexp(table, axis=1), rtol=1e-5)


def test_a_frame_keeps_its_best_gaussian_however_high_the_bar():
    table = np.log(np.full((1, 4), 0.25, np.float32))
    chosen, _ = best_gaussians(table, 4)
    assert pruned(table[0], chosen, 0.9)[0].counts.tolist() == [1]
    assert best_posteriors(table, 4, 0.9)[0].counts.tolist() == [1]
