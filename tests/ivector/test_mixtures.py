"""Mixtures of Gaussians and what is chosen of them, beside SciPy and plain definitions."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from pysid.ivector import Chosen, DiagGmm, FullGmm, Posteriors, best_gaussians, pruned
from pysid.ivector.gmm_stats import GmmStats, parse_flags, with_what_they_need
from pysid.ivector.gmm_update import ALL, UpdateConfig, objective, train, update
from pysid.ivector.ragged import by_gaussian
from pysid.ivector.selection import best_of, best_posteriors

G, D, T = 7, 4, 60


@pytest.fixture
def rng():
    return np.random.default_rng(3)


@pytest.fixture
def full(rng):
    factors = rng.normal(size=(G, D, D))
    covars = factors @ factors.swapaxes(1, 2) + 0.5 * np.eye(D)
    return FullGmm.of(rng.dirichlet(np.full(G, 3.0)), rng.normal(0, 3, (G, D)), covars)


@pytest.fixture
def diag(rng):
    return DiagGmm.of(rng.dirichlet(np.full(G, 3.0)), rng.normal(0, 3, (G, D)), rng.uniform(0.5, 2, (G, D)))


@pytest.fixture
def x(rng):
    return rng.normal(0, 3, (T, D)).astype(np.float32)


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


def test_what_looks_like_a_range_is_taken_for_one(diag, x):
    """A slip of Kaldi's, DiagGmm::LogLikelihoodsPreselect: only the first and the last Gaussian are looked at."""
    chosen = Chosen(np.array([3]), np.array([1, 6, 3]))
    np.testing.assert_array_equal(diag.log_likelihoods_of(x[:1], chosen), diag.log_likelihoods(x[:1])[0, [1, 2, 3]])


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


def test_scaled_posteriors():
    posteriors = Posteriors(np.array([2, 1]), np.array([0, 3, 1]), np.array([0.25, 0.75, 1], np.float32))
    assert posteriors.scaled(0.5).weights.tolist() == [0.125, 0.375, 0.5]
    assert (posteriors.total, posteriors.scaled(0).counts.tolist()) == (2.0, [0, 0])
    with pytest.raises(ValueError, match="expected 2 Gaussians"):
        Chosen(np.array([2]), np.array([1]))
    assert by_gaussian(np.array([], np.int64)) == []


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


def test_flags():
    assert (parse_flags("a"), with_what_they_need(parse_flags("v")), with_what_they_need(1)) == (7, 7, 5)
    with pytest.raises(ValueError, match="expected flags out of mvw, got 'x'"):
        parse_flags("mx")


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


def test_mixtures_that_do_not_make_sense(diag, full):
    with pytest.raises(ValueError, match="variances above 0"):
        DiagGmm(diag.weights, diag.means_invvars, -diag.inv_vars)
    with pytest.raises(ValueError, match="positive definite, Gaussian 2 is not"):
        bad = full.inv_covars.copy()
        bad[2, 0, 0] = -5
        _ = FullGmm(full.weights, full.means_invcovars, bad).gconsts
    with pytest.raises(ValueError, match="to split to, got 3"):
        diag.split(3, 0.1, np.random.default_rng(0))
