"""The database of speakers: what goes in comes out, whoever else is at it, and whenever a process is killed."""

import math
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from pysid.errors import DataError, PysidWarning
from pysid.speakers import database_file
from pysid.speakers.database import EnrolledUtterance, SpeakerDatabase, check_name

MODEL, DIM = "0123456789abcdef", 4


def utterance(source, *values):
    return EnrolledUtterance(source, 2.5, np.array(values or [1, 2, 3, 4], np.float32))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "speakers.db"


@pytest.fixture
def database(path):
    with SpeakerDatabase.create(path, MODEL, DIM) as opened:
        yield opened


def content(database):
    """{name: (mean, count)} of all speakers."""
    ids = database.changed_since(-1).tolist()
    names = database.names(ids)
    return {
        names[x]: (mean.tolist(), n)
        for block in database.means(ids)
        for x, mean, n in zip(block[0].tolist(), block[1], block[2].tolist(), strict=True)
    }


def raw(path, *statements):
    with closing(sqlite3.connect(path)) as connection, connection:
        return [connection.execute(statement).fetchall() for statement in statements]


def test_what_is_added_is_there_after_reopening(database, path):
    database.add({"ann": [utterance("a", 1, 2, 3, 4), utterance("b", 3, 2, 1, 0)], "Zoë": [utterance("a")]})
    database.close()
    with SpeakerDatabase(path) as again:
        assert content(again) == {"ann": ([2, 2, 2, 2], 2), "Zoë": ([1, 2, 3, 4], 1)}
        assert len(again) == 2 and (again.fingerprint, again.dim) == (MODEL, DIM)
        ann, zoe = again.speakers()
        assert (ann.name, ann.n_utterances, ann.duration_s) == ("ann", 2, 5.0) and zoe.name == "Zoë"
        assert ann.enrolled_at[-6:] == "+00:00"
    assert sorted(x.name for x in path.parent.iterdir()) == [path.name]


def test_more_audio_updates_and_the_same_source_replaces(database):
    database.add({"ann": [utterance("a", 0, 0, 0, 0)]})
    database.add({"ann": [utterance("b", 4, 4, 4, 4)]})
    assert content(database)["ann"] == ([2, 2, 2, 2], 2)
    assert database.add({"ann": [utterance("a", 2, 2, 2, 2)], "bo": [utterance("a")]}) == 1
    assert content(database)["ann"] == ([3, 3, 3, 3], 2)
    database.add({"Zoë".encode().decode(): [utterance("a")], "Zoe\u0308": [utterance("b")]})
    assert content(database)["Zoë"][1] == 2, "one name, however it is typed"


def test_an_addition_is_whole_or_not_at_all(database):
    database.add({"ann": [utterance("a")]})
    before, state = content(database), database.state()
    for bad, error in (
        ({"bob": [utterance("a"), utterance("b", 1, 2, 3)]}, "b: expected a finite embedding of 4 dimensions"),
        ({"ann": [utterance("b")], "bob": [utterance("x", 1, 2, np.nan, 4)]}, "x: expected a finite embedding"),
        ({"ann": [utterance("b")], " ": [utterance("c")]}, "printable characters, got ' '"),
        ({"bob": [EnrolledUtterance("x", math.inf, np.ones(DIM))]}, "x: expected a length in seconds, got inf"),
        ({"bob": [EnrolledUtterance("x", math.nan, np.ones(DIM))]}, "x: expected a length in seconds, got nan"),
    ):
        with pytest.raises(DataError, match=error):
            database.add(bad)
        assert content(database) == before and database.state() == state
    with pytest.raises(ValueError, match="expected an utterance of 'bob', got none"):
        database.add({"bob": []})
    assert content(database) == before


def test_a_length_of_numpys_is_a_length(database):
    database.add({"ann": [EnrolledUtterance("a", np.float32(2.5), np.ones(DIM))]})
    assert database.speakers()[0].duration_s == 2.5


