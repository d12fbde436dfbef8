import io
import pickle
import struct
import sys
from pathlib import Path

import kaldiio
import numpy as np
import pytest

from pysid.errors import DataError
from pysid.io.ark import record
from pysid.io.ark.archive import (
    read_matrices,
    read_matrix,
    read_matrix_rows,
    read_vector,
    read_vectors,
    split_entry,
)
from pysid.io.ark.compression import METHODS, compress

GOLDEN = Path(__file__).parents[2] / "golden" / "kaldi"


@pytest.fixture
def vectors():
    rng = np.random.default_rng(0)
    return {f"utt{i}": rng.standard_normal(5).astype(np.float32) for i in range(4)}


@pytest.fixture
def matrices():
    rng = np.random.default_rng(1)
    return {f"utt{i}": rng.standard_normal((3 + i, 4)).astype(np.float32) for i in range(4)}


def assert_equal(read, expected):
    read = list(read)
    assert [key for key, _ in read] == list(expected)
    for key, array in read:
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, expected[key])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("text", [False, True])
def test_vectors_of_kaldiio(tmp_path, vectors, dtype, text):
    stored = {key: vector.astype(dtype) for key, vector in vectors.items()}
    kaldiio.save_ark(str(tmp_path / "v.ark"), stored, scp=str(tmp_path / "v.scp"), text=text)
    rounded = pytest.approx if text else (lambda x: x)
    for source in (tmp_path / "v.ark", f"ark:{tmp_path}/v.ark", f"ark,t:{tmp_path}/v.ark"):
        assert {k: v.tolist() for k, v in read_vectors(source)} == {k: rounded(v.tolist()) for k, v in vectors.items()}
    for source in (tmp_path / "v.scp", f"scp:{tmp_path}/v.scp", f"scp,s,cs:{tmp_path}/v.scp"):
        assert {k: v.tolist() for k, v in read_vectors(source)} == {k: rounded(v.tolist()) for k, v in vectors.items()}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_matrices_of_kaldiio(tmp_path, matrices, dtype):
    stored = {key: matrix.astype(dtype) for key, matrix in matrices.items()}
    kaldiio.save_ark(str(tmp_path / "m.ark"), stored, scp=str(tmp_path / "m.scp"))
    assert_equal(read_matrices(tmp_path / "m.ark"), matrices)
    assert_equal(read_matrices(tmp_path / "m.scp"), matrices)


def test_integers_are_read_as_floats(tmp_path):
    kaldiio.save_ark(str(tmp_path / "i.ark"), {"a": np.arange(4, dtype=np.int32)})
    assert_equal(read_vectors(tmp_path / "i.ark"), {"a": [0, 1, 2, 3]})
    counts = dict(read_vectors(f"ark,t:{GOLDEN}/backend/enroll_num_utts"))
    assert counts["evl000"].tolist() == [3]


def test_text_as_kaldi_prints_it(tmp_path):
    (tmp_path / "t.ark").write_text("a  [ 0 0.5 1e-05 -inf ]\nb  [ ]\nc  [ 1 ]\n\nd 7 8\ne \n")
    read = {key: vector.tolist() for key, vector in read_vectors(tmp_path / "t.ark")}
    assert read == {
        "a": [0, 0.5, np.float32(1e-05), -np.inf],
        "b": [],
        "c": [1],
        "d": [7, 8],
        "e": [],
    }
    (tmp_path / "m.ark").write_text("a  [\n  0 1.5 \n  2 3 ]\nb  [\n  1 2 ]\nc  [ ]\n")
    expected = {"a": [[0, 1.5], [2, 3]], "b": [[1, 2]], "c": np.zeros((0, 0))}
    assert_equal(read_matrices(tmp_path / "m.ark"), expected)


