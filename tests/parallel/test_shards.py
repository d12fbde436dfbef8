"""Shards of a run: every stop and every damage ends in the archive of one undisturbed run."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
import pytest

from pysid.errors import DataError, Skipped
from pysid.io.ark.archive import ArkWriter
from pysid.parallel import shards
from pysid.parallel.shard_file import ShardFile
from pysid.parallel.shards import ShardRun, gather, merge, shard_ranges
from pysid.parallel.workers import Workers

KEYS = [f"utt{i:03d}" for i in range(50)]


@dataclass(frozen=True)
class Numbers:
    """A source whose utterances are numbers."""

    entries: dict

    @property
    def keys(self):
        return list(self.entries)

    def part(self, keys: Iterable[str]):
        return Numbers({key: self.entries[key] for key in keys})

    def entry(self, key):
        return str(self.entries[key])

    def absolute(self):
        return self


@dataclass(frozen=True)
class Squares:
    """The square of each number, but of those that divide by ten; notes what it computed."""

    seen: list = field(default_factory=list, compare=False)
    stop_at: str | None = None

    def open(self):
        return self

    def __call__(self, source):
        for key, value in source.entries.items():
            if key == self.stop_at:
                raise KeyboardInterrupt
            self.seen.append(key)
            yield key, "divides by ten" if value % 10 == 0 else np.array([value**2, len(source.entries)])


SOURCE = Numbers({key: i for i, key in enumerate(KEYS)})


def run(folder, source=SOURCE, stop_at=None, purpose="squares"):
    """One run that writes `out.ark` in the folder; returns what it computed, and what was skipped."""
    work = Squares(stop_at=stop_at)
    whole = ShardRun(folder / "out.shards", source, work, purpose, Workers())
    skipped = Skipped()
    writer = ArkWriter(folder / "out.ark", resume=(folder / "out.ark.partial").exists())
    whole.find(writer.done)
    try:
        with writer:
            merge(whole.run("squares"), writer, skipped)
    except KeyboardInterrupt:
        return work.seen, skipped
    whole.remove()
    return work.seen, skipped


@pytest.fixture
def expected(tmp_path):
    (tmp_path / "whole").mkdir()
    seen, skipped = run(tmp_path / "whole")
    assert seen == KEYS and list(skipped.reasons) == [f"utt{i:03d}" for i in range(0, 50, 10)]
    assert sorted(path.name for path in (tmp_path / "whole").iterdir()) == ["out.ark", "out.scp"]
    return (tmp_path / "whole" / "out.ark").read_bytes(), skipped.reasons


@pytest.fixture
def stopped(tmp_path):
    """A run that was stopped in its third shard."""
    run(tmp_path, stop_at=KEYS[40])
    assert not (tmp_path / "out.ark").exists()
    return tmp_path


def assert_finished(folder, expected, skipped):
    assert ((folder / "out.ark").read_bytes(), skipped.reasons) == expected
    assert not (folder / "out.shards").exists() and not (folder / "out.ark.partial").exists()


@pytest.mark.parametrize("n", [1, 15, 16, 17, 977, 1024, 1025, 9000, 100_001])
def test_shards_are_all_utterances_in_order(n):
    pieces = shard_ranges(n)
    assert list(chain(*pieces)) == list(range(n))
    assert all(len(piece) == len(pieces[0]) for piece in pieces[:-1]) and len(pieces[0]) <= 128


def test_nothing_to_cut():
    assert shard_ranges(0) == []


def test_a_second_run_does_what_is_missing(stopped, expected):
    seen, skipped = run(stopped)
    assert seen == KEYS[32:48] + KEYS[48:]
    assert_finished(stopped, expected, skipped)


def test_stopped_while_a_shard_was_moved(stopped, expected):
    """The records of the second shard are in the archive in part, the shard is still there."""
    (stopped / "out.shards" / "000001.zip").unlink()
    shard = ShardRun(stopped / "out.shards", SOURCE, Squares(), "squares", Workers())
    job = shard._identity(1)
    ShardFile.write(stopped / "out.shards" / "000001.zip", job, Squares()(SOURCE.part(KEYS[16:32])))
    partial = stopped / "out.ark.partial"
    partial.write_bytes(partial.read_bytes()[:-100])
    seen, skipped = run(stopped)
    assert seen == KEYS[32:]
    assert_finished(stopped, expected, skipped)


def test_a_torn_shard_is_computed_again(tmp_path, expected):
    whole = ShardRun(tmp_path / "out.shards", SOURCE, Squares(), "squares", Workers())
    assert len(list(whole.run("squares"))) == 4  # all computed, none merged
    for index, length in ((0, 0), (2, 300)):
        path = tmp_path / "out.shards" / f"{index:06d}.zip"
        path.write_bytes(path.read_bytes()[:length])
    seen, skipped = run(tmp_path)
    assert seen == KEYS[:16] + KEYS[32:48]
    assert_finished(tmp_path, expected, skipped)


def test_a_merged_shard_without_its_records_does_not_count(stopped):
    (stopped / "out.ark.partial").unlink()
    assert run(stopped)[0] == KEYS


def test_a_shard_of_something_else_does_not_count(stopped):
    whole = ShardRun(stopped / "out.shards", SOURCE, Squares(), "cubes", Workers())
    assert whole.find(KEYS) == set()
    changed = Numbers({**SOURCE.entries, "utt020": 21})
    whole = ShardRun(stopped / "out.shards", changed, Squares(), "squares", Workers())
    whole.find(KEYS)
    assert list(whole.found) == [0]


def test_in_memory(tmp_path, expected):
    skipped = Skipped()
    whole = ShardRun(tmp_path / "x", SOURCE, Squares(), "squares", Workers())
    vectors = dict(gather(whole.run("squares"), skipped))
    assert list(vectors) == [key for i, key in enumerate(KEYS) if i % 10] and skipped.reasons == expected[1]
    assert vectors["utt007"].tolist() == [49, 16]


def test_names_that_are_done_already(tmp_path):
    work = Squares()
    whole = ShardRun(tmp_path / "x", SOURCE, work, "squares", Workers())
    found = dict(gather(whole.run("squares", done=set(KEYS[:40])), Skipped()))
    assert work.seen == KEYS[40:] and list(found) == [key for i, key in enumerate(KEYS) if i >= 40 and i % 10]


def test_a_shard_that_cannot_be_seen(tmp_path, monkeypatch):
    """As where the machines share no files."""
    monkeypatch.setattr(shards, "PATIENCE_S", 0.0)
    monkeypatch.setattr(ShardFile, "write", lambda *_: None)
    whole = ShardRun(tmp_path / "x", SOURCE, Squares(), "squares", Workers())
    with pytest.raises(
        DataError, match=r"x/000000.zip: .* has written this, but it is not there: workers on other mac"
    ):
        list(whole.run("squares"))
    job = shards._Job(tmp_path / "elsewhere" / "000000.zip", "id", SOURCE)
    with pytest.raises(DataError, match=r"elsewhere: no such folder on .*: workers on other machines need the same"):
        shards._write(Squares(), 0, job)


def test_a_users_file_beside_shards_stays(tmp_path):
    folder = tmp_path / "out.ark.shards"
    folder.mkdir()
    (folder / "thesis.txt").write_text("all of it")
    (folder / "000000.zip").write_bytes(b"torn")
    whole = ShardRun(folder, SOURCE, Squares(), "squares", Workers())
    list(whole.run("squares"))
    whole.remove()
    assert [path.name for path in folder.iterdir()] == ["thesis.txt"]


def test_a_link_in_place_of_the_folder_is_not_followed(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "000000.zip").write_bytes(b"mine")
    (tmp_path / "out.ark.shards").symlink_to("elsewhere")
    whole = ShardRun(tmp_path / "out.ark.shards", SOURCE, Squares(), "squares", Workers())
    with pytest.raises(DataError, match=r"shards: expected a folder of this run's own, got something else"):
        list(whole.run("squares"))
    whole.remove()
    assert (tmp_path / "elsewhere" / "000000.zip").read_bytes() == b"mine"
    assert (tmp_path / "out.ark.shards").is_symlink()
