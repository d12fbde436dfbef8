"""Scores of all pairs of one set of vectors."""

import tracemalloc

import numpy as np
import pytest

from pysid.backend import Plda, dense_plda_scores, gram


def test_blocks_make_up_the_whole_matrix(monkeypatch):
    rng = np.random.default_rng(0)
    v, b = rng.normal(size=(23, 5)), rng.normal(size=23)
    monkeypatch.setattr(gram, "BLOCK_ROWS", 4)
    matrix = gram.gram_matrix(v, b, np.float64)
    np.testing.assert_allclose(matrix, v @ v.T + b[:, None] + b, atol=1e-12)
    np.testing.assert_allclose(gram.gram_matrix(v, dtype=np.float64), v @ v.T, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_exactly_symmetric(dtype, monkeypatch):
    monkeypatch.setattr(gram, "BLOCK_ROWS", 16)
    matrix = gram.gram_matrix(np.random.default_rng(0).normal(size=(50, 200)), dtype=dtype)
    assert matrix.dtype == dtype
    np.testing.assert_array_equal(matrix, matrix.T)


def test_memory_beside_the_result_is_bounded():
    v = np.random.default_rng(0).normal(size=(3000, 4))
    tracemalloc.start()
    matrix = gram.gram_matrix(v, np.ones(3000))
    beside = tracemalloc.get_traced_memory()[1] - matrix.nbytes
    tracemalloc.stop()
    assert beside < 30e6  # a float64 matrix would be 72 MB


def test_dense_plda_scores_in_single_precision_are_the_double_ones_rounded():
    rng = np.random.default_rng(0)
    plda = Plda.from_parameters(rng.normal(size=6), rng.normal(size=(6, 6)), rng.uniform(0, 30, size=6))
    X = 5 * rng.normal(size=(40, 6))
    single, double = (dense_plda_scores(plda, X, 0.5, dtype=dtype) for dtype in (np.float32, np.float64))
    assert single.dtype == np.float32
    np.testing.assert_array_equal(single, double.astype(np.float32))
    np.testing.assert_array_equal(double, double.T)
