"""`pysid diarize --db`, `--link` and `--exclusive`, and `pysid enroll --from`, on the example meeting."""

import json
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from pysid.diarization import Diarizer
from pysid.errors import Skipped
from pysid.io.audio.files import read_audio, write_audio
from pysid.io.turns.rttm import read_rttm
from pysid.runs.diarize import diarize, list_recordings
from pysid.segments import Turn
from pysid.speakers.database import SpeakerDatabase

MEETING = Path(__file__).parents[2] / "examples" / "conversation" / "meeting.ogg"
TRUTH = MEETING.with_suffix(".rttm")


@pytest.fixture(scope="module")
def halves(tmp_path_factory) -> list[Path]:
    """The meeting in two files; all four speakers are in both."""
    folder = tmp_path_factory.mktemp("halves")
    for name, start_s, end_s in (("monday", 0.0, 41.1), ("tuesday", 41.2, None)):
        wave, rate = read_audio(MEETING, start_s=start_s, end_s=end_s)
        write_audio(folder / f"{name}.wav", wave, rate)
    return [folder / "monday.wav", folder / "tuesday.wav"]


@pytest.fixture(scope="module")
def monday(halves) -> Path:
    """A folder with what is found on Monday, and the true turns."""
    folder = halves[0].parent
    list(diarize(Diarizer.load(), list_recordings([str(halves[0])]), folder, Skipped(), formats=("json", "rttm")))
    lines = TRUTH.read_text().replace("meeting", "monday").partition("SPEAKER monday 1 41")[0]
    (folder / "true.rttm").write_text(lines)
    return folder


@pytest.fixture
def db(pysid, halves, monday, tmp_path) -> Path:
    """Anna and David, as they speak on Monday: she out of JSON, he out of RTTM and the recording."""
    path, turns = tmp_path / "team.db", monday / "monday.json"
    outcome = pysid("enroll", "--db", path, "Anna", "--from", turns, "--speaker", "speaker1")
    assert outcome.status == 0
    assert re.fullmatch(rf"{path}: Anna, [\d.]+ s of speaker1 in {turns} enrolled\n", outcome.out)
    command = ["enroll", "--db", path, "David", halves[0], "--from", monday / "true.rttm"]
    assert pysid(*command, "--speaker", "david").status == 0
    return path


@pytest.mark.slow
def test_speakers_by_name(pysid, db, halves, monday, tmp_path):
    outcome = pysid("diarize", halves[1], "--db", db, "-o", tmp_path, "-f", "rttm,json,html")
    assert outcome.status == 0
    names = [turn.speaker for turn in read_rttm(tmp_path / "tuesday.rttm")["tuesday"]]
    assert names[:5] == ["speaker1", "speaker2", "David", "Anna", "David"] and set(names) == set(names[:4])
    assert re.search(r"^  Anna: \d+\.\d %", outcome.out, re.M)
    document = json.loads((tmp_path / "tuesday.json").read_text())
    found = {speaker["speaker"]: speaker.get("identity") for speaker in document["speakers"]}
    assert found["Anna"]["accepted"] and found["Anna"]["name"] == "Anna" and found["Anna"]["probability"] > 0.5
    assert found["speaker1"] is None or not found["speaker1"]["accepted"]
    page = (tmp_path / "tuesday.html").read_text()
    assert 'value="Anna"' in page and f"{100 * found['Anna']['probability']:.1f} %" in page


@pytest.mark.slow
def test_costs_and_thresholds(pysid, db, halves, monday, tmp_path):
    for options in (["--prior", 1e-12, "--c-fa", 1e30], ["--name-threshold", 1e9]):
        assert pysid("diarize", halves[1], "--db", db, "-o", tmp_path, "-f", "rttm", *options).status == 0
        names = {turn.speaker for turn in read_rttm(tmp_path / "tuesday.rttm")["tuesday"]}
        assert names == {"speaker1", "speaker2", "speaker3", "speaker4"}


def common_s(true: Turn, found: Turn, offset_s: float) -> float:
    """Seconds that turns have in common, where those that are found are counted from `offset_s` on."""
    start_s, end_s = true.segment.start_s - offset_s, true.segment.end_s - offset_s
    return max(0.0, min(end_s, found.segment.end_s) - max(start_s, found.segment.start_s))


@pytest.mark.slow
def test_a_series_of_recordings(pysid, halves, tmp_path):
    """Who comes again has the same name, and nobody who does not."""
    outcome = pysid("diarize", *halves, "--link", "-o", tmp_path, "-f", "rttm,json")
    assert outcome.status == 0
    turns = {x.stem: read_rttm(tmp_path / f"{x.stem}.rttm")[x.stem] for x in halves}
    assert [turn.speaker for turn in turns["monday"][:3]] == ["speaker1", "speaker2", "speaker3"]
    truth = read_rttm(TRUTH)["meeting"]
    who: dict[str, set[str]] = {}
    for name, offset_s in (("monday", 0.0), ("tuesday", 41.2)):
        for speaker in {turn.speaker for turn in turns[name]}:
            shared = {
                true: sum(
                    common_s(t, u, offset_s)
                    for t in truth
                    for u in turns[name]
                    if t.speaker == true and u.speaker == speaker
                )
                for true in ("anna", "ben", "carla", "david")
            }
            who.setdefault(speaker, set()).add(max(shared, key=shared.__getitem__))
    assert all(len(persons) == 1 for persons in who.values()), "no two persons under one name"
    again = {turn.speaker for turn in turns["monday"]} & {turn.speaker for turn in turns["tuesday"]}
    assert len(again) >= 3
    for name, found in turns.items():
        document = json.loads((tmp_path / f"{name}.json").read_text())
        assert {x["speaker"] for x in document["speakers"]} == {turn.speaker for turn in found}


