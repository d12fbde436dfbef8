"""`pysid transcript`, on the example conversation and the words that are known of it."""

import csv
import io
import json
import re
import sys
from pathlib import Path

import pytest

from pysid.io.audio.files import read_audio, write_audio
from pysid.io.turns.rttm import read_rttm

CONVERSATION = Path(__file__).parents[2] / "examples" / "conversation"
TURNS, WORDS = CONVERSATION / "meeting.rttm", CONVERSATION / "meeting-words.json"


def test_every_format(pysid, tmp_path):
    pytest.importorskip("docx")
    outcome = pysid("transcript", TURNS, WORDS, "-o", tmp_path, "-f", "txt,srt,vtt,md,json,docx,csv,exmaralda,chat")
    assert outcome.status == 0
    assert outcome.out.splitlines()[0] == "meeting: 266 words of 4 speakers"
    endings = ("txt", "srt", "vtt", "md", "json", "docx", "csv", "exb", "cha")
    assert outcome.out.splitlines()[1:] == [f"wrote {tmp_path / f'meeting.transcript.{x}'}" for x in endings]
    lines = (tmp_path / "meeting.transcript.txt").read_text().splitlines()
    assert lines[0] == (
        "[0:00] anna: Good morning everybody. Have you all seen my message about the outing on Saturday?"
    )
    assert lines[1].startswith("[0:05] ben: I have, and I am coming.") and len(lines) == 19


@pytest.mark.parametrize(("kind", "ending"), [("chat", "cha"), ("exmaralda", "exb")])
def test_there_and_back(pysid, tmp_path, kind, ending):
    """A transcript with speakers of its own gives both the turns and the words."""
    pysid("transcript", TURNS, WORDS, "-o", tmp_path, "-f", f"{kind},txt")
    found = tmp_path / f"meeting.transcript.{ending}"
    outcome = pysid("transcript", found, found, "-o", tmp_path / "back")
    assert outcome.status == 0 and outcome.out.startswith("meeting: 266 words of 4 speakers")
    assert ("without times of their own" in outcome.out) == (kind == "exmaralda")
    lines = [(x / "meeting.transcript.txt").read_text().splitlines() for x in (tmp_path, tmp_path / "back")]
    assert len(lines[0]) == len(lines[1]) == 19 and sum(a != b for a, b in zip(*lines, strict=True)) <= 1
    assert pysid("eval", "der", TURNS, found).status == 0


def test_a_format_that_cannot_be_written_is_told_before_the_work(pysid, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "docx", None)  # as where it is not installed
    outcome = pysid("transcript", "no-such-recording.wav", WORDS, "-o", tmp_path, "-f", "txt,docx")
    assert outcome.status == 1 and "pip install 'pysid[docx]'" in outcome.err
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_place_of_the_folder_is_told_before_the_work(pysid, tmp_path):
    (tmp_path / "file").touch()
    error = pysid("transcript", tmp_path / "none.wav", WORDS, "-o", tmp_path / "file").error
    assert error == f"{tmp_path}/file: expected a folder for the results, got a file"


def test_the_result_of_standard_input_is_called_so(pysid, tmp_path, monkeypatch):
    wave, rate = read_audio(TURNS.with_suffix(".ogg"), end_s=3.0)
    write_audio(tmp_path / "a.wav", wave, rate)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO((tmp_path / "a.wav").read_bytes())))
    assert pysid("transcript", "-", WORDS, "-o", tmp_path, "-n", 1).status == 0
    assert (tmp_path / "stdin.transcript.txt").read_text().startswith("[0:00] speaker1: Good morning")


@pytest.mark.parametrize("option", ["--num-speakers", "--model", "--channel"])
def test_turns_leave_nothing_to_say_of_the_recording(pysid, tmp_path, option):
    outcome = pysid("transcript", TURNS, WORDS, "-o", tmp_path, option, 1)
    assert outcome.status == 2 and "for a recording" in outcome.err


def test_every_word_has_its_speaker(pysid, tmp_path):
    """But for those that ben says while david has begun to speak and goes on: they are given to david."""
    pysid("transcript", TURNS, WORDS, "-o", tmp_path, "-f", "json", "--no-smooth")
    document = json.loads((tmp_path / "meeting.transcript.json").read_text())
    found = {(w["start_s"], w["text"]): u["speaker"] for u in document["utterances"] for w in u["words"]}
    turns = read_rttm(TURNS)["meeting"]
    segments = json.loads(WORDS.read_text())["segments"]
    wrong = {}
    for turn, segment in zip(turns, segments, strict=True):
        for word in segment["words"]:
            speaker = found.pop((word["start"], word["word"].strip()))
            if speaker != turn.speaker:
                wrong[word["word"].strip()] = (turn.speaker, speaker)
    assert not found
    assert wrong == dict.fromkeys(wrong, ("ben", "david")) and set(wrong) <= {"on", "that", "day."}


def test_names(pysid, tmp_path):
    names = ["--name", "anna=Anna Berg", "--name", "ben=Ben"]
    assert pysid("transcript", TURNS, WORDS, "-o", tmp_path, "-f", "csv", *names).status == 0
    with (tmp_path / "meeting.transcript.csv").open(newline="") as file:
        assert {row["speaker"] for row in csv.DictReader(file)} == {"Anna Berg", "Ben", "carla", "david"}
    error = pysid("transcript", TURNS, WORDS, "-o", tmp_path, "--name", "bob=Ben").error
    assert error == "expected the name of a speaker, got 'bob'; those who speak: anna, ben, carla, david"
    for option in ("anna", "=x", "anna=", "anna= "):
        assert pysid("transcript", TURNS, WORDS, "-o", tmp_path, "--name", option).status == 2


