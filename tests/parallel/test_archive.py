"""An archive goes on with what still holds, and with nothing else."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from pysid.errors import Skipped
from pysid.io.ark.archive import read_vectors
from pysid.io.ark.writer import ArkWriter
from pysid.io.files import state
from pysid.parallel.archive import shards_of, update_archive
from pysid.parallel.shards import ShardRun
from pysid.parallel.workers import THIS_PROCESS


@dataclass(frozen=True)
class Numbers:
    """Files that hold a number each."""

    folder: Path
    keys: tuple[str, ...]

    def part(self, keys):
        return replace(self, keys=tuple(keys))

    def entry(self, key):
        return f"{key} {state(self.folder / key)}"

    def absolute(self):
        return self


@dataclass(frozen=True)
class Read:
    log: list | None = None

    def __hash__(self):
        return 0

    def open(self) -> Callable:
        def read(source):
            for key in source.keys:
                self.log.append(key)
                yield key, np.array([float((source.folder / key).read_text())])

        return read


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in").mkdir()
    for i in range(40):
        (tmp_path / "in" / f"u{i:02d}").write_text(str(i))
    return tmp_path


def run(folder, n=40, *, stop=False):
    """Brings the archive up to date; returns what was computed for it."""
    log = []
    source = Numbers(folder / "in", tuple(f"u{i:02d}" for i in range(n)))
    with ArkWriter(folder / "x.ark", resume=True) as writer:
        shards = ShardRun(shards_of(folder / "x"), source, Read(log), "numbers", THIS_PROCESS)
        update_archive(writer, shards, "numbers", Skipped())
        if stop:
            raise KeyboardInterrupt
    shards.remove()
    return log


def content(folder):
    return {key: float(x[0]) for key, x in read_vectors(str(folder / "x.ark"))}


def test_what_changed_is_computed_again_and_the_rest_is_not(folder):
    assert len(run(folder)) == 40
    assert run(folder) == []
    (folder / "in" / "u03").write_text("-3.5")
    (folder / "in" / "u39").write_text("-39.5")
    assert run(folder) == ["u03", "u39"]
    assert content(folder) == {f"u{i:02d}": -i - 0.5 if i in (3, 39) else i for i in range(40)}
    assert content(folder) == {k: float(x[0]) for k, x in read_vectors(str(folder / "x.scp"))}
    assert not list(folder.glob("*.partial")) and not shards_of(folder / "x").exists()


def test_a_stopped_run_whose_files_change_before_it_goes_on(folder):
    with pytest.raises(KeyboardInterrupt):
        run(folder, 20, stop=True)
    (folder / "in" / "u01").write_text("-1")
    assert run(folder) == [f"u{i:02d}" for i in (1, *range(20, 40))]
    assert content(folder)["u01"] == -1


def test_an_archive_of_an_older_version_is_believed(folder):
    run(folder)
    (folder / "x.sources").unlink()
    (folder / "in" / "u01").write_text("-1")
    assert run(folder) == [] and content(folder)["u01"] == 1
    assert (folder / "x.sources").exists()
