"""`pysid page`, on the example conversation and on what is wrong with other people's files."""

import re
from pathlib import Path

import numpy as np
import pytest

from pysid.io.audio.files import read_audio, write_audio

CONVERSATION = Path(__file__).parents[2] / "examples" / "conversation"
MEETING, TRUTH, WORDS = (CONVERSATION / f"meeting{x}" for x in (".ogg", ".rttm", "-words.json"))


@pytest.fixture
def call(tmp_path) -> Path:
    """A recording of 5 s."""
    write_audio(tmp_path / "call.wav", np.random.default_rng(0).normal(scale=1000, size=80000), 16000)
    return tmp_path / "call.wav"


def test_a_page_of_anybodys_turns(pysid, call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    turns, truth = tmp_path / "x.srt", tmp_path / "truth.csv"
    turns.write_text("1\n00:00:00,500 --> 00:00:02,000\nSPEAKER_00\n\n2\n00:00:02,000 --> 00:00:04,000\nSPEAKER_01\n")
    truth.write_text("start,end,speaker\n0.5,2.5,anna\n2.5,4,ben\n")
    outcome = pysid("page", call, turns)
    assert (outcome.status, outcome.out) == (0, "call: 2 speakers, 2 turns in 5.0 s\nwrote call.html\n")
    assert "SPEAKER_01" in (tmp_path / "call.html").read_text()
    out = tmp_path / "new" / "errors.html"
    outcome = pysid("page", call, turns, "--reference", truth, "-o", out, "--name", "SPEAKER_00=Zoë", "--link")
    assert outcome.out == f"call: 2 speakers, 2 turns in 5.0 s, DER 14.29%\nwrote {out}\n"
    page = out.read_text()
    assert "Zoë" in page and "14.29%" in page and "confusion" in page and '"url": "file://' in page


def test_words(pysid, tmp_path):
    out = tmp_path / "x.html"
    assert pysid("page", MEETING, TRUTH, "--words", WORDS, "-o", out, "--name", "anna=Anna Berg").status == 0
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', out.read_text(), re.DOTALL)[1]
    assert '"words": [[0, [[800, 940, "Good", false], ' in data and "Anna Berg" in data
    assert 'id="words"' in out.read_text() and 'id="words"' not in _page(pysid, tmp_path / "y.html")


def _page(pysid, out):
    assert pysid("page", MEETING, TRUTH, "-o", out).status == 0
    return out.read_text()


def test_a_side_of_a_call(pysid, call, tmp_path):
    """Is seen and heard alone, and nothing is said of the other."""
    one, rate = read_audio(call)
    write_audio(
        tmp_path / "two.wav", np.stack([np.random.default_rng(1).normal(scale=3000, size=len(one)), one], 1), rate
    )
    turns = tmp_path / "turns.rttm"
    turns.write_text("SPEAKER call 1 1 2 <NA> <NA> y <NA> <NA>\n")
    pages = {}
    for name, options in (("call", ()), ("two", ("--channel", 1))):
        outcome = pysid("page", tmp_path / f"{name}.wav", turns, "-o", tmp_path / f"{name}.html", *options)
        assert outcome.status == 0 and outcome.err == ""
        pages[name] = re.search('"peaks": "(.*?)"', (tmp_path / f"{name}.html").read_text())[1]
    assert pages["two"] == pages["call"]
    error = pysid("page", tmp_path / "two.wav", turns, "-o", tmp_path / "x.html", "--channel", 2).error
    assert error == f"{tmp_path}/two.wav: expected a channel of the file (0 to 1), got 2"


def test_one_recording_of_many(pysid, call, tmp_path):
    turns = tmp_path / "all.rttm"
    turns.write_text("SPEAKER a 1 0 1 <NA> <NA> x <NA> <NA>\nSPEAKER call 1 1 2 <NA> <NA> y <NA> <NA>\n")
    assert pysid("page", call, turns, "-o", tmp_path / "x.html").out.startswith("call: 1 speaker, 1 turn in 5.0 s")
    turns.write_text(turns.read_text().replace("call", "b"))
    assert "or of one called 'call', got a, b" in pysid("page", call, turns, "-o", tmp_path / "x.html").error


def test_bad_input(pysid, call, tmp_path):
    good, bad = tmp_path / "good.rttm", tmp_path / "bad.rttm"
    good.write_text("SPEAKER call 1 1 2 <NA> <NA> y <NA> <NA>\n")
    bad.write_text("SPEAKER call 1 1\n")
    late = tmp_path / "late.rttm"
    late.write_text("SPEAKER call 1 3600 2 <NA> <NA> y <NA> <NA>\n")
    errors = {
        (tmp_path / "no.wav", good): "no.wav: cannot read the file: No such file",
        (good, good): "good.rttm: expected an audio file",
        (call, tmp_path / "no.rttm"): "no.rttm: cannot read the file: No such file or directory",
        (call, bad): f"{bad}:1: expected ",
        (call, call): "expected a name that ends in one of .rttm",
        (call, good, "--reference", bad): f"{bad}:1: expected ",
        (call, good, "--words", bad): f"{bad}: expected the JSON of whisper.cpp, ",
        (call, late): f"{late}: expected turns within the 5.0 s of call, got later ones",
        (call, good, "--reference", late): f"{late}: expected turns within the 5.0 s of call, got later ones",
        (call, good, "--name", "x=Anna"): "expected the name of a speaker, got 'x'; those who speak: y",
    }
    for arguments, message in errors.items():
        assert message in pysid("page", *arguments, "-o", tmp_path / "x.html").error, arguments
    assert not (tmp_path / "x.html").exists()
    assert pysid("page", call).status == 2 and pysid("page", call, good, "--name", "y").status == 2


def test_a_reference_of_another_recording_is_told(pysid, call, tmp_path):
    ours, truth, table = tmp_path / "ours.rttm", tmp_path / "truth.rttm", tmp_path / "truth.csv"
    ours.write_text("SPEAKER call 1 1 2 <NA> <NA> y <NA> <NA>\n")
    truth.write_text("SPEAKER other 1 1 2 <NA> <NA> y <NA> <NA>\n")
    table.write_text("start,end,speaker\n1,3,anna\n")
    out = tmp_path / "x.html"
    outcome = pysid("page", call, ours, "--reference", truth, "-o", out)
    assert outcome.status == 0 and f"{truth} is of 'other', and {ours} of 'call'" in outcome.err
    for same in (ours, table):
        assert not pysid("page", call, ours, "--reference", same, "-o", out).err
