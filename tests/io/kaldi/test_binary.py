"""The layout of Kaldi's binary format, and what is broken in it."""

import re
import tracemalloc

import numpy as np
import pytest

from pysid.errors import DataError
from pysid.io.kaldi.binary import BinaryReader, BinaryWriter


def test_binary_layout_is_kaldis():
    writer = BinaryWriter()
    writer.token("<Dim>")
    writer.integer(-2)
    writer.real(np.float64(1))
    writer.matrix(np.array([[1, 2]], np.float32))
    writer.integers(np.array([7], np.int32))
    assert writer.content() == (
        b"\0B<Dim> \x04\xfe\xff\xff\xff\x08\0\0\0\0\0\0\xf0\x3f"
        b"FM \x04\x01\0\0\0\x04\x02\0\0\0\0\0\x80\x3f\0\0\0\x40\x04\x01\0\0\0\x07\0\0\0"
    )


@pytest.mark.parametrize(
    ("data", "method", "message"),
    [
        (b"\x02\x05\0", "integer", "byte 0: expected an int32"),
        (b"\x04\x05\0", "integer", "byte 3: expected 1 x 4 bytes of values, got the end of the file"),
        (b"\x05\0\0\0\0", "real", "byte 0: expected a float or a double"),
        (b"X", "boolean", "byte 0: expected T or F, got 'X'"),
        (b"", "boolean", "byte 0: expected T or F, got the end of the file"),
        (b"FX \x04\0\0\0\0", "vector", "byte 0: expected the token FV or DV"),
        (b"FV \x04\xff\xff\xff\xff", "vector", "byte 3: expected a dimension >= 0 and not -1"),
        (b"FV \x04\xff\xff\xff\x7fabcd", "vector", "expected 2147483647 x 4 bytes of values"),
        (b"FM \x04\x01\0\0\0\x04\0\0\0\0", "matrix", "expected a matrix that is not 1 x 0"),
        (b"DM \x04\0\0\0\x40\x04\0\0\0\x40", "matrix", "expected 1152921504606846976 x 8 bytes"),
        (b"CM " + bytes(8) + b"\xff\xff\xff\xff\x01\0\0\0", "matrix", "byte 3: expected dimensions >= 0"),
        (b"CM3 " + bytes(8) + b"\xff\xff\0\0\x09\0\0\0", "matrix", "expected 589815 x 1 bytes of values"),
        (b"\x04\xfe\xff\xff\xff", "integers", "byte 1: expected a length >= 0"),
        (b"\x08\x01\0\0\0", "integers", "byte 0: expected a vector of int32"),
        (b"  ", "token", "byte 2: expected a token, got the end of the file"),
    ],
)
def test_broken_binary_data_is_named(data, method, message):
    with pytest.raises(DataError, match=rf"^a\.raw: .*{re.escape(message)}"):
        getattr(BinaryReader(data, "a.raw"), method)()


@pytest.mark.parametrize("token", [b"FV ", b"DV "])
def test_a_huge_count_allocates_nothing(token):
    reader = BinaryReader(token + b"\x04\xff\xff\xff\x7f" + bytes(100), "a")
    tracemalloc.start()
    try:
        with pytest.raises(DataError):
            reader.vector()
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()