def test_words_outside_all_turns(pysid, tmp_path):
    turns = tmp_path / "call.csv"
    turns.write_text("start,end,speaker\n0,3,anna\n")
    outcome = pysid("transcript", turns, WORDS, "-o", tmp_path)
    assert re.match(r"call: 266 words of 1 speaker, 2\d\d of nobody known\n", outcome.out)
    text = (tmp_path / "call.transcript.txt").read_text()
    assert "(nobody known): " in text and text.startswith("[0:00] anna: Good morning everybody.")
    assert "nobody" not in pysid("transcript", turns, WORDS, "-o", tmp_path, "--nearest", 100).out


def test_a_word_that_strays(pysid, tmp_path):
    turns = tmp_path / "call.csv"
    turns.write_text("start,end,speaker\n0,4.4,anna\n4.4,10,ben\n")
    for option, last in (("--smooth", "Saturday?"), ("--no-smooth", "outing")):
        pysid("transcript", turns, WORDS, "-o", tmp_path, option)
        assert (tmp_path / "call.transcript.txt").read_text().splitlines()[0].endswith(last)


@pytest.mark.slow
def test_a_recording_is_diarized_on_the_way(pysid, tmp_path):
    outcome = pysid("transcript", CONVERSATION / "meeting.ogg", WORDS, "-o", tmp_path, "-n", 4)
    assert outcome.status == 0 and outcome.out.startswith("meeting: 266 words of 4 speakers\n")
    assert "speaker1: Good morning everybody." in (tmp_path / "meeting.transcript.txt").read_text()


def test_words_without_times_of_their_own(pysid, tmp_path):
    path = tmp_path / "words.srt"
    path.write_text("1\n00:00:00,800 --> 00:00:05,100\nGood morning everybody. Have you seen my message?\n")
    outcome = pysid("transcript", TURNS, path, "-o", tmp_path)
    assert outcome.out.startswith("meeting: 8 words of 1 speaker, 8 without times of their own, so borders between")


def test_words_from_standard_input(pysid, tmp_path, monkeypatch):
    with WORDS.open() as file:
        monkeypatch.setattr("sys.stdin", file)
        assert pysid("transcript", TURNS, "-", "-o", tmp_path).out.startswith("meeting: 266 words of 4 speakers\n")
    outcome = pysid("transcript", "-", "-", "-o", tmp_path)
    assert outcome.status == 2 and "more than once" in outcome.err


def test_one_word(pysid, tmp_path):
    path = tmp_path / "words.ctm"
    path.write_text("meeting 1 1.0 0.5 Good\n")
    assert pysid("transcript", TURNS, path, "-o", tmp_path).out.startswith("meeting: 1 word of 1 speaker\n")


def test_silence(pysid, tmp_path):
    turns, words = tmp_path / "quiet.rttm", tmp_path / "quiet.json"
    turns.write_text("")
    words.write_text('{"text": "", "segments": [], "language": "en"}')
    assert pysid("transcript", turns, words, "-o", tmp_path).out.startswith("quiet: no words\n")
    assert (tmp_path / "quiet.transcript.txt").read_text() == ""


def test_one_of_several_recordings(pysid, tmp_path):
    turns, words = tmp_path / "all.rttm", tmp_path / "b.json"
    turns.write_text("SPEAKER a 1 0 9 <NA> <NA> x <NA> <NA>\nSPEAKER b 1 0 9 <NA> <NA> y <NA> <NA>\n")
    words.write_text(WORDS.read_text())
    assert pysid("transcript", turns, words, "-o", tmp_path).status == 0
    assert (tmp_path / "b.transcript.txt").read_text().startswith("[0:00] y: Good")
    error = pysid("transcript", turns, WORDS, "-o", tmp_path).error
    assert error == f"{turns}: expected the turns of one recording, or of one called 'meeting-words', got a, b"


def test_bad_input(pysid, tmp_path):
    bad, none = tmp_path / "bad.json", tmp_path / "none.json"
    bad.write_text('{"transcripts": []}')
    cases = {
        (TURNS, none): f"{none}: cannot read the file: No such file or directory",
        (TURNS, bad): f"{bad}: expected a recogniser's JSON: ",
        (TURNS, TURNS): f"{TURNS}: expected the JSON of whisper.cpp, ",
        (tmp_path / "none.rttm", WORDS): "none.rttm: cannot read the file: No such file or directory",
        (bad, WORDS): f"{bad}: expected the document to be an object with 'version', got one with 'transcripts'",
        (tmp_path / "none.wav", WORDS): "none.wav: ",
    }
    for (turns, words), message in cases.items():
        assert message in pysid("transcript", turns, words, "-o", tmp_path / "out").error, (turns, words)
    assert not (tmp_path / "out").exists()
    for options in (["-f", "pdf"], ["--nearest", "-1"], ["-n", "0"]):
        assert pysid("transcript", TURNS, WORDS, *options).status == 2
    assert pysid("transcript", TURNS).status == 2
