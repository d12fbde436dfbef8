"""A folder is claimed by what its content is made with."""

import json

import pytest

from pysid.errors import DataError
from pysid.io.claim import claim, read_claim


def say(changes):
    return "copies made with " + ", ".join(f"{name} {old}, not {new}" for name, (old, new) in changes.items())


def test_a_new_folder_is_claimed(tmp_path):
    path = tmp_path / "new" / "made.json"
    assert read_claim(path) == {}
    claim(path, None, {"seed": 1, "room": {"size": [1, 2]}}, say)
    assert read_claim(path) == {"seed": 1, "room": {"size": [1, 2]}} == json.loads(path.read_text())


def test_what_is_the_same_or_harmless_goes_on(tmp_path):
    path = tmp_path / "made.json"
    claim(path, {"seed": 1, "log": {"steps": 5}}, {"seed": 1, "log": {"steps": 9}}, say, harmless={"log.steps"})
    assert read_claim(path)["log"] == {"steps": 9}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ({"seed": 1}, {"seed": 2}, "seed 1, not 2"),
        ({"room": {"size": 1, "kind": "a"}}, {"room": {"size": 2, "kind": "a"}}, r"room\.size 1, not 2"),
        ({"seed": 1, "old": 3}, {"seed": 1}, "old 3, not None"),
        ({"seed": 1}, {"seed": 1, "new": 3}, "new None, not 3"),
        ({}, {"seed": 1}, "seed None, not 1"),
    ],
)
def test_a_folder_of_something_else_is_refused_and_left_alone(tmp_path, old, new, message):
    path = tmp_path / "made.json"
    claim(path, None, old, say)
    expected = rf"holds copies made with {message}: choose another folder, or remove it$"
    with pytest.raises(DataError, match=expected):
        claim(path, read_claim(path), new, say)
    assert read_claim(path) == old


def test_damaged_files(tmp_path):
    path = tmp_path / "made.json"
    path.write_text("{")
    with pytest.raises(DataError, match=r"made\.json: expected JSON, got Expecting property name"):
        read_claim(path)
    path.write_text("[1]")
    assert read_claim(path) == {}


def test_harmless_changes_are_told_and_a_dry_run_writes_nothing(tmp_path):
    path = tmp_path / "a.json"
    claim(path, None, {"seed": 1}, say)
    found = claim(path, {"seed": 1, "n": 3}, {"seed": 1, "n": 4}, say, harmless={"n"}, dry_run=True)
    assert found == {"n": (3, 4)} and json.loads(path.read_text()) == {"seed": 1}
