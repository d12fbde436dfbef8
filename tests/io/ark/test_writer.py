import os

import numpy as np
import pytest

from pysid.errors import DataError
from pysid.io import spooled_rows
from pysid.io.ark.archive import ArkWriter, read_matrices, read_vector, read_vectors
from pysid.io.ark.compression import AUTOMATIC
from pysid.io.ark.writer import encode_record, encode_rows, scan_archive
from pysid.io.spooled_rows import SpooledRows
from pysid.io.tables import read_table

RECORDS = {f"utt{i}": np.arange(i + 1, dtype=np.float32) + 0.5 for i in range(5)}
MATRICES = {f"utt{i}": np.arange(6 * (i + 1), dtype=np.float32).reshape(-1, 2) for i in range(4)}


def write(path, records, **options):
    with ArkWriter(path, **options) as writer:
        for key, array in records.items():
            if key not in writer.done:
                writer.write(key, array)
    return path


def equal(read, expected):
    read = list(read)
    return [key for key, _ in read] == list(expected) and all(
        np.array_equal(array, expected[key]) for key, array in read
    )


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def test_archive_and_scp(tmp_path):
    write(tmp_path / "new" / "v", RECORDS)
    assert files(tmp_path / "new") == ["v.ark", "v.scp"]
    assert equal(read_vectors(tmp_path / "new" / "v.ark"), RECORDS)
    assert equal(read_vectors(tmp_path / "new" / "v.scp"), RECORDS)
    entry = read_table(tmp_path / "new" / "v.scp")["utt3"]
    assert entry.startswith(f"{tmp_path}/new/v.ark:")
    np.testing.assert_array_equal(read_vector(entry), RECORDS["utt3"])


def test_the_scp_names_the_archive_as_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write("exp/v.ark", {"a": RECORDS["utt0"]}, scp="v.scp")
    assert (tmp_path / "v.scp").read_text() == "a exp/v.ark:2\n"


@pytest.mark.parametrize("compress", [0, 1, 2, 3, 5, True])
def test_matrices(tmp_path, compress):
    write(tmp_path / "m.ark", {**MATRICES, "empty": np.zeros((0, 4))}, compress=compress)
    read = dict(read_matrices(tmp_path / "m.scp"))
    assert read.pop("empty").size == 0
    for key, matrix in MATRICES.items():
        step = {0: 0, 3: np.ptp(matrix) / 65535}.get(compress, np.ptp(matrix) / 63)
        np.testing.assert_allclose(read[key], matrix, atol=step, rtol=1e-6)


@pytest.mark.parametrize("dtype", [bool, np.int8, np.int64, np.float64])
def test_vectors_of_any_type_are_stored_as_floats(tmp_path, dtype):
    write(tmp_path / "vad", {"a": np.array([0, 1, 1], dtype)}, compress=1)
    assert equal(read_vectors(tmp_path / "vad.ark"), {"a": [0, 1, 1]})
    assert b"FV " in (tmp_path / "vad.ark").read_bytes()


def test_nothing_written_gives_empty_files(tmp_path):
    write(tmp_path / "v", {})
    assert files(tmp_path) == ["v.ark", "v.scp"]
    assert list(read_vectors(tmp_path / "v.ark")) == []
    write(tmp_path / "v", RECORDS, resume=True)
    assert equal(read_vectors(tmp_path / "v.scp"), RECORDS)


def test_a_failure_keeps_the_old_files_and_the_partial_archive(tmp_path):
    write(tmp_path / "v", {"old": RECORDS["utt0"]})
    with pytest.raises(KeyboardInterrupt), ArkWriter(tmp_path / "v") as writer:
        writer.write("new", RECORDS["utt1"])
        raise KeyboardInterrupt
    assert files(tmp_path) == ["v.ark", "v.ark.partial", "v.scp"]
    assert equal(read_vectors(tmp_path / "v.scp"), {"old": RECORDS["utt0"]})
    write(tmp_path / "v", RECORDS)  # without resume, the partial archive does not count
    assert files(tmp_path) == ["v.ark", "v.scp"]
    assert equal(read_vectors(tmp_path / "v.scp"), RECORDS)


@pytest.mark.parametrize(
    ("records", "read", "compress"),
    [(RECORDS, read_vectors, 0), (MATRICES, read_matrices, 0), (MATRICES, read_matrices, 1)],
)
def test_resuming_after_a_kill_at_any_byte(tmp_path, monkeypatch, records, read, compress):
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # takes most of the time
    whole = write(tmp_path / "whole", records, compress=compress).with_suffix(".ark").read_bytes()
    ends = [0]
    for n in range(1, len(records) + 1):
        first = write(tmp_path / "first", dict(list(records.items())[:n]), compress=compress)
        ends.append(first.with_suffix(".ark").stat().st_size)
    path = tmp_path / "v.ark"
    in_headers = {end + i for end in ends for i in range(-2, 32)}
    for size in sorted(in_headers.intersection(range(len(whole) + 1)).union(range(0, len(whole), 9))):
        (tmp_path / "v.ark.partial").write_bytes(whole[:size])
        path.unlink(missing_ok=True)
        n_done = sum(end <= size for end in ends) - 1
        with ArkWriter(path, resume=True, compress=compress) as writer:
            assert list(writer.done) == list(records)[:n_done]
            for key in list(records)[n_done:]:
                writer.write(key, records[key])
        assert path.read_bytes() == whole
    assert files(tmp_path) == ["first.ark", "first.scp", "v.ark", "v.scp", "whole.ark", "whole.scp"]
    assert [key for key, _ in read(tmp_path / "v.scp")] == list(records)


