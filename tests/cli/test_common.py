"""What several commands share."""

import json
from contextlib import suppress
from pathlib import Path

import pytest
import typer

from pysid.cli.common import check_stdin, choose_workers, put, renamed, report, report_skipped, write_json
from pysid.cli.verbosity import CURRENT
from pysid.errors import DataError, Skipped
from pysid.segments import Segment, Turn

TURNS = [Turn(Segment(0, 1), "speaker1"), Turn(Segment(1, 2), "speaker2"), Turn(Segment(2, 3), "speaker1")]


def speakers(turns):
    return [turn.speaker for turn in turns]


def test_speakers_are_renamed_all_at_once():
    assert speakers(renamed(TURNS, None)) == ["speaker1", "speaker2", "speaker1"]
    swapped = renamed(TURNS, ["speaker1=speaker2", "speaker2=speaker1"])
    assert speakers(swapped) == ["speaker2", "speaker1", "speaker2"]
    assert speakers(renamed(TURNS, ["speaker1= Ann = Bo "])) == ["Ann = Bo", "speaker2", "Ann = Bo"]


@pytest.mark.parametrize("text", ["speaker1", "=Ann", "speaker1=", "speaker1=  ", "speaker1=Ren\udce9"])
def test_what_is_no_renaming(text):
    with pytest.raises(typer.BadParameter, match="expected OLD=NEW"):
        renamed(TURNS, [text])


def test_nobody_is_renamed_unseen():
    with pytest.raises(DataError, match="got 'ann'; those who speak: speaker1, speaker2"):
        renamed(TURNS, ["ann=Ann"])
    with pytest.raises(DataError, match="those who speak: nobody"):
        renamed([], ["ann=Ann"])


def test_a_speaker_has_one_new_name():
    with pytest.raises(typer.BadParameter, match="'speaker1' cannot be both 'Ann' and 'Bo'"):
        renamed(TURNS, ["speaker1=Ann", "speaker1=Bo"])
    assert speakers(renamed(TURNS, ["speaker1=Ann", "speaker1= Ann"])) == ["Ann", "speaker2", "Ann"]


def test_standard_input_is_read_once():
    check_stdin("-", Path("a"), None)
    with pytest.raises(typer.BadParameter, match='standard input can be read once, got "-" more than once'):
        check_stdin("-", Path("a"), Path("-"))


def test_jobs_or_a_cluster_but_not_both():
    workers = choose_workers(3, None, 2, "cuda")
    assert (workers.jobs, workers.cluster, workers.threads, workers.device) == (3, None, 2, "cuda")
    assert choose_workers(None, "tcp://x:1", 1).cluster == "tcp://x:1"
    with pytest.raises(typer.BadParameter, match="--jobs are processes of this machine"):
        choose_workers(1, "tcp://x:1", 1)


def test_figures_for_other_programs(tmp_path, capsys):
    figures = {"eer": 0.1, "file": "caf\udce9", "name": "李"}
    write_json(tmp_path / "f.json", figures)
    text = (tmp_path / "f.json").read_text()
    assert json.loads(text) == figures and "李" in text and text.endswith("}\n")
    print("before")
    write_json("-", {"a": 1})
    assert capsys.readouterr().out == 'before\n{\n  "a": 1\n}\n'
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "nan.json", {"eer": float("nan")})
    assert not (tmp_path / "nan.json").exists()


def test_a_standard_output_that_is_closed_or_full(monkeypatch):
    monkeypatch.setattr("sys.stdout", None)
    with pytest.raises(DataError, match=r"^-: expected an open standard output or error, and it is closed$"):
        write_json("-", {})
    with suppress(OSError), open("/dev/full", "w") as file:  # to close it fails, too
        monkeypatch.setattr("sys.stdout", file)
        for write in (lambda: write_json("-", {}), lambda: put("x")):
            with pytest.raises(OSError, match=r"'standard output'$"):
                write()


def test_nothing_is_said_where_nothing_was_skipped(capsys):
    report_skipped(Skipped(), 3)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("quiet", "shown"), [(False, "asked\ndone\n"), (True, "asked\n")])
def test_quiet_leaves_out_what_was_done_and_not_what_was_asked_for(monkeypatch, capsys, quiet, shown):
    monkeypatch.setattr(CURRENT, "quiet", quiet)
    put("asked")
    report("done")
    assert capsys.readouterr().out == shown
