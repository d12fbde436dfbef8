"""The SQLite file by itself: made once, and what is wrong with it in one line."""

import sqlite3
from contextlib import closing

import pytest

from pysid.errors import DataError
from pysid.speakers.database_file import APPLICATION_ID, VERSION, check_format, connect, make, sqlite_errors


@pytest.fixture
def path(tmp_path):
    return tmp_path / "team.db"


def state(path):
    with closing(connect(path)) as connection:
        return connection.execute("SELECT model, dim, epoch, revision FROM state").fetchall()


def test_it_is_made_once_for_its_owner_alone(path):
    make(path, "a model", 8)
    assert path.stat().st_mode & 0o777 == 0o600
    ((model, dim, epoch, revision),) = state(path)
    assert (model, dim, revision) == ("a model", 8, 0)
    make(path, "another model", 9)  # changes nothing
    assert state(path) == [(model, dim, epoch, revision)]


def test_what_a_killed_process_left_is_made_good(path):
    path.touch()
    make(path, "a model", 8)
    assert len(state(path)) == 1


def test_what_is_removed_is_overwritten_and_takes_its_utterances_along(path):
    make(path, "a model", 2)
    with closing(connect(path)) as connection:
        assert connection.execute("PRAGMA secure_delete").fetchone() == (1,)
        connection.execute("INSERT INTO speaker (name, revision) VALUES ('anna', 1)")
        connection.execute(
            "INSERT INTO utterance (speaker, source, duration_s, enrolled_at, vector) VALUES (1, 'a', 1, '', x'00')"
        )
        connection.execute("DELETE FROM speaker")
        assert connection.execute("SELECT count(*) FROM utterance").fetchone() == (0,)


def test_other_files_are_told_from_it(path):
    with closing(sqlite3.connect(path)) as connection:
        with pytest.raises(DataError, match=r"team\.db: expected a speaker database, got an empty one$"):
            check_format(connection, path)
        connection.execute("CREATE TABLE speaker (name)")
        with pytest.raises(DataError, match=r"expected a speaker database, got another SQLite database$"):
            check_format(connection, path)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        with pytest.raises(DataError, match=r"expected a speaker database, got one whose table 'state' is another$"):
            check_format(connection, path)
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
        with pytest.raises(DataError, match=rf"of version {VERSION}, got {VERSION + 1}: use a newer pysid$"):
            check_format(connection, path)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"no database" * 99, "expected a speaker database, got a file of another kind"), (None, "cannot be opened")],
)
def test_what_sqlite_says_becomes_one_line(path, content, message):
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught, sqlite_errors(path, "enrolling anna: "):
        connect(path)
    assert str(caught.value).startswith(f"{path}: enrolling anna: ") and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("statements", "message"),
    [
        ("CREATE TRIGGER t BEFORE DELETE ON speaker BEGIN SELECT RAISE(IGNORE); END", "a trigger changes, 't'"),
        (
            "ALTER TABLE utterance RENAME TO kept; CREATE VIEW utterance AS SELECT * FROM kept",
            "whose table 'utterance' is another",
        ),
        (  # without the rule that utterances go with their speaker
            "CREATE TABLE u AS SELECT * FROM utterance; DROP TABLE utterance; ALTER TABLE u RENAME TO utterance",
            "whose table 'utterance' is another",
        ),
        ("DROP TABLE state", "whose table 'state' is another"),
    ],
)
def test_a_schema_with_which_a_removed_speaker_may_stay(path, statements, message):
    make(path, "a model", 8)
    with closing(sqlite3.connect(path)) as connection:
        check_format(connection, path)
        connection.executescript(f"{statements}; CREATE TABLE of_another_program (x)")
        with pytest.raises(DataError, match=f"team.db: expected a speaker database, got one .*{message}$"):
            check_format(connection, path)


def test_numbers_without_a_successor_are_damage(path):
    with pytest.raises(DataError, match="the database is damaged"), sqlite_errors(path):
        raise OverflowError
