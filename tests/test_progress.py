"""Progress: items pass unchanged, and a log gets plain lines now and then."""

import logging
import sys

import pytest

from pysid import progress
from pysid.cli.verbosity import Verbosity
from pysid.progress import LOGGER, bars, reporting, say, track


class Clock:
    """Seconds that go by only when they are told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def command_line(said):
    """Lines go where those of a command go."""


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress.time, "monotonic", clock)
    return clock


def test_items_pass_unchanged_and_the_last_line_counts(capsys, clock):
    assert list(track(["a", "b", "c"], "reading")) == ["a", "b", "c"]
    assert capsys.readouterr() == ("", "reading: 3 of 3 in 0.0 s\n")


def test_lines_come_at_intervals_and_tell_the_time_left(capsys, clock):
    for _ in track(range(4), "reading", total=6, start=2):
        clock.now += 20
    assert capsys.readouterr().err.splitlines() == [
        "reading: 4 of 6, 40 s left",
        "reading: 6 of 6, 0 s left",
        "reading: 6 of 6 in 80.0 s",
    ]


def test_the_total_of_a_list_counts_what_was_done_before(capsys, clock):
    assert list(track(["d", "e"], "reading", start=3)) == ["d", "e"]
    assert capsys.readouterr().err == "reading: 5 of 5 in 0.0 s\n"


def test_of_an_unknown_total(capsys, clock):
    for _ in track(iter("abc"), "reading"):
        clock.now += 31
    assert capsys.readouterr().err.splitlines() == [
        "reading: 1",
        "reading: 2",
        "reading: 3",
        "reading: 3 in 93.0 s",
    ]


def test_nothing_at_all(capsys, clock):
    assert list(track([], "reading")) == []
    assert capsys.readouterr().err == "reading: 0 in 0.0 s\n"


def test_a_failure_passes_and_says_nothing_more(capsys, clock):
    def items():
        yield 1
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        list(track(items(), "reading"))
    assert capsys.readouterr().err == ""


def test_a_terminal_gets_a_bar(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert list(track(range(3), "reading", total=5, start=2)) == [0, 1, 2]
    out, err = capsys.readouterr()
    assert out == "" and "reading" in err and "5/5" in err


def test_say(capsys):
    say("a line")
    assert capsys.readouterr() == ("", "a line\n")


def test_warnings_alone_when_quiet(capsys, monkeypatch):
    Verbosity(quiet=True).apply()
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    say("a line")
    say("a warning", logging.WARNING)
    assert list(track(range(3), "reading")) == [0, 1, 2]
    assert capsys.readouterr() == ("", "a warning\n")


def test_a_hook_hears_it_and_nothing_is_printed(capsys):
    heard = []
    with reporting(lambda *figures: heard.append(figures)), reporting(None):
        assert list(track(["a", "b"], "reading", total=5, start=3)) == ["a", "b"]
        assert list(track(iter("ab"), "writing", weight=lambda _: 2)) == ["a", "b"]
    assert heard == [("reading", n, 5) for n in (3, 4, 5)] + [("writing", n, None) for n in (0, 2, 4)]
    assert capsys.readouterr() == ("", "")
    assert list(track([], "after")) == [] and len(heard) == 6


def test_python_says_nothing_unless_logging_is_asked(capsys, caplog):
    LOGGER.handlers, LOGGER.propagate = [], True
    LOGGER.setLevel(logging.NOTSET)
    bars(False)
    assert list(track("ab", "reading")) == ["a", "b"]
    assert capsys.readouterr() == ("", "") and not caplog.records
    with caplog.at_level(logging.INFO, "pysid"):
        say("a line")
    assert [(x.name, x.getMessage()) for x in caplog.records] == [("pysid", "a line")]
