"""`pysid eval der`."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pysid.io.turns.rttm import write_rttm
from pysid.segments import Segment, Turn

GOLDEN = Path(__file__).parents[1] / "golden" / "md-eval"

REF = {
    "mój_plik": [Turn(Segment(0, 6), "anna"), Turn(Segment(6, 10), "ben")],
    "b": [Turn(Segment(0, 5), "anna"), Turn(Segment(4, 5), "carl")],
}
HYP = {"mój_plik": [Turn(Segment(0, 7), "1"), Turn(Segment(7, 12), "2")], "b": [Turn(Segment(0, 5), "1")]}


@pytest.fixture
def files(tmp_path):
    write_rttm(tmp_path / "ref.rttm", REF)
    write_rttm(tmp_path / "hyp.rttm", HYP)
    return tmp_path / "ref.rttm", tmp_path / "hyp.rttm"


def test_figures(pysid, files):
    outcome = pysid("eval", "der", *files)
    assert outcome.status == 0
    assert outcome.out.splitlines() == [
        "recording  speech s  DER %  missed %  false alarm %  confusion %  JER %",
        "mój_plik      10.00  30.00      0.00          20.00        10.00  32.14",
        "b              6.00  16.67     16.67           0.00         0.00  50.00",
        "TOTAL         16.00  25.00      6.25          12.50         6.25  41.07",
        "",
        "collar: none",
        "overlapping speech: scored",
        "scored time: from the first start to the last end of the turns of REF and HYP",
        "JER: without collar, with overlapping speech, as in dscore; TOTAL is the mean over all reference speakers",
    ]
    assert "warning" not in outcome.err


def test_json(pysid, files, tmp_path):
    pysid("eval", "der", *files, "--json", tmp_path / "new" / "figures.json")
    figures = json.loads((tmp_path / "new" / "figures.json").read_text())
    assert figures["collar_s"] == 0 and figures["uem"] is None and figures["skip_overlap"] is False
    assert list(figures["recordings"]) == ["mój_plik", "b"]
    assert figures["recordings"]["b"] == pytest.approx(
        {
            "speech_s": 6.0,
            "missed_s": 1.0,
            "false_alarm_s": 0.0,
            "confusion_s": 0.0,
            "der": 1 / 6,
            "n_speakers": 2,
            "jer": 0.5,
        }
    )
    assert figures["total"]["der"] == pytest.approx(4 / 16)


def test_options(pysid, files, tmp_path):
    (tmp_path / "all.uem").write_text("mój_plik 1 0 10\nb 1 0 5\n")
    out = pysid("eval", "der", *files, "--collar", 0.25, "--skip-overlap", "--uem", tmp_path / "all.uem").out
    lines = out.splitlines()
    assert lines[1].split()[:5] == ["mój_plik", "9.00", "8.33", "0.00", "0.00"]
    assert lines[2].split()[:3] == ["b", "3.50", "0.00"]
    assert (
        "collar: 0.25 s on each side of a reference boundary, as md-eval's -c 0.25 (pyannote.metrics calls this 0.5)"
        in lines
    )
    assert "overlapping speech: left out, as with md-eval -1" in lines
    assert f"scored time: as in {tmp_path}/all.uem" in lines


@pytest.mark.parametrize("collar", ["0", "0.25"])
def test_md_eval_prints_the_same_percentages(pysid, collar):
    arguments = (GOLDEN / "ref.rttm", GOLDEN / "hyp.rttm", "--uem", GOLDEN / "all.uem", "--collar", collar)
    total = next(line for line in pysid("eval", "der", *arguments).out.splitlines() if line.startswith("TOTAL"))
    result = (GOLDEN / f"collar{collar}-scored.txt").read_text(encoding="utf-8").split("for ALL")[1]
    scored, missed, false_alarm, confusion = (float(n) for n in re.findall(r"TIME = +([\d.]+) secs", result))
    ours = [float(cell) for cell in total.split()[1:6]]
    shares = [100 * x / scored for x in (missed + false_alarm + confusion, missed, false_alarm, confusion)]
    assert ours == pytest.approx([scored, *shares], abs=0.02)


def test_a_folder_of_one_file_a_recording(pysid, files, tmp_path):
    together = pysid("eval", "der", *files).out
    for name, turns in HYP.items():
        write_rttm(tmp_path / "out" / f"{name}.rttm", {name: turns})
    assert pysid("eval", "der", files[0], tmp_path / "out").out == together
    (tmp_path / "out" / "b.rttm").write_text("")  # nobody was found to talk
    outcome = pysid("eval", "der", files[0], tmp_path / "out")
    assert outcome.out.splitlines()[2].split()[:4] == ["b", "6.00", "100.00", "100.00"]
    assert "lacks" not in outcome.err


def test_recordings_in_only_one_of_the_two(pysid, files):
    write_rttm(files[1], {"b": HYP["b"], "z": HYP["b"]})
    outcome = pysid("eval", "der", *files)
    assert outcome.status == 0
    assert outcome.out.splitlines()[1].split() == ["mój_plik", "10.00", "100.00", "100.00", "0.00", "0.00", "100.00"]
    assert outcome.err.splitlines()[:2] == [
        "pysid: warning: the hypothesis lacks 1 of 2 recordings, which count as missed; the first is 'mój_plik'",
        "pysid: warning: 1 of 3 recordings are left out, as the reference lacks them; the first is 'z'",
    ]


def test_rates_without_a_denominator(pysid, files, tmp_path):
    """A recording of the UEM in which nobody talks, but for the hypothesis."""
    (tmp_path / "all.uem").write_text("b 1 0 5\nz 1 0 5\n")
    write_rttm(files[1], {"b": HYP["b"], "z": HYP["b"]})
    outcome = pysid("eval", "der", *files, "--uem", tmp_path / "all.uem", "--json", tmp_path / "j")
    assert outcome.out.splitlines()[2].split() == ["z", "0.00", "100.00", "-", "-", "-", "-"]
    assert json.loads((tmp_path / "j").read_text())["recordings"]["z"]["jer"] is None


LINE = "SPEAKER b 1 0 1 <NA> <NA> a <NA> <NA>\n"
BAD = {
    "no reference": (None, LINE, None, "ref.rttm: cannot read the file: No such file"),
    "no hypothesis": (LINE, None, None, "hyp.rttm: cannot read the file: No such file"),
    "negative": (LINE, LINE.replace("0 1", "0 -1"), None, "hyp.rttm:1: expected a duration in seconds, 0 or more, got"),
    "NaN": (LINE + LINE.replace("0 1", "nan 1"), LINE, None, "ref.rttm:2: expected a start in seconds, 0 or more, got"),
    "no RTTM": ("b 0 1 anna\n", LINE, None, "ref.rttm:1: expected 'SPEAKER recording channel start duration"),
    "UEM": (LINE, LINE, "b 1 3 2\n", "all.uem:1: expected a start before the end, got 3 and 2"),
    "empty UEM": (LINE, LINE, "", "all.uem: expected lines 'recording 1 start end', got none"),
}


def test_a_file_without_turns_is_a_recording_in_which_nobody_talks(pysid, tmp_path):
    """As pysid writes it; it is named after the file."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b.rttm").write_text("")
    (tmp_path / "a" / "b.rttm").write_text(LINE)
    outcome = pysid("eval", "der", tmp_path / "a" / "b.rttm", tmp_path / "b.rttm")
    assert outcome.status == 0 and "b              1.00  100.00" in outcome.out
    outcome = pysid("eval", "der", tmp_path / "b.rttm", tmp_path / "b.rttm")
    assert outcome.status == 0
    (tmp_path / "c.rttm").write_text("")
    outcome = pysid("eval", "der", tmp_path / "c.rttm", tmp_path / "b.rttm")
    assert outcome.status == 0 and "the hypothesis lacks 1 of 1 recordings, which count as missed" in outcome.err


