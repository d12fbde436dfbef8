"""The SQLite file of a speaker database: made, opened, and what can be wrong with it."""

import os
import re
import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from pysid.errors import DataError

APPLICATION_ID = 0x70795349  # "pySI", tells our files from other databases of SQLite
VERSION = 1
BUSY_S = 60.0  # how long to wait for another process
DAMAGED = "the database is damaged: take a copy of it that is not"
PAGE_BYTES = 16384  # holds seven vectors of 512 numbers

SCHEMA = """
CREATE TABLE state (
    model TEXT NOT NULL,        -- fingerprint of the embedding network
    dim INTEGER NOT NULL,       -- of its embeddings
    epoch INTEGER NOT NULL,     -- random, another one after each removal
    revision INTEGER NOT NULL   -- counts changes
);
CREATE TABLE speaker (
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used again
    name TEXT NOT NULL UNIQUE,
    revision INTEGER NOT NULL              -- of its last change
);
CREATE INDEX speaker_by_revision ON speaker (revision);
CREATE TABLE utterance (
    id INTEGER PRIMARY KEY,
    speaker INTEGER NOT NULL REFERENCES speaker ON DELETE CASCADE,
    source TEXT NOT NULL,       -- path of the recording
    duration_s REAL NOT NULL,
    enrolled_at TEXT NOT NULL,  -- ISO 8601, UTC
    vector BLOB NOT NULL,       -- little-endian float32
    UNIQUE (speaker, source)
);
"""


def make(path: Path, fingerprint: str, dim: int) -> None:
    """Makes the tables of a database, if it is not there, or a process was killed before it had made them.

    Args:
        path: of the database; it is made for its owner alone.
        fingerprint: of the model.
        dim: E of its embeddings.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with closing(connect(path)) as connection:
        if not _is_blank(connection):
            return
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        _keep_log(connection)
        connection.execute("BEGIN IMMEDIATE")
        if _is_blank(connection):  # still, now that nobody else can make them
            for statement in SCHEMA.split(";\n"):
                connection.execute(statement)
            values = (fingerprint, dim, secrets.randbits(62), 0)
            connection.execute("INSERT INTO state (model, dim, epoch, revision) VALUES (?, ?, ?, ?)", values)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")


def _keep_log(connection: sqlite3.Connection) -> None:
    """Switches to write-ahead logging; SQLite does not itself wait for others here."""
    deadline = time.monotonic() + BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def connect(path: Path) -> sqlite3.Connection:
    """An open connection. Where neither the file nor its folder can be written, nobody is expected to change it."""
    uri = path.absolute().as_uri()
    try:
        return _open(f"{uri}?mode=rw")
    except sqlite3.OperationalError as error:
        unwritable = error.sqlite_errorname.startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY"))
        if not unwritable or Path(f"{path}-wal").exists():
            raise
    return _open(f"{uri}?mode=ro&immutable=1")


def _open(uri: str) -> sqlite3.Connection:
    # Any thread may use it, one at a time: those who answer requests are seldom the one that opened it.
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        for pragma in ("foreign_keys = ON", "secure_delete = ON", "synchronous = FULL", "trusted_schema = OFF"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()  # reads the file, so that what is wrong shows
    except BaseException:
        connection.close()
        raise
    return connection


def _is_blank(connection: sqlite3.Connection) -> bool:
    """Whether nothing has been made of the file yet."""
    return (
        not _pragma(connection, "application_id") and not connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    )


def check_format(connection: sqlite3.Connection, path: Path) -> None:
    """Raises DataError unless it is a speaker database that this program can read.

    Tables of another form, views in their place and triggers are refused: with them a removed speaker may stay.
    """
    if _pragma(connection, "application_id") != APPLICATION_ID:
        found = "an empty one" if _is_blank(connection) else "another SQLite database"
        raise DataError(f"{path}: expected a speaker database, got {found}")
    version = _pragma(connection, "user_version")
    if version > VERSION:
        raise DataError(f"{path}: expected a speaker database of version {VERSION}, got {version}: use a newer pysid")
    made = connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
    if trigger := next((name for kind, name, _ in made if kind == "trigger"), None):
        raise DataError(f"{path}: expected a speaker database, got one that a trigger changes, {trigger!r}")
    definitions = {name: _bare(str(sql)) for _, name, sql in made}
    for name, expected in _TABLES.items():
        if definitions.get(name) != expected:
            raise DataError(f"{path}: expected a speaker database, got one whose table {name!r} is another")


def _bare(sql: str) -> str:
    """A definition without comments and white space."""
    return re.sub(r"--[^\n]*|\s+", "", sql)


_TABLES = {x.split()[2]: _bare(x) for x in SCHEMA.split(";\n") if x.lstrip().startswith("CREATE TABLE")}


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


@contextmanager
def sqlite_errors(path: Path, before: str = "") -> Iterator[None]:
    """Turns what SQLite says into one line for the user."""
    try:
        yield
    except OverflowError:  # a number that has no successor
        raise DataError(f"{path}: {before}{DAMAGED}") from None
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "")
        reasons = {
            "SQLITE_NOTADB": "expected a speaker database, got a file of another kind",
            "SQLITE_CORRUPT": DAMAGED,
            "SQLITE_BUSY": f"another process has kept the database locked for {BUSY_S:g} s",
            "SQLITE_READONLY": "the database, or its folder, cannot be written",
            "SQLITE_CANTOPEN": "the database, or its folder, cannot be opened",
        }
        reason = next((text for start, text in reasons.items() if name.startswith(start)), str(error))
        raise DataError(f"{path}: {before}{reason}") from None
