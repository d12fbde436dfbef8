from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from pysid.io.ark.archive import read_matrices
from pysid.io.ark.compression import METHODS, compress
from pysid.io.ark.record import read_array
from pysid.io.ark.writer import ArkWriter

FEATS = Path(__file__).parents[2] / "golden" / "kaldi" / "feats"

matrices = npst.arrays(
    np.float32,
    npst.array_shapes(min_dims=2, max_dims=2, max_side=12),
    elements=st.floats(-100, 100, width=32),
)


def decompress(data, tmp_path):
    path = tmp_path / "matrix"
    path.write_bytes(b"\0B" + data)
    with path.open("rb") as file:
        matrix = read_array(file)
        assert file.read() == b""
    return matrix


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("compression")


def test_kaldi_writes_the_same_bytes(tmp_path):
    with ArkWriter(tmp_path / "mfcc", compress=1) as writer:
        for key, matrix in read_matrices(FEATS / "mfcc_voxceleb.ark"):
            writer.write(key, matrix)
    assert (tmp_path / "mfcc.ark").read_bytes() == (FEATS / "mfcc_compressed.ark").read_bytes()


@given(matrices)
def test_two_bytes_are_exact_to_a_65535th(folder, matrix):
    span = max(np.ptp(matrix), 1e-3) if np.ptp(matrix) else 1 + abs(matrix[0, 0])
    back = decompress(compress(matrix, method=3), folder)
    np.testing.assert_allclose(back, matrix, rtol=1e-6, atol=span / 65535)


@given(matrices)
def test_one_byte_by_column_is_exact_to_a_63rd_of_a_quartile(folder, matrix):
    back = decompress(compress(matrix, method=2), folder)
    assert back.shape == matrix.shape
    span = np.ptp(matrix) or 1 + abs(matrix[0, 0])
    # The largest gap between percentiles bounds the step; percentiles are 16-bit and at least one apart.
    step = np.ptp(matrix, axis=0) / 63 + 5 * span / 65535
    assert (np.abs(back - matrix) <= step + 1e-6 * np.abs(matrix).max() + 1e-40).all()


@pytest.mark.parametrize(("method", "top"), [(4, 32767), (6, 255), (7, 1)])
def test_methods_of_a_fixed_range_keep_their_integers(folder, method, top):
    matrix = np.array([[0, top, 1]], np.float32)
    np.testing.assert_allclose(decompress(compress(matrix, method), folder), matrix, rtol=1e-6, atol=1e-3)


def test_automatic_uses_two_bytes_for_up_to_eight_rows():
    assert compress(np.ones((8, 3), np.float32))[:4] == b"CM2 "
    assert compress(np.ones((9, 3), np.float32))[:3] == b"CM "


def test_an_empty_matrix(folder):
    assert decompress(compress(np.zeros((0, 3), np.float32)), folder).shape == (0, 0)


def test_what_cannot_be_compressed():
    with pytest.raises(ValueError, match="expected finite values to compress, got NaN or infinity"):
        compress(np.array([[1.0, np.nan]], np.float32))
    with pytest.raises(ValueError, match=r"method must be one of \(1, 2, 3, 4, 5, 6, 7\), got 8"):
        compress(np.ones((2, 2), np.float32), method=8)
    assert METHODS == (1, 2, 3, 4, 5, 6, 7)
