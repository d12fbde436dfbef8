"""A corpus run in shards: each is computed by one worker and written whole; they are put together in order.

A shard is a stretch of utterances. How a corpus is cut depends on the number of its utterances alone, and a shard is
always computed as a whole, so the result does not depend on how many workers there are, which of them were lost, or
how often the run was stopped.
"""

import hashlib
import json
import os
import re
import socket
import time
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np

from pysid.errors import DataError, Skipped
from pysid.io.ark.writer import ArkWriter
from pysid.io.files import remove_leftovers
from pysid.parallel.run import PartsLost, run_parts
from pysid.parallel.shard_file import ShardFile
from pysid.parallel.work import Results, ShardWork, Source
from pysid.parallel.workers import Workers
from pysid.progress import track

ENDING = ".shards"  # of the folder beside an output
SHARD = re.compile(r"\d{6,}\.zip")
FEWEST, MOST = 16, 128  # utterances in a shard
SHARDS = 64  # of a corpus that is not too small or too large for it
PATIENCE_S = 60.0
SAME_FILES = "workers on other machines need the same files under the same paths"

SourceT = TypeVar("SourceT", bound=Source)


def shard_ranges(n: int) -> list[range]:
    """The shards of `n` utterances.

    >>> shard_ranges(35)
    [range(0, 16), range(16, 32), range(32, 35)]
    >>> len(shard_ranges(1000)), len(shard_ranges(1_000_000))
    (63, 7813)
    """
    size = min(max(-(-n // SHARDS), FEWEST), MOST)
    return [range(start, min(start + size, n)) for start in range(0, n, size)]


class ShardRun(Generic[SourceT]):
    """The shards of a source in a folder, those that are there and those that are missing.

    Args:
        folder: is created when work starts; `remove` deletes it.
        work: what makes the arrays.
        purpose: what the arrays are and by what they are made; shards of another purpose are not used.
        workers: who does it.
        opened: what `work.open()` would give, for work that is done in this process.
        compress: as in `ArkWriter`.
    """

    def __init__(
        self,
        folder: Path,
        source: SourceT,
        work: ShardWork[SourceT],
        purpose: str,
        workers: Workers,
        opened: Callable[[SourceT], Results] | None = None,
        compress: int = 0,
    ) -> None:
        self.folder = folder
        self.source = source
        self.work = work
        self.purpose = purpose
        self.workers = workers
        self.opened = opened
        self.compress = compress
        self.keys = source.keys
        self.shards = shard_ranges(len(self.keys))
        self.found: dict[int, ShardFile] = {}

    def find(self, archived: Container[str] = ()) -> set[str]:
        """Finds the shards that are there already.

        Args:
            archived: keys whose records are in the archive; a merged shard counts only if all of its are.
        Returns:
            the keys of the records of these shards.
        """
        self.found = {}
        for index in range(len(self.shards)) if self._is_own_folder() else ():
            file = self._read(index)
            if file and not (file.is_merged and any(key not in archived for key in file.sizes)):
                self.found[index] = file
        return {key for file in self.found.values() for key in file.sizes}

    def run(self, description: str, done: Container[str] = ()) -> Iterator[ShardFile]:
        """All shards in order, once those that are missing are computed.

        Args:
            description: for the bar of progress.
            done: utterances that need not be computed.
        Raises:
            DataError: workers were lost over a shard again and again, after all others are done; or a shard that was
                written cannot be found.
        """
        if os.path.lexists(self.folder) and not self._is_own_folder():
            raise DataError(f"{self.folder}: expected a folder of this run's own, got something else: remove it")
        todo = {index: self._wanted(index, done) for index in range(len(self.shards)) if index not in self.found}
        todo = {index: keys for index, keys in todo.items() if keys}
        self.folder.mkdir(parents=True, exist_ok=True)

        def prepare(index: int) -> _Job[SourceT]:
            source = self.source.part(todo[index])
            source = source.absolute() if self.workers.cluster else source
            return _Job(self._path(index).absolute(), self._identity(index), source)

        work = _WriteShard(self.work, self.compress)
        write = None if self.opened is None else partial(_write, self.opened, self.compress)
        results = run_parts(work, list(todo), prepare, self.workers, write)
        n_done = len(self.keys) - sum(map(len, todo.values()))
        progress = track(results, description, len(self.keys), start=n_done, weight=lambda result: len(todo[result[0]]))
        try:
            yield from self._in_order(progress, todo)
        except PartsLost as lost:
            names = [key for index in lost.items for key in self._keys(index)]
            raise DataError(describe_lost(names, len(self.keys))) from None

    def remove(self) -> None:
        """Removes the shards, and their folder unless something else lies in it."""
        if not self._is_own_folder():
            return
        remove_leftovers(self.folder)
        for path in self.folder.iterdir():
            if SHARD.fullmatch(path.name):
                path.unlink(missing_ok=True)
        with suppress(OSError):
            self.folder.rmdir()

    def _is_own_folder(self) -> bool:
        """Whether it is a folder, and not a link that leads elsewhere."""
        return self.folder.is_dir() and not self.folder.is_symlink()

    def _in_order(self, results: Iterator[tuple[int, str]], todo: Container[int]) -> Iterator[ShardFile]:
        ready = dict(self.found)
        following = 0
        while True:
            while following in ready or (following < len(self.shards) and following not in todo):
                if following in ready:
                    yield ready.pop(following)
                following += 1
            index, host = next(results, (-1, ""))
            if index < 0:
                return
            ready[index] = self._expect(index, host)

    def _expect(self, index: int, host: str) -> ShardFile:
        """A shard that has just been written; a network file system may take some time to show it."""
        deadline = time.monotonic() + PATIENCE_S
        while (file := self._read(index)) is None:
            if time.monotonic() > deadline:
                raise DataError(f"{self._path(index)}: {host} has written this, but it is not there: {SAME_FILES}")
            time.sleep(0.5)
        return file

    def _wanted(self, index: int, done: Container[str]) -> list[str]:
        return [key for key in self._keys(index) if key not in done]

    def _keys(self, index: int) -> Sequence[str]:
        return [self.keys[i] for i in self.shards[index]]

    def _path(self, index: int) -> Path:
        return self.folder / f"{index:06d}.zip"

    def _read(self, index: int) -> ShardFile | None:
        path = self._path(index)
        return ShardFile.read(path, self._identity(index)) if path.exists() else None

    def _identity(self, index: int) -> str:
        entries = [(key, self.source.entry(key)) for key in self._keys(index)]
        return hashlib.sha256(json.dumps([self.purpose, self.compress, entries]).encode()).hexdigest()


def describe_lost(names: Sequence[str], n_total: int) -> str:
    """One line about utterances over which worker after worker was lost."""
    return (
        f"working processes were killed again and again, perhaps for want of memory, over {len(names)} of {n_total} "
        f"utterances from {names[0]!r} to {names[-1]!r}; all others are done, and a second run does only these"
    )


def merge(shards: Iterable[ShardFile], writer: ArkWriter, skipped: Skipped) -> None:
    """Moves the records of shards to the end of an archive; those that it has already are left out.

    Args:
        shards: in order.
        writer: of the archive.
        skipped: gets the utterances that shards left out.
    """
    for shard in shards:
        for key, reason in shard.skipped.items():
            skipped.add(key, reason)
        for key, record in shard.records():
            if key not in writer.done:
                writer.append(key, record)
        if not shard.is_merged:
            writer.flush()  # a shard must not drop its records before they are on the disk elsewhere
            shard.mark_merged()


def gather(shards: Iterable[ShardFile], skipped: Skipped) -> Iterator[tuple[str, np.ndarray]]:
    """The arrays of shards."""
    for shard in shards:
        for key, reason in shard.skipped.items():
            skipped.add(key, reason)
        yield from shard.arrays()


@dataclass(frozen=True)
class _Job(Generic[SourceT]):
    path: Path
    identity: str
    source: SourceT


@dataclass(frozen=True)
class _WriteShard(Generic[SourceT]):
    """Writes shards; the result is where that was."""

    work: ShardWork[SourceT]
    compress: int

    def open(self) -> Callable[[_Job[SourceT]], str]:
        return partial(_write, self.work.open(), self.compress)


def _write(compute: Callable[[Any], Results], compress: int, job: _Job[Any]) -> str:
    host = socket.gethostname()
    if not job.path.parent.is_dir():
        raise DataError(f"{job.path.parent}: no such folder on {host}: {SAME_FILES}")
    ShardFile.write(job.path, job.identity, compute(job.source), compress)
    return host