def test_kaldi_archives_are_read():
    features = dict(read_matrices(GOLDEN / "feats" / "mfcc_voxceleb.ark"))
    compressed = dict(read_matrices(GOLDEN / "feats" / "mfcc_compressed.ark"))
    voiced = dict(read_vectors(GOLDEN / "feats" / "vad.ark"))
    assert list(features) == list(compressed) == list(voiced)
    for key, matrix in features.items():
        assert len(voiced[key]) == len(matrix) and set(voiced[key]) <= {0, 1}
        np.testing.assert_allclose(compressed[key], matrix, atol=np.ptp(matrix) / 63)


def test_an_scp_beside_its_archive_moves_with_it(tmp_path, vectors, monkeypatch):
    (tmp_path / "old").mkdir()
    monkeypatch.chdir(tmp_path / "old")
    kaldiio.save_ark("v.ark", vectors, scp="v.scp")
    monkeypatch.chdir("/")
    (tmp_path / "old").rename(tmp_path / "new")
    assert_equal(read_vectors(tmp_path / "new" / "v.scp"), vectors)


def test_ranges_include_their_last_row_and_may_pass_the_end_by_three(tmp_path, matrices, vectors):
    kaldiio.save_ark(str(tmp_path / "m.ark"), {"a": matrices["utt3"]})
    entry = f"{tmp_path}/m.ark:2"
    matrix = matrices["utt3"]
    for bounds, expected in {
        "1:2": matrix[1:3],
        "0:0": matrix[:1],
        ":": matrix,
        "4:8": matrix[4:],
        ":,1:2": matrix[:, 1:3],
        "2:3,0:3": matrix[2:4],
    }.items():
        np.testing.assert_array_equal(read_matrix(f"{entry}[{bounds}]"), expected)
    for bounds in ("1:9", "2:1", "0:1,2:4", "x", "1", "0:1,0:1,0:1", "-1:2"):
        with pytest.raises(DataError, match="expected a range first:last within the shape"):
            read_matrix(f"{entry}[{bounds}]")
    kaldiio.save_ark(str(tmp_path / "v.ark"), {"a": vectors["utt0"]})
    np.testing.assert_array_equal(read_vector("v.ark:2[1:3]", tmp_path), vectors["utt0"][1:4])
    with pytest.raises(DataError, match=r"expected a range first:last within the shape \(5,\), got \[0:1,0:1\]"):
        read_vector("v.ark:2[0:1,0:1]", tmp_path)


class Counting(io.BytesIO):
    """Says how many bytes were read."""

    n_read = 0

    def read(self, size=-1):
        data = super().read(size)
        self.n_read += len(data)
        return data


ROWS = np.random.default_rng(3).standard_normal((4000, 5)).astype(np.float32)


def stored(kind):
    stream = io.BytesIO()
    if kind in ("float", "double"):
        kaldiio.save_ark(stream, {"": ROWS.astype(np.float32 if kind == "float" else np.float64)})
        return stream.getvalue()[1:]
    return b"\0B" + compress(ROWS, kind)


@pytest.mark.parametrize("kind", ["float", "double", *METHODS])
def test_some_rows_are_read_without_the_others(kind):
    data = stored(kind)
    whole = record.read_array(io.BytesIO(data))
    for first, stop in [(0, 4000), (0, 1), (1000, 1100), (3990, 9999), (3999, 4000)]:
        file = Counting(b"xy" + data)
        file.seek(2)
        np.testing.assert_array_equal(record.read_rows(file, first, stop), whole[first:stop])
        assert file.n_read < 200 + (min(stop, 4000) - first) * 40
    assert record.read_rows(io.BytesIO(data), 4000, 5000).size == 0
    with pytest.raises(ValueError, match="cut off: expected"):
        record.read_rows(io.BytesIO(data[:-1]), 0, 1)


