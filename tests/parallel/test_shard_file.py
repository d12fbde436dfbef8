"""A shard on disk: what was written comes back, and a damaged file is no shard."""

import numpy as np
import pytest

from pysid.io.spooled_rows import SpooledRows
from pysid.parallel import shard_file
from pysid.parallel.shard_file import ShardFile

RESULTS = [("a", np.arange(3.0)), ("bad", "no speech found"), ("b", np.arange(8.0).reshape(4, 2)), ("c", np.ones(1))]


@pytest.fixture
def path(tmp_path):
    ShardFile.write(tmp_path / "s.zip", "id", RESULTS)
    return tmp_path / "s.zip"


def test_it_comes_back(path):
    shard = ShardFile.read(path, "id")
    assert shard.skipped == {"bad": "no speech found"}
    found = dict(shard.arrays())
    assert list(found) == ["a", "b", "c"] == list(shard.sizes)
    for key, array in RESULTS:
        if key != "bad":
            np.testing.assert_array_equal(found[key], array.astype(np.float32))


def test_what_is_not_there_or_of_something_else_is_none(path):
    assert ShardFile.read(path.with_name("other.zip"), "id") is None
    assert ShardFile.read(path, "other") is None


def test_torn_files_are_none(path):
    data = path.read_bytes()
    for length in range(len(data)):
        path.write_bytes(data[:length])
        assert ShardFile.read(path, "id") is None, length


def test_flipped_bits_never_pass_unnoticed(path):
    data = path.read_bytes()
    for place in range(len(data)):
        path.write_bytes(data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :])
        shard = ShardFile.read(path, "id")
        if shard is not None:  # a flag or a date of the zip file
            assert [(key, x.tolist()) for key, x in shard.arrays()] == [
                (key, x.tolist()) for key, x in RESULTS if key != "bad"
            ], place


def test_a_merged_shard_keeps_its_list(path):
    shard = ShardFile.read(path, "id")
    shard.mark_merged()
    merged = ShardFile.read(path, "id")
    assert merged.is_merged and (merged.sizes, merged.skipped) == (shard.sizes, shard.skipped)
    assert list(merged.records()) == []


def test_what_cannot_be_compressed_is_skipped(tmp_path):
    results = [("good", np.ones((9, 2))), ("nan", np.full((9, 2), np.nan)), ("vector", np.ones(2))]
    ShardFile.write(tmp_path / "s.zip", "id", results, compress=1)
    shard = ShardFile.read(tmp_path / "s.zip", "id")
    assert list(shard.sizes) == ["good", "vector"] and list(shard.skipped) == ["nan"]


def test_a_failure_leaves_no_file(tmp_path):
    def broken():
        yield RESULTS[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ShardFile.write(tmp_path / "s.zip", "id", broken())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("compress", [0, 1])
def test_rows_on_disk(tmp_path, monkeypatch, compress):
    monkeypatch.setattr(shard_file, "PIECE_BYTES", 100)
    matrix = np.random.default_rng(0).normal(size=(40, 3))
    rows, broken = SpooledRows(3), SpooledRows(3)
    rows.append(matrix)
    broken.append(np.full((9, 3), np.inf))
    written = []
    for name, spooled, bad in (("a", rows, broken), ("b", matrix, np.full((9, 3), np.inf))):
        path = tmp_path / f"{name}.zip"
        ShardFile.write(path, "id", [("1", spooled), ("2", bad), ("3", spooled)], compress)
        written.append(ShardFile.read(path, "id"))
    first, second = ({key: b"".join(record) for key, record in shard.records()} for shard in written)
    assert first == second and set(first) >= {"1", "3"}
    assert written[0].skipped == written[1].skipped and ("2" in written[0].skipped) == bool(compress)
    assert [key for key, _ in written[0].records()] == list(first)  # records that nobody reads do not shift the next