def test_zeros_at_the_end_after_a_power_cut_are_cut_off(tmp_path):
    data = write(tmp_path / "v", RECORDS).with_suffix(".ark").read_bytes()
    (tmp_path / "w.ark.partial").write_bytes(data + bytes(100))
    assert list(ArkWriter(tmp_path / "w.ark", resume=True).done) == list(RECORDS)


def test_what_was_flushed_can_be_resumed(tmp_path):
    writer = ArkWriter(tmp_path / "v").__enter__()
    writer.write("a", RECORDS["utt1"])
    writer.flush()
    killed = (tmp_path / "v.ark.partial").read_bytes()
    writer.write("b", RECORDS["utt2"])
    writer.__exit__(None, None, None)
    (tmp_path / "v.ark").unlink()
    (tmp_path / "v.ark.partial").write_bytes(killed)
    assert set(ArkWriter(tmp_path / "v", resume=True).done) == {"a"}


def test_a_finished_archive_is_resumed(tmp_path):
    write(tmp_path / "v", RECORDS)
    before = (tmp_path / "v.ark").stat().st_mtime_ns
    write(tmp_path / "v", RECORDS, resume=True)  # nothing to do
    assert (tmp_path / "v.ark").stat().st_mtime_ns == before
    more = {**RECORDS, "more": np.ones(2, np.float32)}
    (tmp_path / "v.scp").unlink()  # as after a kill between the two renames
    write(tmp_path / "v", more, resume=True)
    assert equal(read_vectors(tmp_path / "v.scp"), more)
    assert files(tmp_path) == ["v.ark", "v.scp"]


def test_a_foreign_archive_is_not_cut(tmp_path):
    (tmp_path / "v.ark").write_text("a [ 1 2 ]\nb [ 3 ]\n")
    with pytest.raises(DataError, match=r"v\.ark: expected a binary archive .* got 18 bytes of which 0 are"):
        ArkWriter(tmp_path / "v", resume=True)
    assert (tmp_path / "v.ark").read_text() == "a [ 1 2 ]\nb [ 3 ]\n"


def test_scan_finds_all_forms(tmp_path):
    import kaldiio

    path = str(tmp_path / "all.ark")
    for method in (None, 2, 3, 5):
        kaldiio.save_ark(path, {f"m{method}": MATRICES["utt1"]}, append=True, compression_method=method)
    kaldiio.save_ark(path, {"dm": MATRICES["utt1"].astype(float), "dv": np.ones(3)}, append=True)
    offsets, end = scan_archive(path)
    assert list(offsets) == ["mNone", "m2", "m3", "m5", "dm", "dv"]
    assert end == (tmp_path / "all.ark").stat().st_size


@pytest.mark.parametrize(
    ("key", "array", "message"),
    [
        ("a b", np.ones(1), "expected a key without white space, got 'a b'"),
        ("", np.ones(1), "expected a key without white space, got ''"),
        ("a\0", np.ones(1), r"expected a key without white space, got 'a\\x00'"),
        ("done", np.ones(1), "expected each key once, got 'done' again"),
        ("a", np.ones((1, 1, 1)), r"a: expected a vector or matrix, got the shape \(1, 1, 1\)"),
        ("a", np.float32(1), r"a: expected a vector or matrix, got the shape \(\)"),
        ("a", np.array([[np.nan]]), "a: expected finite values to compress, got NaN or infinity"),
    ],
)
def test_what_is_not_written(tmp_path, key, array, message):
    with ArkWriter(tmp_path / "v", compress=1) as writer:
        writer.write("done", np.ones(1))
        with pytest.raises(DataError, match=rf"v\.ark: {message}$"):
            writer.write(key, array)
    assert equal(read_vectors(tmp_path / "v.ark"), {"done": [1]})


def test_wrong_method():
    with pytest.raises(ValueError, match="compress must be 0 or one of Kaldi's methods"):
        ArkWriter("v", compress=9)


@pytest.mark.parametrize("method", [0, AUTOMATIC])
@pytest.mark.parametrize("n_rows", [0, 1, 8, 9, 5000])
def test_rows_on_disk_become_the_same_record(monkeypatch, method, n_rows):
    monkeypatch.setattr(spooled_rows, "BLOCK_BYTES", 1000)
    matrix = np.random.default_rng(n_rows).normal(size=(n_rows, 7)).astype(np.float32)
    rows = SpooledRows(7)
    rows.append(matrix)
    assert b"".join(encode_rows(rows, method)) == encode_record(matrix, method)


def test_rows_on_disk_that_cannot_be_compressed():
    rows = SpooledRows(1)
    rows.append(np.full((9, 1), np.nan))
    with pytest.raises(ValueError, match="expected finite values to compress"):
        next(encode_rows(rows, AUTOMATIC))
    with pytest.raises(ValueError, match="method must be 0 or 1, got 3"):
        next(encode_rows(rows, 3))