def test_rows_of_an_entry(tmp_path):
    (tmp_path / "a.ark").write_bytes(b"u " + stored("float") + b"v  [\n 1 2\n 3 4\n 5 6 ]\n")
    at = (tmp_path / "a.ark").read_bytes().index(b"v  [")
    np.testing.assert_array_equal(read_matrix_rows("a.ark:2", 10, 12, tmp_path), ROWS[10:12])
    np.testing.assert_array_equal(read_matrix_rows("a.ark:2[100:200]", 10, 12, tmp_path), ROWS[110:112])
    np.testing.assert_array_equal(read_matrix_rows(f"a.ark:{at + 2}", 1, 9, tmp_path), [[3, 4], [5, 6]])
    for broken in (
        b"\0BFM \4\xff\xff\xff\x7f\4\xff\xff\xff\x7f" + bytes(40),
        b"\0BCM " + bytes(8) + b"\xff" * 40,
        b"x",
    ):
        (tmp_path / "b.ark").write_bytes(broken)
        with pytest.raises(DataError, match=r"b\.ark"):
            read_matrix_rows("b.ark:0", 0, 10, tmp_path)


@pytest.mark.parametrize(
    ("entry", "parts"),
    [
        ("a.ark", ("a.ark", 0, "")),
        ("a.ark:12", ("a.ark", 12, "")),
        ("a.ark[0:5]", ("a.ark", 0, "0:5")),
        ("/d:1/a.ark:12[0:5,:]", ("/d:1/a.ark", 12, "0:5,:")),
        ("cat a.ark:12 |", ("cat a.ark:12 |", 0, "")),
    ],
)
def test_split_entry(entry, parts):
    assert split_entry(entry) == parts


def test_pipes(tmp_path, vectors):
    kaldiio.save_ark(str(tmp_path / "v.ark"), vectors)
    (tmp_path / "v.scp").write_text(f"utt0 tail -c +6 {tmp_path}/v.ark |\n")
    for source in (f"ark:cat {tmp_path}/v.ark |", f"scp:{tmp_path}/v.scp"):
        with pytest.raises(DataError, match="expected a path, got the shell pipe"):
            list(read_vectors(source))
    assert_equal(read_vectors(f"ark:cat {tmp_path}/v.ark |", allow_pipes=True), vectors)
    assert_equal(read_vectors(f"scp:{tmp_path}/v.scp", allow_pipes=True), {"utt0": vectors["utt0"]})
    with pytest.raises(DataError, match="expected exit status 0, got 3"):
        read_vector("exit 3 |", allow_pipes=True)


def test_standard_input(tmp_path, vectors, monkeypatch):
    kaldiio.save_ark(str(tmp_path / "v.ark"), vectors)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((tmp_path / "v.ark").read_bytes())))
    assert_equal(read_vectors("ark:-"), vectors)
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(DataError, match=r"^-: expected an archive on standard input, and it is closed$"):
        list(read_vectors("ark:-"))


