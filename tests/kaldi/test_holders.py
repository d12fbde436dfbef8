"""Values of each type: there and back, Kaldi's text, ranges, and what is broken."""

import numpy as np
import pytest

from pysid.errors import DataError
from pysid.kaldi.holders import (
    FLOAT,
    INTEGER,
    INTEGERS,
    MATRIX,
    VECTOR,
    WORD,
    WORDS,
    compressed_matrix,
)

from .conftest import read, write

MATRICES = {"a": np.arange(6, dtype=np.float32).reshape(3, 2), "b": np.ones((1, 4), np.float32), "c": np.zeros((0, 0))}
VALUES = [
    (MATRIX, MATRICES),
    (VECTOR, {"a": np.array([1.5, -2e-9], np.float32), "b": np.zeros(0, np.float32)}),
    (INTEGER, {"a": 3, "b": -1}),
    (FLOAT, {"a": 2.5, "b": float("inf")}),
    (INTEGERS, {"a": np.array([1, -2, 3], np.int32), "b": np.zeros(0, np.int32)}),
]


@pytest.mark.parametrize("form", ["ark", "ark,t"])
@pytest.mark.parametrize(("holder", "values"), VALUES, ids=["matrix", "vector", "integer", "float", "integers"])
def test_reads_what_it_wrote(form, holder, values, tmp_path):
    write(f"{form},scp:{tmp_path}/a.ark,{tmp_path}/a.scp", holder, values)
    for table in (f"ark:{tmp_path}/a.ark", f"scp:{tmp_path}/a.scp"):
        found = read(table, holder)
        assert list(found) == list(values)
        for key, value in values.items():
            np.testing.assert_array_equal(found[key], value)


@pytest.mark.parametrize(
    ("holder", "values", "text"),
    [
        (MATRIX, {"a": MATRICES["a"]}, "a  [\n  0 1 \n  2 3 \n  4 5 ]\n"),
        (MATRIX, {"c": MATRICES["c"]}, "c  [ ]\n"),
        (VECTOR, {"a": np.array([0.1, 1e10])}, "a  [ 0.1 1e+10 ]\n"),
        (INTEGER, {"a": 3}, "a 3 \n"),
        (FLOAT, {"a": 1 / 3}, "a 0.3333333 \n"),
        (INTEGERS, {"a": np.array([1, 2])}, "a 1 2 \n"),
    ],
)
def test_text_is_kaldis(holder, values, text, tmp_path):
    write(f"ark,t:{tmp_path}/a.txt", holder, values)
    assert (tmp_path / "a.txt").read_text() == text


def test_compressed_text_has_what_is_left(tmp_path):
    values = {"a": np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)}
    write(f"ark:{tmp_path}/a.ark", compressed_matrix(1), values)
    write(f"ark,t:{tmp_path}/a.txt", compressed_matrix(1), values)
    lossy, text = read(f"ark:{tmp_path}/a.ark", MATRIX)["a"], read(f"ark:{tmp_path}/a.txt", MATRIX)["a"]
    assert (lossy != values["a"]).any()
    np.testing.assert_allclose(text, lossy, rtol=0, atol=1e-6)


def test_ranges(tmp_path):
    write(f"ark,scp:{tmp_path}/a.ark,{tmp_path}/a.scp", MATRIX, {"a": MATRICES["a"]})
    place = (tmp_path / "a.scp").read_text().split()[1]
    (tmp_path / "b.scp").write_text(f"x {place}[0:1]\ny {place}[1:4,1:1]\nz {place}[:,0:0]\n")
    found = read(f"scp:{tmp_path}/b.scp", MATRIX)
    np.testing.assert_array_equal(found["x"], MATRICES["a"][:2])
    np.testing.assert_array_equal(found["y"], MATRICES["a"][1:, 1:])
    np.testing.assert_array_equal(found["z"], MATRICES["a"][:, :1])
    (tmp_path / "b.scp").write_text(f"x {place}[0:9]\n")
    with pytest.raises(DataError, match=r"x: .*within the shape \(3, 2\)"):
        read(f"scp:{tmp_path}/b.scp", MATRIX)
    (tmp_path / "n.ark").write_text("a 1 \n")
    (tmp_path / "n.scp").write_text(f"x {tmp_path}/n.ark:2[0:9]\n")
    with pytest.raises(DataError, match="expected no range"):
        read(f"scp:{tmp_path}/n.scp", INTEGER)


def test_words(tmp_path):
    (tmp_path / "spk2utt").write_text("s1 a b\ns2\ns3 c\n")
    assert read(f"ark:{tmp_path}/spk2utt", WORDS) == {"s1": ["a", "b"], "s2": [], "s3": ["c"]}
    with pytest.raises(DataError, match="s1: expected one word"):
        read(f"ark:{tmp_path}/spk2utt", WORD)
    with pytest.raises(DataError, match="expected a table to write"):
        write("ark:-", WORDS, {})


@pytest.mark.parametrize(
    ("text", "holder", "message"),
    [
        ("a x\n", INTEGER, "expected int"),
        ("a 1 2\n", INTEGER, "expected int"),
        ("a\n", FLOAT, "expected float"),
        ("a \0B\4\1", INTEGER, "expected a number of 4 bytes"),
        ("a \0X", INTEGER, "expected a binary value"),
        ("a 1 x\n", INTEGERS, "expected integers"),
        ("a \0B\4\2\0\0\0\4\1\0\0\0", INTEGERS, "cut off"),
        ("a \0B\4\xff\xff\xff\xff", INTEGERS, "expected a number of integers"),
        ("a  [ 1 2 ]\n", MATRIX, "expected a matrix"),
        ("a  [\n 1 2\n 3 4 ]\n", VECTOR, "expected a vector"),
    ],
)
def test_bad_values(text, holder, message, tmp_path):
    (tmp_path / "a").write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError, match=f"a: a: {message}"):
        read(f"ark:{tmp_path}/a", holder)
