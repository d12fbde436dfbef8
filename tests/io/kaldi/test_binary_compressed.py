"""Compressed matrices against those that Kaldi wrote, and against our own compression."""

import io

import kaldiio
import numpy as np
import pytest

from pysid.io.ark.compression import compress
from pysid.io.kaldi.files import reader_for


def test_matches_kaldiio_on_kaldis_own_archive(golden):
    data = (golden / "feats" / "mfcc_compressed.ark").read_bytes()
    n_matrices = 0
    for key, expected in kaldiio.load_ark(io.BytesIO(data)):
        start = data.index(key.encode() + b" \0B") + len(key) + 1
        got = reader_for(data[start:], key).matrix()
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-4)
        n_matrices += 1
    assert n_matrices > 20


@pytest.mark.parametrize(("method", "n_steps"), [(3, 65535), (5, 255)])
def test_even_steps_are_at_most_half_a_step_off(method, n_steps):
    matrix = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    got = reader_for(b"\0B" + compress(matrix, method), "a").matrix()
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, matrix, rtol=0, atol=0.51 * np.ptp(matrix) / n_steps)


def test_an_empty_matrix_stays_empty():
    assert reader_for(b"\0B" + compress(np.zeros((0, 0), np.float32)), "a").matrix().shape == (0, 0)