class Bomb:
    def __reduce__(self):
        return (Path.touch, (Path("exploded"),))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"key \0BFV \4\5\0\0\0" + bytes(19), "key: cut off: expected 20 bytes, got 19"),
        (b"key \0BFM \4\2\0\0\0\4\2\0\0\0" + bytes(15), "key: cut off: expected 16 bytes, got 15"),
        (b"key \0BFV \4\5\0", "key: cut off: expected 4 bytes, got 2"),
        (b"key \0BCM " + bytes(8), "key: cut off: expected 4 bytes, got 0"),
        (b"key \0B\4\2\0\0\0\4\1\0\0\0", "key: cut off: expected 10 bytes, got 5"),
        (
            b"key \0BFV \4" + struct.pack("<i", -1),
            "key: expected a vector or matrix, got broken data (a size of -4)",
        ),
        (b"key \0BFV \x08\5\0\0\0", "key: expected a vector or matrix, got broken data (a size is not where"),
        (b"key \0BXY \4\5\0\0\0", "key: expected a vector or matrix, got broken data (Unexpected format"),
        (b"key ", "key: cut off: expected a vector or matrix, got the end of the file"),
        (b"key 12", "key: cut off: expected a line end, got '12' and the end of the file"),
        (b"key \0B", "key: cut off: expected 1 bytes, got 0"),
        (b"key \0", r"key: cut off: expected a line end, got '\x00' and the end of the file"),
        (b"key \0\n", r"key: expected a vector or matrix, got '\x00'"),
        (b"key", "the first key: cut off: expected a key and a value, got 'key' and the end of the file"),
        (b"a [ 1 ]\nkey", "the key after a: cut off: expected a key and a value, got 'key'"),
        (b"caf\xe9 [ 1 ]\n", r"the first key: expected a key in UTF-8, got 'caf\\xe9'"),
        (b"key [ 1 2", "key: cut off: expected a closing ']', got the end of the file"),
        (b"key 1 x\n", "key: expected a vector or matrix, got '1 x'"),
        (b"key x [ 1 ]\n", "key: expected a vector or matrix, got 'x [ 1 ]'"),
        (b"key [\n 1 2\n 3 ]\n", "key: expected rows of one width, got the widths [1, 2]"),
        (b"key [\n 1 2\n 3 4 ]\n", "key: expected a vector, got the shape (2, 2)"),
        (b"key RIFF1234WAVEfmt \n", "key: expected a vector or matrix, got 'RIFF1234WAVEfmt'"),
        (b"key PKL" + pickle.dumps(Bomb()), "key: expected a vector or matrix, got "),
    ],
)
def test_broken_archives(tmp_path, monkeypatch, data, message):
    monkeypatch.chdir(tmp_path)
    Path("a.ark").write_bytes(data)
    with pytest.raises(DataError) as caught:
        list(read_vectors("a.ark"))
    assert str(caught.value).startswith(f"a.ark: {message}")
    assert "\n" not in str(caught.value)
    assert not Path("exploded").exists()


def test_every_cut_of_an_archive_is_seen(tmp_path, matrices):
    path = tmp_path / "m.ark"
    first, second = matrices["utt0"], matrices["utt1"]
    for options in ({}, {"compression_method": 2}, {"compression_method": 3}, {"text": True}):
        kaldiio.save_ark(str(path), {"first": first, "second": second}, **options)
        data = path.read_bytes()
        # A text matrix is complete with its bracket, the line end behind it is not missed.
        complete = {0, data.index(b"second"), data.find(b"]") + 1, data.rfind(b"]") + 1}
        for size in set(range(len(data))).difference(complete):
            path.write_bytes(data[:size])
            with pytest.raises(DataError, match=r"m\.ark: .*: (cut off|expected a vector or matrix)"):
                list(read_matrices(path))


def test_errors_of_an_scp_name_the_key_and_the_entry(tmp_path, vectors):
    kaldiio.save_ark(str(tmp_path / "v.ark"), vectors)
    (tmp_path / "v.scp").write_text("utt0 v.ark:5\nutt1 v.ark:6\nutt2 no.ark:5\n")
    read = read_vectors(tmp_path / "v.scp")
    np.testing.assert_array_equal(next(read)[1], vectors["utt0"])
    with pytest.raises(DataError, match=r"v\.scp: utt1: v\.ark:6: expected a vector or matrix, got"):
        next(read)
    (tmp_path / "v.scp").write_text("utt2 no.ark:5\n")
    with pytest.raises(DataError, match=r"v\.scp: utt2: no\.ark: cannot read the file: No such file"):
        list(read_vectors(tmp_path / "v.scp"))


def test_a_source_of_unknown_kind():
    with pytest.raises(DataError, match=r"ends in \.scp, \.ark, \.npz or \.txt, got 'vectors\.csv'"):
        read_vectors("vectors.csv")
    with pytest.raises(DataError, match=r"ends in \.scp or \.ark, got 'v\.npz'"):
        read_matrices("v.npz")
    with pytest.raises(DataError, match=r"^no\.ark: cannot read the file: No such file or directory$"):
        list(read_vectors("no.ark"))
