"""Enrolled speakers in one SQLite file: their names, and an embedding of each of their utterances.

Several processes may read and write it at once, and a process may be killed at any moment: each change is one
transaction (write-ahead log, which needs a local disk). The file belongs to one embedding network; it outlives changes
of the back-end. Voices are biometric data: only its owner can read the file, and `remove` overwrites what it
removes.
"""

import math
import os
import secrets
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Self
from unicodedata import normalize

import numpy as np

from pysid.backend.statistics import speaker_means
from pysid.errors import DataError, PysidWarning
from pysid.speakers.database_file import check_format, connect, make, sqlite_errors
from pysid.speakers.index import erase

MAX_DIM = 1 << 20  # of embeddings
BLOCK = 900  # speakers read at a time; SQLite allows 999 parameters
SOURCES = "SELECT source FROM utterance WHERE speaker = ?"
NOBODY = "unknown"  # what identification calls a stranger, so no speaker's name


@dataclass(frozen=True)
class EnrolledUtterance:
    """A recording of a speaker: what tells it from others, its length in seconds, its embedding (D,)."""

    source: str
    duration_s: float
    vector: np.ndarray


@dataclass(frozen=True)
class EnrolledSpeaker:
    """What is known about a speaker; `enrolled_at` is the time of the last utterance, ISO 8601 in UTC."""

    name: str
    n_utterances: int
    duration_s: float
    enrolled_at: str


