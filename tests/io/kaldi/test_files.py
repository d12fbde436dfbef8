"""Files in either format: what is written is read again, and appears when it is complete."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pysid.errors import DataError
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
