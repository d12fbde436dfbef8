"""Compressed matrices against those that Kaldi wrote, and against our own compression."""

import kaldiio
import numpy as np
import pytest

from pysid.errors import DataError
from pysid.io.ark.compression import compress
from pysid.io.kaldi.files import reader_for


def decoded(record):
    """The matrix of a record of the form CM or CM2.

    Levels 0, 64, 192 and 255 of a column are its percentiles, values between them evenly spaced.
    Source: Kaldi matrix/compressed-matrix.cc, CopyToMat, Uint16ToFloat and CharToFloat.
    """
    token, _, body = record.partition(b" ")
    minimum, span = np.frombuffer(body, "<f4", 2)
    n_rows, n_columns = np.frombuffer(body, "<i4", 2, 8)
    if token == b"CM2":
        return minimum + span / 65535 * np.frombuffer(body, "<u2", n_rows * n_columns, 16).reshape(n_rows, n_columns)
    percentiles = minimum + span / 65535 * np.frombuffer(body, "<u2", 4 * n_columns, 16).reshape(n_columns, 4)
    levels = np.frombuffer(body, "u1", n_rows * n_columns, 16 + 8 * n_columns).reshape(n_columns, n_rows)
    columns = zip(levels, percentiles, strict=True)
    return np.stack([np.interp(level, [0, 64, 192, 255], column) for level, column in columns], axis=1)


def test_kaldis_own_archive(golden):
    data = (golden / "feats" / "mfcc_compressed.ark").read_bytes()
    original = dict(kaldiio.load_ark(str(golden / "feats" / "mfcc_voxceleb.ark")))
    assert len(original) > 20
    for key, matrix in original.items():
        start = data.index(key.encode() + b" \0B") + len(key) + 1
        got = reader_for(data[start:], key).matrix()
        assert got.shape == matrix.shape and got.dtype == np.float32
        np.testing.assert_allclose(got, decoded(data[start + 2 :]), rtol=0, atol=1e-4)


@pytest.mark.parametrize(("method", "n_steps"), [(3, 65535), (5, 255)])
def test_even_steps_are_at_most_half_a_step_off(method, n_steps):
    matrix = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    got = reader_for(b"\0B" + compress(matrix, method), "a").matrix()
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, matrix, rtol=0, atol=0.51 * np.ptp(matrix) / n_steps)


def test_an_empty_matrix_stays_empty():
    assert reader_for(b"\0B" + compress(np.zeros((0, 0), np.float32)), "a").matrix().shape == (0, 0)


@pytest.mark.parametrize("method", [2, 3, 5])
def test_a_matrix_cut_short_is_told_where(method):
    record = b"\0B" + compress(np.eye(9, 3, dtype=np.float32), method)
    for end in (10, 25, len(record) - 1):
        with pytest.raises(DataError, match=f"a: byte {end}: expected .* bytes of values, got the end of the file"):
            reader_for(record[:end], "a").matrix()


@pytest.mark.parametrize("token", [b"CM", b"CM2", b"CM3"])
def test_negative_dimensions_are_refused(token):
    record = b"\0B" + token + b" " + np.array([0, 1], "<f4").tobytes() + np.array([-1, 3], "<i4").tobytes()
    with pytest.raises(DataError, match="expected dimensions >= 0 and not -1 x 3"):
        reader_for(record, "a").matrix()
