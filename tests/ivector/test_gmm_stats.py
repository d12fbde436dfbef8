"""Sums over frames, and what they are for."""

import numpy as np
import pytest

from pysid.ivector import Posteriors
from pysid.ivector.gmm_stats import GmmStats, parse_flags, with_what_they_need


def test_flags():
    assert (parse_flags("a"), with_what_they_need(parse_flags("v")), with_what_they_need(1)) == (7, 7, 5)
    with pytest.raises(ValueError, match="expected flags out of mvw, got 'x'"):
        parse_flags("mx")


@pytest.mark.parametrize("kind", ["diag", "full"])
def test_sums_are_those_of_each_frame_with_its_posteriors(kind, diag, full, x, rng):
    gmm = diag if kind == "diag" else full
    table = rng.dirichlet(np.ones(gmm.n_gaussians), len(x)).astype(np.float32)
    dense, sparse = GmmStats.zeros(gmm, parse_flags("v")), GmmStats.zeros(gmm, parse_flags("v"))
    dense.add_all(x, table)
    counts = np.full(len(x), gmm.n_gaussians)
    sparse.add(x, Posteriors(counts, np.tile(np.arange(gmm.n_gaussians), len(x)), table.ravel()))
    outer = np.einsum("tg,ti,tj->gij", table.astype(float), x.astype(float), x.astype(float))
    second = np.diagonal(outer, axis1=1, axis2=2) if kind == "diag" else outer
    for stats in (dense, sparse):
        np.testing.assert_allclose(stats.occupancy, table.sum(0), rtol=1e-5)
        np.testing.assert_allclose(stats.first, table.T.astype(float) @ x, rtol=1e-5, atol=1e-4)
        np.testing.assert_allclose(stats.second, second, rtol=1e-5, atol=1e-3)
    np.testing.assert_allclose((dense + sparse).second, 2 * second, rtol=1e-5, atol=1e-3)


def test_what_is_not_asked_for_is_not_summed(diag, x):
    stats = GmmStats.zeros(diag, parse_flags("w"))
    stats.add_all(x, np.full((len(x), diag.n_gaussians), 1 / diag.n_gaussians, np.float32))
    assert (stats.first.size, stats.second.size, stats.occupancy.sum()) == (0, 0, pytest.approx(len(x), rel=1e-5))
    with pytest.raises(ValueError, match="made with the same flags"):
        stats + GmmStats.zeros(diag, parse_flags("a"))
