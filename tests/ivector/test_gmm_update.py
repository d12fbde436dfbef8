"""A step of EM, and a training from frames."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.special import logsumexp

from pysid.ivector import Posteriors
from pysid.ivector.gmm_stats import GmmStats, parse_flags
from pysid.ivector.gmm_update import ALL, UpdateConfig, objective, train, update

G, D, T = 7, 4, 60


@pytest.mark.parametrize("kind", ["diag", "full"])
def test_an_update_finds_what_the_statistics_say(kind, diag, full, rng):
    """Each frame belongs to one Gaussian, whose mean, covariance and weight become those of its frames."""
    gmm = diag if kind == "diag" else full
    owner = rng.integers(0, G, 4000)
    x = rng.normal(0, 3, (4000, D)).astype(np.float32) * (1 + owner[:, None]) + owner[:, None]
    stats = GmmStats.zeros(gmm, ALL)
    stats.add(x, Posteriors(np.ones(4000, int), owner, np.ones(4000, np.float32)))
    step = update(gmm, stats, UpdateConfig())
    assert (step.removed, step.n_floored, step.count) == ([], 0, 4000)
    for g in range(G):
        rows = x[owner == g].astype(float)
        np.testing.assert_allclose(step.gmm.means[g], rows.mean(0), rtol=1e-3, atol=1e-3)
        covar = np.cov(rows.T, bias=True)
        got = np.diag(step.gmm.variances[g]) if kind == "diag" else step.gmm.covars[g]
        np.testing.assert_allclose(got, np.diag(np.diag(covar)) if kind == "diag" else covar, rtol=1e-3, atol=1e-2)
        assert step.gmm.weights[g] == pytest.approx((owner == g).mean())
    assert (
        step.improvement == pytest.approx(objective(step.gmm, stats) - objective(gmm, stats)) and step.improvement > 0
    )


@pytest.mark.parametrize("kind", ["diag", "full"])
def test_parts_of_an_update(kind, diag, full, x):
    gmm = diag if kind == "diag" else full
    stats = GmmStats.zeros(gmm, ALL)
    stats.add_all(x, np.exp(gmm.log_likelihoods(x) - logsumexp(gmm.log_likelihoods(x), axis=1, keepdims=True)))
    keep = UpdateConfig(min_occupancy=0.0, min_weight=0.0)
    weights = update(gmm, stats, keep, parse_flags("w")).gmm
    np.testing.assert_allclose(weights.means, gmm.means, rtol=1e-3, atol=1e-3)
    assert not np.allclose(weights.weights, gmm.weights)
    variances = update(gmm, stats, keep, parse_flags("v")).gmm
    np.testing.assert_allclose(variances.means, gmm.means, rtol=1e-2, atol=1e-2)
    few = update(gmm, stats, UpdateConfig(min_occupancy=12.0))
    assert len(few.removed) == (stats.occupancy <= 12).sum() and few.gmm.weights.sum() == pytest.approx(1, abs=1e-5)
    kept = update(gmm, stats, UpdateConfig(min_occupancy=12.0, remove_low_count=False))
    assert kept.gmm.n_gaussians == G and not kept.removed


def test_flags_that_the_statistics_do_not_have(diag, full):
    means_only = GmmStats.zeros(diag, parse_flags("m"))
    with pytest.raises(ValueError, match="do not match the active accumulators"):
        update(diag, means_only, UpdateConfig(), ALL)
    with pytest.raises(ValueError, match="made with the same flags"):
        means_only + GmmStats.zeros(diag, ALL)
    with pytest.raises(ValueError, match="expected statistics of 7 Gaussians"):
        update(diag, GmmStats.zeros(full, ALL), UpdateConfig())


def test_training_finds_two_clouds(rng):
    x = np.concatenate([rng.normal(-5, 1, (500, 2)), rng.normal(5, 2, (1500, 2))]).astype(np.float32)
    lines = []
    gmm = train(x, 2, 2, 20, UpdateConfig(), rng, lines.append)
    order = np.argsort(gmm.means[:, 0])
    np.testing.assert_allclose(gmm.means[order], [[-5, -5], [5, 5]], atol=0.3)
    np.testing.assert_allclose(gmm.weights[order], [0.25, 0.75], atol=0.02)
    likelihoods = [float(line.split(" was ")[1].split()[0]) for line in lines if "Likelihood" in line]
    assert all(b >= a - 1e-4 for a, b in pairwise(likelihoods))
    with pytest.raises(ValueError, match="expected 20010 frames or more"):
        train(x, 2001, 2001, 2, UpdateConfig(), rng)
    with pytest.raises(ValueError, match="positive variance"):
        train(np.ones((100, 2), np.float32), 2, 2, 2, UpdateConfig(), rng)