def test_turns_of_other_formats(pysid, tmp_path):
    (tmp_path / "my call.rttm").write_text("SPEAKER my_call 1 0 2 <NA> <NA> anna <NA> <NA>\n")
    (tmp_path / "my call.txt").write_text("0.0\t1.0\t1\n1.0\t2.0\t2\n")
    for other in (
        "my call.eaf",
        "my call.exb",
        "my call.cha",
        "my call.TextGrid",
        "my call.csv",
        "my call.srt",
        "my call.json",
    ):
        assert pysid("convert", tmp_path / "my call.txt", tmp_path / other).status == 0
    for other in sorted(tmp_path.iterdir()):
        outcome = pysid("eval", "der", tmp_path / "my call.rttm", other)
        assert outcome.status == 0 and "my_call" in outcome.out and not outcome.err.count("warning")
        assert ("  0.00  " if other.suffix == ".rttm" else "  50.00  ") in outcome.out
    assert pysid("eval", "der", tmp_path / "my call.eaf", tmp_path / "my call.rttm").status == 0
    (tmp_path / "bad.TextGrid").write_text("x")
    error = pysid("eval", "der", tmp_path / "bad.TextGrid", tmp_path / "my call.rttm").error
    assert error.startswith(f"{tmp_path}/bad.TextGrid: expected ")


@pytest.mark.parametrize(("reference", "hypothesis", "uem", "message"), BAD.values(), ids=BAD)
def test_bad_files(pysid, tmp_path, reference, hypothesis, uem, message):
    paths = [tmp_path / name for name in ("ref.rttm", "hyp.rttm", "all.uem")]
    for path, text in zip(paths, (reference, hypothesis, uem), strict=True):
        if text is not None:
            path.write_text(text)
    options = [] if uem is None else ["--uem", paths[2]]
    outcome = pysid("eval", "der", *paths[:2], *options)
    assert outcome.error.startswith(f"{tmp_path}/{message}")
    assert outcome.err.count("\n") == 1


def test_other_names_of_recordings(pysid, files):
    files[1].write_text(LINE.replace(" b ", " b.wav "))
    error = pysid("eval", "der", *files).error
    assert error == (
        "the hypothesis has none of the recordings of the reference: it begins with 'b.wav', the reference with "
        "'mój_plik'"
    )


@pytest.mark.parametrize("value", ["-0.1", "nan", "inf", "x"])
def test_a_collar_is_a_time(pysid, files, value):
    assert pysid("eval", "der", *files, f"--collar={value}").status == 2


def test_standard_input_is_one_of_the_files(pysid):
    assert 'got "-" more than once' in pysid("eval", "der", "-", "-").err
    assert 'got "-" more than once' in pysid("eval", "eer", "-", "a", "-").err


def test_help_is_quick_and_has_an_example(pysid):
    assert "Example: pysid eval der ref.rttm exp/diarized" in " ".join(pysid("eval", "der", "--help").out.split())
    code = (
        "import sys, pysid.cli.commands\n"
        "print([m for m in ('pyannote', 'pandas', 'scipy', 'torch') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
