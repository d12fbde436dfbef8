"""`pysid convert`."""

import subprocess
import sys
from pathlib import Path

import pytest

from pysid.io.turns.formats import FORMATS, read_turns
from pysid.segments import Segment, Turn

CONVERSATION = Path(__file__).parents[2] / "examples" / "conversation"
TURNS = CONVERSATION / "meeting.rttm"


@pytest.mark.parametrize("kind", FORMATS)
def test_there_and_back(pysid, tmp_path, kind):
    there, back = tmp_path / f"meeting{FORMATS[kind].ending}", tmp_path / "back.rttm"
    outcome = pysid("convert", TURNS, there)
    assert outcome.status == 0 and outcome.out == f"wrote {there}\n"
    assert pysid("convert", there, back).status == 0
    assert back.read_text() == TURNS.read_text()


def test_a_folder(pysid, tmp_path):
    for name in ("a", "b c"):
        pysid("convert", TURNS, tmp_path / f"{name}.TextGrid")
    (tmp_path / "notes.md").write_text("none of them")
    assert pysid("convert", tmp_path, tmp_path / "all.rttm", "--from", "textgrid").status == 0
    assert [x.recording for x in read_turns(tmp_path / "all.rttm")] == ["a", "b_c"]
    outcome = pysid("convert", tmp_path / "all.rttm", tmp_path / "out", "--to", "elan")
    assert outcome.out == f"wrote {tmp_path / 'out' / 'a.eaf'}\nwrote {tmp_path / 'out' / 'b_c.eaf'}\n"
    assert pysid("convert", tmp_path / "out", tmp_path / "all.csv").status == 0
    assert [x.recording for x in read_turns(tmp_path / "all.csv")] == ["a", "b_c"]
    assert (tmp_path / "all.csv").read_text().count("recording,") == 1


def test_nothing_that_is_read_is_written_over(pysid, tmp_path):
    """JSON has embeddings, and subtitles words, that are not written anew."""
    whole, folder = tmp_path / "a.json", tmp_path / "many"
    pysid("convert", TURNS, whole)
    pysid("convert", TURNS, folder, "--to", "srt")
    before = [path.read_bytes() for path in (whole, *folder.iterdir())]
    for source, out, options in ((whole, whole, ()), (folder, folder, ("--to", "srt"))):
        error = pysid("convert", source, out, *options, "--name", "anna=Anna").error
        assert "expected another file to write than those that are read, and this is one" in error
    assert [path.read_bytes() for path in (whole, *folder.iterdir())] == before


def test_names_and_one_at_a_time(pysid, tmp_path):
    source, out = tmp_path / "a.csv", tmp_path / "a.json"
    source.write_text("start,end,speaker\n0,2,a\n2.2,5,a\n4,6,b\n")
    assert pysid("convert", source, out, "--exclusive", "--join", "0.3", "--name", "a=Anna").status == 0
    assert read_turns(out)[0].turns == [Turn(Segment(0, 4), "Anna"), Turn(Segment(4, 6), "b")]


def test_a_name_that_one_of_several_recordings_has(pysid, tmp_path):
    """Into a folder that is to be made, and whose name looks like that of a file."""
    several, out = tmp_path / "several.rttm", tmp_path / "v1.0"
    several.write_text("SPEAKER a 1 0 9 <NA> <NA> x <NA> <NA>\nSPEAKER b 1 0 9 <NA> <NA> y <NA> <NA>\n")
    assert pysid("convert", several, f"{out}/", "--to", "csv", "--name", "y=Ben").status == 0
    assert [read_turns(out / f"{name}.csv")[0].turns[0].speaker for name in "ab"] == ["x", "Ben"]


def test_a_way_out_of_the_folder(pysid, tmp_path):
    source, out = tmp_path / "a.csv", tmp_path / "x" / "out"
    source.write_text("recording,start,end,speaker\n../../evil,0,2,a\n")
    assert "expected an id that can be a file name" in pysid("convert", source, out, "--to", "srt").error
    assert not list(tmp_path.glob("**/evil*"))


def test_bad_input(pysid, tmp_path):
    several, empty = tmp_path / "several.rttm", tmp_path / "empty"
    several.write_text("SPEAKER a 1 0 9 <NA> <NA> x <NA> <NA>\nSPEAKER b 1 0 9 <NA> <NA> y <NA> <NA>\n")
    empty.mkdir()
    for name in ("bad.eaf", "bad.exb", "bad.cha"):
        (tmp_path / name).write_text("<x/>")
    cases = [
        ([tmp_path / "none.srt", tmp_path / "a.rttm"], "none.srt: cannot read the file: No such file or directory"),
        ([tmp_path / "bad.eaf", tmp_path / "a.rttm"], "bad.eaf: expected ELAN's ANNOTATION_DOCUMENT, got 'x'"),
        ([tmp_path / "bad.exb", tmp_path / "a.rttm"], "bad.exb: expected EXMARaLDA's basic-transcription, got 'x'"),
        ([tmp_path / "bad.cha", tmp_path / "a.rttm"], "bad.cha:1: expected '@header:', '*SPEAKER:' or '%tier:', got"),
        ([TURNS, tmp_path / "a.pdf"], "a.pdf: expected a name that ends in one of .rttm, "),
        ([TURNS, empty], f"{empty}: expected the format for the files in this folder, got none"),
        ([several, tmp_path / "a.srt"], "a.srt: a srt file holds one recording, got 2: give a folder"),
        ([empty, tmp_path / "a.rttm"], f"{empty}: expected files of turns (.rttm, "),
        ([several, several, tmp_path / "a.rttm"], f"the recording 'a' is in {several} already"),
        ([TURNS, tmp_path / "a.srt", "--name", "bob=Ben"], "expected the name of a speaker, got 'bob'"),
    ]
    for arguments, message in cases:
        assert message in pysid("convert", *arguments).error
    for options in (["--to", "pdf"], ["--from", "x"], ["--join", "-1"], ["--name", "anna=A", "--name", "anna=B"]):
        assert pysid("convert", TURNS, tmp_path / "a.srt", *options).status == 2
    assert pysid("convert", TURNS).status == 2
    for arguments, message in {
        ("-", tmp_path / "a.csv"): "standard input has no name that tells its format",
        (TURNS, "-"): "standard output has no name that tells its format",
        ("-", "-", tmp_path / "a.csv", "--from", "rttm"): 'got "-" more than once',
    }.items():
        outcome = pysid("convert", *arguments)
        assert outcome.status == 2 and message in " ".join(outcome.err.replace("│", " ").split())


def test_standard_input_to_standard_output(tmp_path):
    line = "SPEAKER meeting 1 1.000 2.500 <NA> <NA> anna <NA> <NA>\n"
    command = [sys.executable, "-m", "pysid", "convert", "-", "-", "--from", "rttm", "--to", "csv"]
    run = subprocess.run(command, input=line, capture_output=True, text=True, check=True)
    assert "anna" in run.stdout and "wrote" not in run.stdout and not (tmp_path / "-").exists()
    again = [*command[:4], "-", "-", "--from", "csv", "--to", "rttm"]
    assert subprocess.run(again, input=run.stdout, capture_output=True, text=True, check=True).stdout == line
