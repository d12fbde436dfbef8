"""One record: its key, its value, and where it ends."""

import io

import kaldiio
import numpy as np
import pytest

from pysid.io.ark.record import read_array, read_key, record_end


class OneByOne(io.RawIOBase):
    """A stream that cannot look ahead, such as that of a pipe."""

    def __init__(self, data):
        self.data = io.BytesIO(data)

    def readable(self):
        return True

    def read(self, size=-1):
        return self.data.read(size)


@pytest.mark.parametrize("stream", [lambda data: io.BufferedReader(io.BytesIO(data)), OneByOne])
def test_keys_and_what_ends_them(stream):
    file = stream(b"\n\n  caf\xc3\xa9 12\nb\n")
    assert read_key(file) == ("café", b" ")
    assert read_array(file).tolist() == [12]
    assert read_key(file) == ("b", b"\n")
    assert read_key(file) == (None, b"")
    with pytest.raises(ValueError, match="cut off: expected a key and a value, got 'key' and the end of the file"):
        read_key(stream(b"key"))
    with pytest.raises(ValueError, match="expected a key in UTF-8"):
        read_key(stream(b"caf\xe9 1\n"))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(0,), (7,), (3, 4), (300_000,)])
def test_binary_values_end_where_they_end(shape, dtype, tmp_path):
    """What follows stays in the stream; a vector of a megabyte or more goes another way than short ones."""
    array = np.random.default_rng(0).normal(size=shape).astype(dtype)
    kaldiio.save_ark(str(tmp_path / "a"), {"k": array})
    record = (tmp_path / "a").read_bytes()[2:]
    file = io.BytesIO(record + b"next")
    found = read_array(file, dtype=dtype)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, array)
    assert file.read() == b"next"
    if array.size:
        assert record_end(memoryview(record + b"next"), 0) == len(record)
        assert record_end(memoryview(b"xx" + record), 2) == 2 + len(record)
        assert record_end(memoryview(record[:-1]), 0) is None  # not whole


@pytest.mark.parametrize("method", [1, 2, 3, 5])
def test_the_end_of_compressed_matrices(method, tmp_path):
    matrix = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
    kaldiio.save_ark(str(tmp_path / "a"), {"k": matrix}, compression_method=method)
    record = (tmp_path / "a").read_bytes()[2:]
    assert record_end(memoryview(record + bytes(99)), 0) == len(record)


def test_records_whose_end_is_not_known():
    assert record_end(memoryview(b"[ 1 2 ]\n"), 0) is None  # text
    assert record_end(memoryview(b"\0B\4\1\0\0\0\4\7\0\0\0"), 0) is None  # integers
    assert record_end(memoryview(b"\0BFV \4\xff\xff\xff\xff" + bytes(20)), 0) is None
    assert record_end(memoryview(b"\0BFM \4\xff\xff\xff\xff\4\xff\xff\xff\xff" + bytes(20)), 0) is None  # -1 x -1
    assert record_end(memoryview(b"\0BFM \4"), 0) is None


def test_a_value_may_be_missing_after_a_line_break():
    file = io.BytesIO(b"next 1\n")
    assert read_array(file, b"\n").shape == (0,)
    assert file.read() == b"next 1\n"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "cut off: expected a vector or matrix, got the end of the file"),
        (b"\0B\4\2\0\0\0\x08" + bytes(9), "expected integers of 4 bytes"),
        (b"\0BFV \4\xff\xff\xff\x7fabc", r"cut off: expected \d+ bytes, got 3"),
        (b"1 2 x\n", "expected a vector or matrix, got '1 2 x'"),
        (b"[ 1 2", r"cut off: expected a closing '\]'"),
    ],
)
def test_what_is_broken(data, message):
    with pytest.raises(ValueError, match=message):
        read_array(io.BytesIO(data))


def test_numbers_beyond_single_precision_are_infinite():
    assert read_array(io.BytesIO(b"[ 1e39 -1e39 ]\n")).tolist() == [np.inf, -np.inf]
    assert read_array(io.BytesIO(b"[ 1e39 ]\n"), dtype=np.float64).tolist() == [1e39]
