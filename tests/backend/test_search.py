"""The n best of many speakers, whatever single precision makes of their scores."""

import numpy as np
import pytest

from pysid.backend import CosineBackend, PldaBackend
from pysid.backend.search import EnrolledSide, candidates, enrolled_side, rounded_scores

DIM = 12


def training_data(rng):
    y = np.repeat(np.arange(40), 5)
    return 2 * rng.normal(size=(40, DIM))[y] + rng.normal(size=(200, DIM)), y


@pytest.fixture(params=["plda", "plda, no length norm", "cosine"])
def backend(request):
    X, y = training_data(np.random.default_rng(0))
    if request.param == "cosine":
        return CosineBackend().fit(X)
    if request.param == "plda":
        return PldaBackend(6).fit(X, y)
    return PldaBackend(None, length_norm=False, plda_length_norm=None).fit(X, y)


def speakers(rng, n):
    return 2 * rng.normal(size=(n, DIM)), rng.integers(1, 6, n)


def test_scores_are_those_of_the_back_end_within_the_error(backend):
    rng = np.random.default_rng(1)
    for scale in (1.0, 30.0):  # without length normalisation large embeddings give large products
        means, counts = speakers(rng, 400)
        test = scale * rng.normal(size=DIM)
        side = enrolled_side(backend, scale * means, counts)
        scores, error = rounded_scores(backend, [side], test)
        exact = backend.score(scale * means, test[None], counts)[:, 0]
        assert 0 < np.abs(scores - exact).max() <= error < 1e-4 * np.abs(exact).max()


def test_parts_stand_one_after_the_other(backend):
    rng = np.random.default_rng(2)
    means, counts = speakers(rng, 30)
    test = rng.normal(size=DIM)
    whole, _ = rounded_scores(backend, [enrolled_side(backend, means, counts)], test)
    parts = [enrolled_side(backend, means[rows], counts[rows]) for rows in (slice(0, 7), slice(7, 30))]
    none = EnrolledSide(np.zeros((0, 0), np.float32), np.zeros(0), np.zeros(0, np.int32))
    scores, _ = rounded_scores(backend, [none, *parts, none], test)
    np.testing.assert_allclose(scores, whole, rtol=1e-5, atol=1e-5)


def test_twins_that_single_precision_cannot_tell_apart_are_all_candidates(backend):
    rng = np.random.default_rng(3)
    means, counts = speakers(rng, 500)
    means[100:150] = means[100] * (1 + 1e-9 * rng.normal(size=(50, 1)))
    counts[100:150] = 2
    test = means[100] + 0.01
    scores, error = rounded_scores(backend, [enrolled_side(backend, means, counts)], test)
    exact = backend.score(means, test[None], counts)[:, 0]
    for n_best in (1, 10, 60):
        rows = candidates(scores, error, n_best)
        assert set(np.argsort(-exact)[:n_best]) <= set(rows)
    assert set(candidates(scores, error, 1)) == set(range(100, 150))


def test_no_more_candidates_than_rows_that_may_be_found():
    scores = np.array([3.0, -np.inf, 1.0])
    assert candidates(scores, 0.1, 1).tolist() == [0]
    assert candidates(scores, 0.1, 3).tolist() == candidates(scores, 0.1, 9).tolist() == [0, 2]
    assert candidates(np.array([-np.inf]), 0.1, 1).tolist() == []