class SpeakerDatabase:
    """An open database; use it in a `with` block, or `close` it. Any thread may use it, one at a time.

    Raises:
        DataError: the file is missing, no speaker database, damaged, or made by a newer pysid. Methods raise it, too,
            where another process keeps the file locked, or it cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        if self.path.is_dir():
            raise DataError(f"{path}: expected a speaker database, got a folder")
        if not self.path.exists():
            raise DataError(f"{path}: no such speaker database: make one with pysid enroll")
        with sqlite_errors(self.path):
            self._connection = connect(self.path)
            try:
                check_format(self._connection, self.path)
                self.fingerprint, self.dim = self._fetch_one("SELECT model, dim FROM state", (str, int))
                if not 0 < self.dim <= MAX_DIM:
                    raise self._damaged()
            except BaseException:
                self.close()
                raise

    @classmethod
    def create(cls, path: str | os.PathLike[str], fingerprint: str, dim: int) -> Self:
        """Opens a database for embeddings (D,) of a network, which is made first where there is none.

        Args:
            fingerprint: of the network, see `SpeakerModel.fingerprint`.
        Raises:
            DataError: as above, or the database is of another network.
        """
        path = Path(path)
        if not path.is_dir():
            path.parent.mkdir(parents=True, exist_ok=True)
            with sqlite_errors(path):
                make(path, fingerprint, dim)
        database = cls(path)
        try:
            database.require_model(fingerprint)
        except DataError:
            database.close()
            raise
        return database

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file; the database cannot be used afterwards."""
        self._connection.close()

    def __len__(self) -> int:
        """How many speakers there are."""
        return int(self._fetch_one("SELECT count(*) FROM speaker", (int,))[0])

    def require_model(self, fingerprint: str) -> None:
        """Raises DataError unless the embeddings are those of this network."""
        if fingerprint != self.fingerprint:
            raise DataError(
                f"{self.path}: its speakers were enrolled with another model ({self.fingerprint[:8]}, not "
                f"{fingerprint[:8]}), whose embeddings do not compare: use that --model, or enrol them anew"
            )

    def state(self) -> tuple[int, int]:
        """Tells whether something read before is still valid: the epoch, a new one after each removal, and the
        revision, which rises with each change."""
        epoch, revision = self._fetch_one("SELECT epoch, revision FROM state", (int, int))
        return epoch, revision

    def add(self, speakers: Mapping[str, Sequence[EnrolledUtterance]]) -> int:
        """Enrols new speakers, or adds to old ones: all of it, or, if it fails or is killed, nothing.

        An utterance of the same source as an earlier one of the speaker replaces it.

        Returns:
            How many utterances replaced earlier ones.
        Raises:
            DataError: also for a name that is empty, too odd, or "unknown", and for an embedding or a length that is
                not finite.
        """
        now = datetime.now(UTC).isoformat(timespec="seconds")
        n_replaced = 0
        with self.writing():
            _, revision = self.state()
            self._connection.execute("UPDATE state SET revision = ?", (revision + 1,))
            for name, utterances in speakers.items():
                if not utterances:
                    raise ValueError(f"expected an utterance of {name!r}, got none")
                speaker = self._touch(check_name(name), revision + 1)
                sources = {x for (x,) in self._fetch_all(SOURCES, (str,), (speaker,))}
                n_replaced += sum(x.source in sources for x in utterances)
                rows = [(speaker, x.source, float(x.duration_s), now, self._blob(x)) for x in utterances]
                self._connection.executemany(
                    "INSERT INTO utterance (speaker, source, duration_s, enrolled_at, vector) VALUES (?, ?, ?, ?, ?) "
                    "ON CONFLICT (speaker, source) DO UPDATE SET duration_s = excluded.duration_s, "
                    "enrolled_at = excluded.enrolled_at, vector = excluded.vector",
                    rows,
                )
        return n_replaced

    def remove(self, names: Sequence[str]) -> None:
        """Removes speakers for good: what the database and its index hold of them is overwritten.

        Copies that others made, such as backups, and what a disk keeps of deleted files, are out of its reach.

        Raises:
            DataError: also for a name that is not there; then nobody is removed.
        Warns:
            PysidWarning: another program has the database open, whose log may hold them until it closes it.
        """
        with self.writing():
            ids = [self._id(check_name(name)) for name in names]
            epoch, _ = self.state()
            next_epoch = secrets.randbits(62)
            self._connection.executemany("DELETE FROM speaker WHERE id = ?", [(x,) for x in ids])
            self._connection.execute("UPDATE state SET epoch = ?, revision = revision + 1", (next_epoch,))
            erase(self.path, ids, epoch, next_epoch)
        with sqlite_errors(self.path, "the speakers are removed, but the file still holds traces of them: "):
            self._connection.execute("VACUUM")  # overwriting alone leaves parts of rows that had been moved
            busy, _, _ = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            message = f"{self.path}: others are reading, so {self.path.name}-wal holds traces until they are done"
            warnings.warn(message, PysidWarning, stacklevel=2)

    def speakers(self) -> list[EnrolledSpeaker]:
        """All speakers, by name."""
        rows = self._fetch_all(
            "SELECT name, count(*), sum(duration_s), max(enrolled_at) FROM speaker "
            "JOIN utterance ON utterance.speaker = speaker.id GROUP BY speaker.id",
            (str, int, float, str),
        )
        if not all(math.isfinite(row[2]) for row in rows):
            raise self._damaged()
        return sorted((EnrolledSpeaker(*row) for row in rows), key=lambda speaker: speaker.name.casefold())

    def names(self, ids: Sequence[int]) -> dict[int, str]:
        """The names of the speakers of these ids; without those who are gone."""
        found: dict[int, str] = {}
        for block in _blocks(ids):
            found |= dict(
                self._fetch_all(f"SELECT id, name FROM speaker WHERE id IN ({_marks(block)})", (int, str), block)
            )
        return found

    def changed_since(self, revision: int) -> np.ndarray:
        """The ids (E,), ascending, of speakers changed after a revision; after -1, of all."""
        rows = self._fetch_all("SELECT id FROM speaker WHERE revision > ? ORDER BY id", (int,), (revision,))
        return np.fromiter((x for (x,) in rows), np.int64, len(rows))

    def means(self, ids: Sequence[int]) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Mean embeddings of the speakers of these ids, in blocks: ids (B,), means (B, D), utterances of each (B,)."""
        for block in _blocks(ids):
            query = f"SELECT speaker, vector FROM utterance WHERE speaker IN ({_marks(block)}) ORDER BY speaker, id"
            rows = self._fetch_all(query, (int, bytes), block)
            if not rows:
                continue
            if any(len(vector) != 4 * self.dim for _, vector in rows):
                raise DataError(f"{self.path}: expected vectors of {self.dim} dimensions, got others: it is damaged")
            stored = b"".join(vector for _, vector in rows)
            vectors = np.frombuffer(stored, dtype="<f4").reshape(-1, self.dim).astype(np.float32, copy=False)
            if not np.isfinite(vectors).all():
                raise DataError(f"{self.path}: expected finite embeddings, got NaN or infinity: it is damaged")
            yield speaker_means(vectors, [speaker for speaker, _ in rows])

    @contextmanager
    def reading(self) -> Iterator[None]:
        """All that is read in the block is of one state of the database."""
        with sqlite_errors(self.path):
            self._connection.execute("BEGIN")
            try:
                yield
            finally:
                self._connection.execute("ROLLBACK")

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Keeps other writers out. What is changed in the block is kept if it ends well."""
        with sqlite_errors(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    def _touch(self, name: str, revision: int) -> int:
        """The id of a speaker, who is changed at this revision, and made if need be."""
        self._connection.execute(
            "INSERT INTO speaker (name, revision) VALUES (?, ?) "
            "ON CONFLICT (name) DO UPDATE SET revision = excluded.revision",
            (name, revision),
        )
        return self._id(name)

    def _id(self, name: str) -> int:
        row = self._connection.execute("SELECT id FROM speaker WHERE name = ?", (name,)).fetchone()
        if row is None:
            similar = get_close_matches(name, [x for (x,) in self._fetch_all("SELECT name FROM speaker", (str,))], n=1)
            hint = f", but there is {similar[0]!r}" if similar else ""
            raise DataError(f"{self.path}: no speaker is called {name!r}{hint}")
        return int(row[0])

    def _blob(self, utterance: EnrolledUtterance) -> bytes:
        vector = np.asarray(utterance.vector, dtype="<f4")
        if vector.shape != (self.dim,) or not np.isfinite(vector).all():
            raise DataError(f"{utterance.source}: expected a finite embedding of {self.dim} dimensions")
        if not 0 <= utterance.duration_s < math.inf:
            raise DataError(f"{utterance.source}: expected a length in seconds, got {utterance.duration_s}")
        return vector.tobytes()

    def _fetch_one(self, query: str, types: tuple[type, ...]) -> tuple:
        rows = self._fetch_all(query, types)
        if not rows:
            raise self._damaged()
        return rows[0]

    def _fetch_all(self, query: str, types: tuple[type, ...], parameters: Sequence[object] = ()) -> list[tuple]:
        """Rows, whose columns must be of these types: those of SQLite hold any."""
        with sqlite_errors(self.path):
            rows = self._connection.execute(query, parameters).fetchall()
        found = [set(map(type, column)) for column in zip(*rows, strict=True)]
        if rows and found != [{kind} for kind in types]:
            raise self._damaged()
        return rows

    def _damaged(self) -> DataError:
        return DataError(f"{self.path}: expected the rows of a speaker database, got others: it is damaged")


def check_name(name: str) -> str:
    """A speaker's name, in Unicode's composed form.

    Raises:
        DataError: it is empty, starts or ends with a space, holds what cannot be printed, or is "unknown".

    >>> check_name("Ann")
    'Ann'
    """
    if not name or name != name.strip() or not name.isprintable():
        raise DataError(f"expected a speaker's name of printable characters, got {name!r}")
    if name == NOBODY:
        raise DataError(f"expected a speaker's name, got {NOBODY!r}, which is what pysid identify calls a stranger")
    return normalize("NFC", name)


def _blocks(ids: Iterable[int]) -> Iterator[list[int]]:
    listed = [int(x) for x in ids]
    return (listed[start : start + BLOCK] for start in range(0, len(listed), BLOCK))


def _marks(values: Sequence[object]) -> str:
    """Placeholders of SQL."""
    return ",".join("?" * len(values))