@pytest.mark.slow
def test_exclusive_turns(pysid, halves, tmp_path):
    options = ["--set", "overlap.kind=mixture", "--set", "overlap.min_gain=0", "--set", "overlap.min_share=0"]
    command = ["diarize", halves[0], "-f", "rttm,json", *options]
    assert pysid(*command, "-o", tmp_path / "both").status == 0
    assert pysid(*command, "-o", tmp_path / "one", "--exclusive").status == 0
    document = json.loads((tmp_path / "both" / "monday.json").read_text())
    rows = [(x["start_s"], x["end_s"], x["speaker"]) for x in document["exclusive_turns"]]
    assert rows != [(x["start_s"], x["end_s"], x["speaker"]) for x in document["turns"]]
    alone = read_rttm(tmp_path / "one" / "monday.rttm")["monday"]
    assert rows == [(x.segment.start_s, x.segment.end_s, x.speaker) for x in alone]
    assert all(a.segment.end_s <= b.segment.start_s for a, b in pairwise(alone))


@pytest.mark.slow
def test_a_stranger_called_like_one_who_is_enrolled(pysid, db, halves, monday, tmp_path):
    """Somebody is enrolled as "speaker1", and is not the first to speak on Tuesday."""
    with SpeakerDatabase(db) as database:
        database.remove(["David"])
    command = ["enroll", "--db", db, "speaker1", halves[0], "--from", monday / "true.rttm", "--speaker", "david"]
    assert pysid(*command).status == 0
    assert pysid("diarize", halves[1], "--db", db, "-o", tmp_path, "-f", "rttm").status == 0
    names = [turn.speaker for turn in read_rttm(tmp_path / "tuesday.rttm")["tuesday"]]
    assert names[:5] == ["speaker5", "speaker2", "speaker1", "Anna", "speaker1"]


@pytest.mark.slow
def test_bad_names_and_files(pysid, db, halves, monday, tmp_path):
    turns, rttm, text = monday / "monday.json", monday / "monday.rttm", tmp_path / "x.json"
    text.write_text('{"version": 1, "recording": "x", "duration_s": 1, "speakers": [], "turns": []}')
    errors = {
        (turns, "anna"): f"{turns}: expected the name of a speaker, got 'anna'; those who speak: speaker1, ",
        (rttm, "speaker1"): f"{rttm}: expected JSON of pysid, which holds voices",
        (tmp_path / "none.json", "speaker1"): "none.json: cannot read the file: No such file or directory",
        (text, "speaker1"): f"{text}: expected the name of a speaker, got 'speaker1'; those who speak: nobody",
    }
    for (path, speaker), message in errors.items():
        assert message in pysid("enroll", "--db", db, "Eve", "--from", path, "--speaker", speaker).error
    document = json.loads(turns.read_text())
    del document["model"]
    text.write_text(json.dumps(document))
    assert "expected the embedding of 'speaker1', got none: give the recording as well" in (
        pysid("enroll", "--db", db, "Eve", "--from", text, "--speaker", "speaker1").error
    )
    text.write_text(json.dumps(document | {"model": "0123456789"}))
    assert "got those of 01234567: use that --model" in (
        pysid("enroll", "--db", db, "Eve", "--from", text, "--speaker", "speaker1").error
    )
    command = ["enroll", "--db", db, "Eve", halves[0], "--from"]
    assert "those who speak: speaker1" in pysid(*command, rttm, "--speaker", "eve").error
    (tmp_path / "late.rttm").write_text("SPEAKER monday 1 900 2 <NA> <NA> eve <NA> <NA>\n")
    assert "expected turns within the 41.1 s of" in pysid(*command, tmp_path / "late.rttm", "--speaker", "eve").error
    (tmp_path / "short.rttm").write_text("SPEAKER monday 1 1 0.5 <NA> <NA> eve <NA> <NA>\n")
    assert "expected at least 1 s in which 'eve' talks alone" in (
        pysid(*command, tmp_path / "short.rttm", "--speaker", "eve").error
    )
    write_audio(tmp_path / "silent.wav", np.zeros(48000), 16000)
    outcome = pysid("diarize", tmp_path / "silent.wav", "--db", db, "--link", "-o", tmp_path, "-f", "json")
    assert outcome.status == 0 and json.loads((tmp_path / "silent.json").read_text())["speakers"] == []


def test_wrong_usage(pysid, db, halves, monday, tmp_path):
    turns = monday / "monday.json"
    for command in (
        ["enroll", "--db", db, "Eve"],
        ["enroll", "--db", db, "Eve", "--from", turns],
        ["enroll", "--db", db, "Eve", halves[0], "--speaker", "speaker1"],
        ["enroll", "--db", db, "Eve", *halves, "--from", turns, "--speaker", "speaker1"],
        ["diarize", halves[0], "--db", db, "--prior", 0],
        ["diarize", *halves, "--link", "--resume"],
    ):
        assert pysid(*command).status == 2
    assert "no such speaker database" in pysid("diarize", halves[0], "--db", tmp_path / "no.db").error
