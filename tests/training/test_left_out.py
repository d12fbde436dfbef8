"""What a training goes without is told of, and too much of it is an error."""

from pathlib import Path

import pytest

from pysid.errors import DataError, Skipped
from pysid.training.left_out import tell_left_out, tell_unreadable, write_left_out


def skipped(n: int) -> Skipped:
    result = Skipped()
    for i in range(n):
        result.add(f"u{i}", "a.wav: cannot read\x1b")
    return result


def test_all_is_there(said, tmp_path: Path) -> None:
    tell_unreadable(skipped(0), 0, "data")
    write_left_out(tmp_path, skipped(0))
    assert said.readouterr().err == "" and not list(tmp_path.iterdir())


def test_the_first_are_listed(said) -> None:
    tell_unreadable(skipped(2), 8, "data")
    listed = "".join(f"  u{i}: a.wav: cannot read\\x1b\n" for i in range(2))
    assert said.readouterr().err == f"data: training without 2 of 8 recordings, which cannot be read:\n{listed}"
    tell_left_out(skipped(22), 23, "data", "have no speech")
    lines = said.readouterr().err.splitlines()
    assert lines[0] == "data: training without 22 of 23 recordings, which have no speech:"
    assert len(lines) == 22 and lines[-1] == "  ... and 2 more"


def test_more_than_a_quarter_is_an_error() -> None:
    with pytest.raises(DataError) as error:
        tell_unreadable(skipped(3), 11, "data")
    assert str(error.value) == (
        "data: expected to read at least 75% of the recordings, but 3 of 11 cannot be read; the first is u0: "
        "a.wav: cannot read\\x1b"
    )


def test_the_first_of_several_processes_tells(said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    tell_unreadable(skipped(1), 8, "data")
    assert said.readouterr().err == ""
    with pytest.raises(DataError, match="3 of 8 cannot be read"):
        tell_unreadable(skipped(3), 8, "data")


def test_all_are_in_a_file(tmp_path: Path) -> None:
    write_left_out(tmp_path, skipped(22))
    lines = (tmp_path / "left_out").read_text().splitlines()
    assert len(lines) == 22 and lines[21] == "u21 a.wav: cannot read\\x1b"
    write_left_out(tmp_path, skipped(0))
    assert not (tmp_path / "left_out").exists()
