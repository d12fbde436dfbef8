import numpy as np
import pytest

from pysid.backend import (
    AdaptiveScoreNorm,
    CohortStatistics,
    CosineBackend,
    Plda,
    PldaBackend,
    cohort_statistics,
    s_norm,
    score_norm,
    t_norm,
    z_norm,
)
from pysid.backend.bilinear import BilinearScores
from pysid.errors import DataError


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def backend():
    return PldaBackend.from_parts(Plda.from_parameters(np.zeros(3), np.eye(3), [9.0, 4.0, 1.0]))


def test_top_n_takes_the_highest(rng):
    scores = rng.normal(size=(4, 50))
    top = np.sort(scores, axis=1)[:, -7:]
    statistics = cohort_statistics(scores, top_n=7)
    np.testing.assert_allclose(statistics.mean, top.mean(axis=1))
    np.testing.assert_allclose(statistics.std, top.std(axis=1))
    np.testing.assert_allclose(cohort_statistics(scores, 50).mean, scores.mean(axis=1))


def test_each_norm_uses_its_own_side():
    raw = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    enrol = CohortStatistics(np.array([1.0, 2.0]), np.array([2.0, 4.0]))
    test = CohortStatistics(np.array([0.0, 1.0, 2.0]), np.array([1.0, 2.0, 0.5]))
    z, t = z_norm(raw, enrol), t_norm(raw, test)
    assert z.tolist() == [[0.0, 0.5, 1.0], [0.5, 0.75, 1.0]]
    assert t.tolist() == [[1.0, 0.5, 2.0], [4.0, 2.0, 8.0]]
    np.testing.assert_allclose(s_norm(raw, enrol, test), (z + t) / 2)
    i, j = np.array([1, 0]), np.array([2, 1])
    np.testing.assert_allclose(s_norm(raw[i, j], enrol.take(i), test.take(j)), (z + t)[i, j] / 2)


class Shifted:
    """A back-end whose scores are those of another, scaled and shifted."""

    def __init__(self, backend, scale, shift):
        self.backend, self.scale, self.shift = backend, scale, shift

    def terms(self, *args):
        terms = self.backend.terms(*args)
        row, column = self.scale * terms.row + self.shift, self.scale * terms.column
        return BilinearScores(self.scale * terms.left, terms.right, row, column, terms.group)


def test_scale_and_shift_of_raw_scores_do_not_matter(rng, backend):
    enrol, test, cohort = (rng.normal(size=(n, 3)) * 3 for n in (4, 5, 60))
    scores = AdaptiveScoreNorm(backend, top_n=10).fit(cohort).score(enrol, test)
    moved = AdaptiveScoreNorm(Shifted(backend, 7.0, -30.0), top_n=10).fit(cohort).score(enrol, test)
    np.testing.assert_allclose(moved, scores, rtol=1e-9, atol=1e-9)
    assert not np.allclose(scores, backend.score(enrol, test))


def test_pairs_and_blocks_give_the_same_scores(rng, backend, monkeypatch):
    enrol, test, cohort = (rng.normal(size=(n, 3)) * 3 for n in (4, 5, 60))
    counts = np.array([1, 3, 2, 1])
    norm = AdaptiveScoreNorm(backend, top_n=10).fit(cohort)
    scores = norm.score(enrol, test, counts)
    i, j = np.divmod(rng.permutation(20), 5)
    monkeypatch.setattr(score_norm, "BLOCK_VALUES", 120)
    np.testing.assert_allclose(norm.score_pairs(enrol, test, i, j, counts), scores[i, j], rtol=1e-9)


def test_single_utterances_stay_symmetric(rng, backend):
    X, cohort = rng.normal(size=(6, 3)), rng.normal(size=(60, 3))
    scores = AdaptiveScoreNorm(backend, top_n=None).fit(cohort).score(X, X)
    np.testing.assert_allclose(scores, scores.T, rtol=1e-9, atol=1e-9)


def test_impostors_have_mean_zero_and_unit_variance(rng):
    cosine = CosineBackend().fit(rng.normal(size=(50, 8)))
    enrol, cohort, test = (rng.normal(size=(n, 8)) for n in (30, 2000, 2000))
    scores = AdaptiveScoreNorm(cosine, top_n=None).fit(cohort).score(enrol, test)
    assert scores.mean() == pytest.approx(0, abs=0.03)
    assert scores.std() == pytest.approx(1, abs=0.05)


def test_wrong_arguments(backend):
    with pytest.raises(ValueError, match=r"must be \(embeddings, cohort\), got shape \(3,\)"):
        cohort_statistics([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match=r"top_n must lie in \[2, cohort size 3\], got 4"):
        cohort_statistics([[1.0, 2.0, 3.0]], 4)
    with pytest.raises(DataError, match="cohort scores of embedding 1 are all equal"):
        cohort_statistics([[1.0, 2.0], [3.0, 3.0]])
    with pytest.raises(DataError, match="the cohort has 5 embeddings, expected at least 300"):
        AdaptiveScoreNorm(backend).fit(np.eye(5))
