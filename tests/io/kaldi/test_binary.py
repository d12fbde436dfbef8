"""Kaldi's basic types in both formats: what is written is read again, and what is broken is named."""

import re
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pysid.errors import DataError
from pysid.io.kaldi.binary import BinaryReader, BinaryWriter
from pysid.io.kaldi.files import new_writer, open_reader, reader_for, write_file

KINDS = ("integer", "real", "boolean", "integers", "vector", "matrix")
FLOATS = [np.float32, np.float64]


def exact_floats(dtype):
    """Numbers that 7 significant digits, as in the text format, tell apart."""
    return st.integers(-99999, 99999).map(lambda n: dtype(n / 100))


@settings(deadline=None, max_examples=60)
@given(
    st.booleans(),
    st.integers(-(2**31), 2**31 - 1),
    st.booleans(),
    st.sampled_from(FLOATS),
    st.data(),
)
def test_everything_written_is_read_again(binary, integer, boolean, dtype, data):
    shapes = st.tuples(st.integers(1, 5), st.integers(1, 5)) | st.just((0, 0))
    vector = data.draw(hnp.arrays(dtype, st.integers(0, 5), elements=exact_floats(dtype)))
    matrix = data.draw(hnp.arrays(dtype, shapes, elements=exact_floats(dtype)))
    integers = data.draw(hnp.arrays(np.int32, st.integers(0, 5)))
    writer = new_writer(binary)
    writer.token("<A>")
    writer.integer(integer)
    writer.boolean(boolean)
    writer.vector(vector)
    writer.integers(integers)
    writer.matrix(matrix)
    writer.real(dtype(0.5))
    writer.token("</A>")
    reader = reader_for(writer.content(), "a")
    assert (reader.token(), reader.integer(), reader.boolean()) == ("<A>", integer, boolean)
    for expected, got in [
        (vector, reader.vector(dtype)),
        (integers, reader.integers()),
        (matrix, reader.matrix(dtype)),
        (np.array(0.5, dtype), reader.real(dtype)),
    ]:
        assert got.dtype == expected.dtype
        np.testing.assert_array_equal(got, expected)
    assert reader.expect("</A>") == "</A>"
    assert reader.peek_token() == ""


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


def test_text_layout_is_kaldis():
    writer = new_writer(binary=False)
    writer.token("<A>")
    writer.boolean(True)
    writer.real(np.float32(1e-10))
    writer.matrix(np.array([[1, 0.1], [np.nan, np.inf]], np.float32))
    writer.integers(np.array([-1, 0], np.int32))
    assert writer.content() == b"<A> T 1e-10  [\n  1 0.1 \n  nan inf ]\n[ -1 0 ]\n"
    writer = new_writer(binary=False)
    writer.matrix(np.empty((0, 0), np.float32))
    assert writer.content() == b" [ ]\n"


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


@pytest.mark.parametrize(
    ("data", "method", "message"),
    [
        (b"\n\n x1", "integer", "a.txt:3: expected an integer, got 'x1'"),
        (b"9999999999", "integer", "a.txt:1: expected an integer of 32 bits, got '9999999999'"),
        (b"<Dim>", "real", "a.txt:1: expected a number, got '<Dim>'"),
        (b"Yes", "boolean", "a.txt:1: expected T or F"),
        (b"1 2 ]", "vector", "a.txt:1: expected a vector in brackets"),
        (b"[ 1 2\n", "vector", "a.txt:2: expected the bracket that closes a vector, got the end of the file"),
        (b"[ 1 b ]", "vector", "a.txt:1: expected numbers"),
        (b"[\n 1 2\n 3 ]", "matrix", "a.txt:3: expected a row of 2 numbers and not 1"),
        (b"[ 1.5 ]", "integers", "a.txt:1: expected integers"),
        (b"[ 3000000000 ]", "integers", "a.txt:1: expected integers of 32 bits"),
    ],
)
def test_broken_text_is_named(data, method, message):
    with pytest.raises(DataError, match="^" + re.escape(message)):
        getattr(reader_for(data, "a.txt"), method)()


@settings(deadline=None, max_examples=300)
@given(st.booleans(), st.sampled_from(KINDS), st.data())
def test_random_bytes_raise_only_data_errors(binary, kind, data):
    start = data.draw(st.sampled_from([b"", b"\x04", b"FV \x04", b"FM \x04", b"CM ", b"CM2 ", b"[ ", b"T"]))
    content = start + data.draw(st.binary(max_size=40))
    reader = reader_for((b"\0B" if binary else b"") + content, "a")
    try:
        getattr(reader, kind)()
    except DataError as error:
        assert "\n" not in str(error)


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


def test_text_reads_what_kaldi_reads():
    reader = reader_for(b"[ 1 2 ; 3 -inf ] [ ] [] 1e400", "a")
    np.testing.assert_array_equal(reader.matrix(), [[1, 2], [3, -np.inf]])
    assert reader.matrix().shape == (0, 0)
    assert reader.vector().shape == (0,)
    assert reader.real() == np.inf


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"none\.raw: cannot read the file: No such file"):
        open_reader(tmp_path / "none.raw")


def test_saved_files_are_complete(tmp_path):
    writer = new_writer()
    writer.integer(3)
    write_file(writer, tmp_path / "sub" / "a")
    assert open_reader(tmp_path / "sub" / "a").integer() == 3
    assert [path.name for path in (tmp_path / "sub").iterdir()] == ["a"]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("n", [0, 1, 4])
def test_symmetric_matrices(n, binary, dtype):
    factor = np.random.default_rng(n).normal(size=(n, n)).astype(dtype)
    matrix = factor + factor.T
    writer = new_writer(binary)
    writer.packed(matrix)
    writer.uint16(7)
    reader = reader_for(writer.content(), "a.mat")
    np.testing.assert_allclose(reader.packed(dtype), matrix, rtol=1e-6)
    assert reader.uint16() == 7


def test_kaldis_forms_of_symmetric_matrices():
    """kaldi/src/matrix/packed-matrix.cc: the lower triangle; and a uint16 has the byte -2 in front."""
    matrix = np.array([[1, 2], [2, 3]], np.float32)
    text, binary = new_writer(False), new_writer(True)
    for writer in (text, binary):
        writer.packed(matrix)
        writer.uint16(258)
    assert text.content() == b"[\n1 \n2 3 ]\n258 "
    values = np.array([1, 2, 3], "<f4").tobytes()
    assert binary.content() == b"\0BFP \4\2\0\0\0" + values + b"\xfe\2\1"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"[ 1 2 ]", "expected the lower triangle of a matrix and not 2 numbers"),
        (b"\0BFM \4\1\0\0\0", "expected the token FP or DP"),
        (b"\0BFP \4\xff\xff\xff\x7f", "bytes of values"),
    ],
)
def test_broken_symmetric_matrices(data, message):
    with pytest.raises(DataError, match=message):
        reader_for(data, "a.mat").packed()


def test_broken_uint16():
    for data in (b"70000", b"\0B\4\7\0"):
        with pytest.raises(DataError, match=r"expected an? (integer of 16 bits|uint16)"):
            reader_for(data, "a.mat").uint16()
