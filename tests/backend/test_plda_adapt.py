"""Adaptation of PLDA to data without labels."""

import numpy as np
import pytest


def test_adaptation_shares_out_what_varies_more(plda):
    rng = np.random.default_rng(0)
    between, within = plda.covariances()
    X = rng.multivariate_normal(np.zeros(3), 4 * (between + within), size=2000)
    X = (X - X.mean(axis=0)) + plda.mean_
    adapted = plda.adapt(X, within_scale=0.3, between_scale=0.7)
    total = np.cov(X.T, bias=True)
    new_between, new_within = adapted.covariances()
    np.testing.assert_allclose(new_between, between + 0.7 * (total - between - within), rtol=1e-6)
    np.testing.assert_allclose(new_within, within + 0.3 * (total - between - within), rtol=1e-6)


def test_adaptation_to_data_that_varies_less_moves_the_mean_alone(plda):
    X = np.random.default_rng(0).normal(size=(50, 3)) * 1e-3 + 2
    adapted = plda.adapt(X, mean_scale=0.0)
    np.testing.assert_allclose(adapted.mean_, X.mean(axis=0))
    np.testing.assert_allclose(adapted.psi_, plda.psi_, rtol=1e-9)
    assert not np.allclose(plda.adapt(X, mean_scale=1.0).psi_, plda.psi_, rtol=1e-2)  # the shift counts


def test_a_negative_scale_is_refused(plda):
    X = np.random.default_rng(0).normal(size=(9, 3))
    for name in ("within_scale", "between_scale", "mean_scale"):
        with pytest.raises(ValueError, match=f"{name} must not be negative, got -0.5"):
            plda.adapt(X, **{name: -0.5})