def test_another_thread_may_go_on(database):
    with ThreadPoolExecutor(1) as pool:
        pool.submit(database.add, {"ann": [utterance("a")]}).result()
    assert list(content(database)) == ["ann"]


@pytest.mark.parametrize("name", ["", " ann", "ann ", "a\nb", "a\0b", "\udcff", "unknown", "\u200b"])
def test_odd_names(name):
    with pytest.raises(DataError, match="expected a speaker's name"):
        check_name(name)


def test_changes_can_be_followed(database):
    epoch, first = database.state()
    database.add({"ann": [utterance("a")], "bob": [utterance("a")]})
    assert database.state() == (epoch, first + 1)
    database.add({"bob": [utterance("b")]})
    assert database.names(database.changed_since(first + 1).tolist()).keys() == {2}
    assert database.changed_since(first).tolist() == [1, 2] and not len(database.changed_since(first + 2))
    database.remove(["ann"])
    assert database.state()[0] != epoch and database.state()[1] == first + 3
    database.add({"ann": [utterance("a")]})
    assert database.changed_since(-1).min() == 2, "the id of a removed speaker is never used again"


def test_more_speakers_than_a_query_takes(database):
    database.add({f"{i}": [utterance("a", i, i, i, i), utterance("b", -i, 0, 0, 0)] for i in range(2000)})
    found = content(database)
    assert len(found) == 2000 and found["1999"] == ([0, 999.5, 999.5, 999.5], 2)


def test_a_reader_sees_one_state(database, path):
    database.add({"ann": [utterance("a")]})
    with SpeakerDatabase(path) as other:
        with other.reading():
            before = other.state()
            database.add({"bob": [utterance("a")]})
            assert other.state() == before and len(other) == 1
        assert len(other) == 2


def test_removal_leaves_no_trace(database, path):
    secret = np.float32([1234.5, -77.25, 3e-5, 8.125])
    database.add({f"s{i}": [utterance("a", *(i + np.arange(4)))] for i in range(500)})
    database.add({"carol": [utterance("/home/carol/voice.wav", *secret)], "dave": [utterance("a", *secret[::-1])]})
    assert any(secret.tobytes() in file.read_bytes() for file in path.parent.iterdir())
    database.remove(["carol"])
    for file in path.parent.iterdir():
        kept = file.read_bytes()
        assert secret.tobytes() not in kept and b"carol" not in kept, file
    assert "carol" not in content(database) and len(database) == 501
    assert raw(path, "PRAGMA integrity_check", "PRAGMA foreign_key_check") == [[("ok",)], []]


def test_removal_while_somebody_reads_warns(database, path, monkeypatch):
    database.add({"ann": [utterance("a")], "bob": [utterance("a")]})
    database._connection.execute("PRAGMA busy_timeout = 50")
    with SpeakerDatabase(path) as other, other.reading():
        other.state()
        with pytest.warns(PysidWarning, match=r"others are reading, so speakers.db-wal holds traces"):
            database.remove(["ann"])
    assert list(content(database)) == ["bob"]


def test_nobody_is_removed_if_one_name_is_wrong(database):
    database.add({"ann": [utterance("a")], "bob": [utterance("a")]})
    for names, hint in ((["bob", "anne"], "'anne', but there is 'ann'"), (["bob", "xyz"], "'xyz'$")):
        with pytest.raises(DataError, match=f"speakers.db: no speaker is called {hint}"):
            database.remove(names)
    assert len(database) == 2


def test_another_model(database, path):
    other = "fedcba9876543210"
    message = r"speakers.db: its speakers were enrolled with another model \(01234567, not fedcba98\)"
    with pytest.raises(DataError, match=message):
        SpeakerDatabase.create(path, other, DIM)
    with pytest.raises(DataError, match=message):
        database.require_model(other)
    database.require_model(MODEL)


