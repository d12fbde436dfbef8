"""A matrix on disk."""

import errno
import os

import numpy as np
import pytest

from pysid.io import spooled_rows
from pysid.io.spooled_rows import SpooledRows


def test_rows_come_back(monkeypatch):
    monkeypatch.setattr(spooled_rows, "BLOCK_BYTES", 100)
    matrix = np.random.default_rng(0).normal(size=(57, 3)).astype(np.float32)
    rows = SpooledRows(3)
    for part in (matrix[:20], matrix[20:20], np.asfortranarray(matrix[20:]).astype(np.float64)):
        rows.append(part)
    assert rows.shape == (57, 3) and len(rows) == 57
    np.testing.assert_array_equal(rows.read(5, 50), matrix[5:50])
    np.testing.assert_array_equal(rows.read(50, 99), matrix[50:])
    assert rows.read(60, 70).shape == (0, 3)
    blocks = list(rows.blocks())
    assert max(map(len, blocks)) == 8
    np.testing.assert_array_equal(np.concatenate(blocks), matrix)
    np.testing.assert_array_equal(rows.column(1), matrix[:, 1])


def test_no_rows_at_all():
    rows = SpooledRows(4)
    assert rows.shape == (0, 4) and list(rows.blocks()) == [] and rows.column(0).shape == (0,)


def test_a_full_disk_is_named(monkeypatch, tmp_path):
    class Full:
        def seek(self, place):
            return place

        def write(self, data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(spooled_rows.tempfile, "tempdir", str(tmp_path))
    rows = SpooledRows(1)
    rows._file = Full()
    with pytest.raises(OSError) as caught:
        rows.append(np.zeros((1, 1)))
    assert caught.value.filename == str(tmp_path)
