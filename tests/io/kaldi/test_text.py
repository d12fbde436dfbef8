"""Kaldi's text format: its layout, and what is broken in it."""

import re

import numpy as np
import pytest

from pysid.errors import DataError
from pysid.io.kaldi.files import new_writer, reader_for


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


def test_text_reads_what_kaldi_reads():
    reader = reader_for(b"[ 1 2 ; 3 -inf ] [ ] [] 1e400", "a")
    np.testing.assert_array_equal(reader.matrix(), [[1, 2], [3, -np.inf]])
    assert reader.matrix().shape == (0, 0)
    assert reader.vector().shape == (0,)
    assert reader.real() == np.inf