BAD_FILES = {
    "missing": (lambda path: None, "no such speaker database: make one with pysid enroll"),
    "folder": (lambda path: path.mkdir(), "expected a speaker database, got a folder"),
    "text": (lambda path: path.write_text("ann a.wav\n" * 200), "expected a speaker database, got a file of another"),
    "empty": (lambda path: path.touch(), "expected a speaker database, got an empty one"),
    "foreign": (
        lambda path: raw(path, "CREATE TABLE t (x)"),
        "expected a speaker database, got another SQLite database",
    ),
}


@pytest.mark.parametrize(("make", "message"), BAD_FILES.values(), ids=BAD_FILES)
def test_bad_files(path, make, message):
    make(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(DataError, match=f"^{path}: {message}"):
        SpeakerDatabase(path)
    assert (path.read_bytes() if path.is_file() else None) == before
    if path.is_file() and before:
        with pytest.raises(DataError, match=f"^{path}: {message}"):
            SpeakerDatabase.create(path, MODEL, DIM)
        assert path.read_bytes() == before, "what is not ours is left alone"


def test_an_empty_file_becomes_a_database(path):
    path.touch()
    with SpeakerDatabase.create(path, MODEL, DIM) as database:
        assert len(database) == 0


def test_a_newer_version(database, path):
    database.close()
    raw(path, "PRAGMA user_version = 2")
    with pytest.raises(DataError, match="expected a speaker database of version 1, got 2: use a newer pysid"):
        SpeakerDatabase(path)


def test_damage_is_said(database, path):
    database.add({f"s{i}": [utterance("a")] for i in range(2000)})
    database.close()
    pristine = path.read_bytes()
    path.write_bytes(pristine[:16384] + bytes(len(pristine) - 16384))
    with pytest.raises(DataError, match="the database is damaged"), SpeakerDatabase(path) as opened:
        content(opened)
    path.write_bytes(pristine)
    raw(path, "UPDATE utterance SET vector = x'00' WHERE id = 7")
    with pytest.raises(DataError, match="expected vectors of 4 dimensions"), SpeakerDatabase(path) as opened:
        content(opened)


def test_a_lock_that_is_never_let_go(database, path, monkeypatch):
    monkeypatch.setattr(database_file, "BUSY_S", 0.05)
    with database.writing(), SpeakerDatabase(path) as other:
        assert len(other) == 0, "readers do not wait"
        with pytest.raises(DataError, match=r"another process has kept the database locked for 0.05 s"):
            other.add({"ann": [utterance("a")]})


def test_voices_are_for_their_owner_only(database, path):
    database.add({"ann": [utterance("a")]})
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


READ_ONLY = """
import os, sys
import numpy as np
from pysid.speakers.database import EnrolledUtterance, SpeakerDatabase
if os.geteuid() == 0:  # root may write everywhere
    os.setgid(65534)
    os.setuid(65534)
with SpeakerDatabase(sys.argv[1]) as database:
    print(len(database), [x.name for x in database.speakers()])
    database.add({"bob": [EnrolledUtterance("a", 1.0, np.zeros(4))]})
"""


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs Unix users")
def test_a_read_only_folder():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speakers.db"
        with SpeakerDatabase.create(path, MODEL, DIM) as database:
            database.add({"ann": [utterance("a")]})
        path.chmod(0o444)
        os.chmod(folder, 0o555)
        result = subprocess.run([sys.executable, "-c", READ_ONLY, path], capture_output=True, text=True, check=False)
        os.chmod(folder, 0o755)
        assert result.stdout == "1 ['ann']\n", result.stderr
        assert f"DataError: {path}: the database, or its folder, cannot be written\n" in result.stderr


WRITER = f"""
import sys
import numpy as np
from pysid.speakers.database import EnrolledUtterance, SpeakerDatabase
path, me, n = sys.argv[1], sys.argv[2], int(sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
with SpeakerDatabase.create(path, {MODEL!r}, {DIM}) as database:
    for i in range(n):
        x = [EnrolledUtterance(f"{{me}}-{{i}}-{{j}}", 1.0, np.full({DIM}, i, np.float32)) for j in range(2)]
        database.add({{f"{{me}}-{{i}}": x, "everybody": x}})
        print(i, flush=True)
        if i % 5 == 4:
            database.remove([f"{{me}}-{{i}}"])
"""


def start_writer(path, name, n):
    command = [sys.executable, "-c", WRITER, str(path), name, str(n)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    return process


def go(process):
    process.stdin.write("\n")
    process.stdin.flush()


def test_several_processes_enrol_and_remove_at_once(path):
    names, n = ["p", "q", "r"], 20
    processes = [start_writer(path, name, n) for name in names]
    for process in processes:  # all make the database at the same moment
        go(process)
    for process in processes:
        process.communicate(timeout=60)
        assert process.returncode == 0
    with SpeakerDatabase(path) as database:
        found = content(database)
        kept = [i for i in range(n) if i % 5 != 4]
        assert found.keys() == {"everybody"} | {f"{name}-{i}" for name in names for i in kept}
        assert all(found[f"{name}-{i}"] == ([i] * DIM, 2) for name in names for i in kept)
        assert found["everybody"][1] == 2 * n * len(names)
        assert database.state()[1] == len(names) * (n + n // 5), "no change was lost"


@pytest.mark.parametrize("delay_s", [0.0, 0.003, 0.01, 0.03, 0.1, 0.25])
def test_a_process_killed_at_any_moment(path, delay_s):
    process = start_writer(path, "p", 100_000)
    go(process)
    time.sleep(delay_s)
    process.send_signal(signal.SIGKILL)
    said = process.communicate(timeout=60)[0].split()
    with SpeakerDatabase.create(path, MODEL, DIM) as database:
        found = content(database)
        everybody = found.pop("everybody", ([], 0))[1]
        assert everybody % 2 == 0 and everybody // 2 >= len(said), "what was said to be done is kept"
        assert all(n == 2 for _, n in found.values()), "both utterances or none"
        database.add({"ann": [utterance("a")]})
        assert "ann" in content(database)
    assert raw(path, "PRAGMA integrity_check", "PRAGMA foreign_key_check") == [[("ok",)], []]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE state SET dim = 'x'",
        "UPDATE state SET dim = -1",
        "UPDATE state SET model = x'00'",
        "UPDATE state SET epoch = 'x'",
        "UPDATE state SET revision = 1e300",
        "UPDATE state SET revision = 9223372036854775807",
        "DELETE FROM state",
        "UPDATE speaker SET name = x'ff' WHERE id = 1",
        "UPDATE speaker SET revision = 'x'",
        "UPDATE utterance SET vector = 'text'",
        "UPDATE utterance SET vector = 7",
        "UPDATE utterance SET vector = x'00'",
        "UPDATE utterance SET vector = CAST(zeroblob(12) || x'0000c07f' AS BLOB)",
        "UPDATE utterance SET duration_s = 9e999",
        "UPDATE utterance SET duration_s = 'long'",
        "UPDATE utterance SET enrolled_at = 5",
        "UPDATE utterance SET enrolled_at = x'ff'",
        "DROP TABLE utterance",
        "ALTER TABLE speaker RENAME COLUMN name TO x",
    ],
)
def test_rows_that_hold_something_else(path, statement):
    """SQLite lets any column hold any type. What is read is right, or refused in one line."""
    with SpeakerDatabase.create(path, MODEL, DIM) as database:
        database.add({"ann": [utterance("a")], "bob": [utterance("b")]})
    raw(path, statement)
    try:
        with SpeakerDatabase(path) as database:
            database.speakers()
            database.names([1, 2])
            found = list(database.means(database.changed_since(-1)))
            database.add({"cat": [utterance("c")]})
            database.remove(["ann"])
    except DataError as error:
        assert str(error).startswith(f"{path}: ") and "\n" not in str(error)
    else:
        assert all(np.isfinite(means).all() for _, means, _ in found)
