"""Who spoke when, shown and written: of turns made by hand."""

import base64
import json
import os
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pysid.diarization.result import (
    ALL_FORMATS,
    Diarization,
    Outcome,
    describe_identity,
    details,
    ending_of,
    write_outcome,
)
from pysid.diarization.voices import Identity, Voice
from pysid.errors import DataError
from pysid.io.turns.formats import FORMATS
from pysid.io.turns.rttm import read_rttm
from pysid.metrics.diarization import diarization_error, error_pieces
from pysid.segments import Segment, Turn

TURNS = [
    Turn(Segment(0.5, 2.0), "speaker1"),
    Turn(Segment(1.5, 3.0), "speaker2"),
    Turn(Segment(3.5, 4.0), "speaker2"),
    Turn(Segment(6.0, 7.0), "speaker1"),
]
FOUND = Diarization(TURNS, 8.0)
ANNA = Identity("Anna", True, 3.21, 4.0, 0.981, "Ben", 0.012)


def test_speakers_come_as_they_first_speak():
    assert Diarization([TURNS[1], TURNS[0], TURNS[2]], 8.0).speakers == ["speaker2", "speaker1"]
    assert FOUND.speakers == ["speaker1", "speaker2"]


def test_one_speaker_at_a_time():
    alone = FOUND.exclusive
    assert all(a.segment.end_s <= b.segment.start_s for a, b in pairwise(alone))
    assert sum(turn.segment.duration_s for turn in alone) == pytest.approx(4.0)  # all that is spoken, once
    assert FOUND.turns == TURNS


def test_readers_do_not_see_short_pauses():
    bridged = Turn(Segment(1.5, 4.0), "speaker2")
    assert FOUND.to_read == [TURNS[0], bridged, TURNS[3]]
    assert replace(FOUND, join_s=0.4).to_read == TURNS
    assert replace(FOUND, join_s=9.0).to_read == FOUND.to_read  # somebody else speaks in the other one


def test_it_is_shown_as_a_list():
    assert str(FOUND).splitlines()[:2] == ["     0.50      2.00  speaker1", "     1.50      3.00  speaker2"]
    assert repr(FOUND) == "<Diarization 'recording': 2 speakers, 4 turns in 8.0 s>"
    assert str(Diarization([], 8.0)) == "no speech found"
    page = replace(FOUND, recording="<b>")._repr_html_()
    assert page.startswith("<iframe srcdoc=") and "<b>" not in page and "speaker2" in page


def test_it_gets_the_name_of_a_file_and_none_of_bytes():
    named = FOUND.of(Path("/a/meeting.of.monday.wav"))
    assert (named.recording, named.audio) == ("meeting.of.monday", "/a/meeting.of.monday.wav")
    assert FOUND.of(os.fsdecode(b"/a/caf\xe9.wav")).recording == "café"
    nameless = FOUND.of(b"RIFF", 1)
    assert (nameless.recording, nameless.audio, nameless.channel) == (FOUND.recording, None, 1)
    assert nameless.turns is FOUND.turns and named.channel is None


@pytest.mark.parametrize("kind", ALL_FORMATS)
def test_every_format_by_its_ending(kind, tmp_path):
    path = tmp_path / "new" / f"x{ending_of(kind).upper()}"
    FOUND.save(path)
    text = path.read_text()
    if kind == "html":
        assert "<html" in text and "speaker2" in text
    elif kind == "json":
        assert [turn["speaker"] for turn in json.loads(text)["turns"]] == [turn.speaker for turn in TURNS]
    else:
        read = FOUND.to_read if kind in ("srt", "vtt") else TURNS
        assert text == FORMATS[kind].format("recording", read, 8.0)
    assert [x.name for x in path.parent.iterdir()] == [path.name]


def test_an_ending_that_there_is_not(tmp_path):
    for name in ("x.doc", "rttm", "x"):
        with pytest.raises(DataError) as error:
            FOUND.save(tmp_path / "new" / name)
        message = f"{tmp_path}/new/{name}: expected a name that ends in one of .rttm, "
        assert str(error.value).startswith(message) and str(error.value).endswith(", .html")
    assert not (tmp_path / "new").exists()


def test_turns_of_pyannote():
    pytest.importorskip("pyannote.core")
    annotation = FOUND.to_annotation("meeting")
    assert annotation.uri == "meeting" and FOUND.to_annotation().uri == "recording"
    assert annotation.labels() == ["speaker1", "speaker2"]
    assert annotation.label_duration("speaker2") == pytest.approx(2.0)


def test_json_tells_what_is_known_of_voices():
    embedding = np.array([1 / 3, -2.0], np.float32)
    voices = [
        Voice("speaker1", embedding, 1.2345, 0.55555, 21.26, ANNA),
        Voice("speaker2", None, 0.1, 0.44445, None),
    ]
    known = details(replace(FOUND, voices=voices, confidences=[0.98765, None, 1.0, 0.5], model="f00d"))
    assert known.exclusive == FOUND.exclusive and known.model == "f00d"
    assert known.confidences == [0.988, None, 1.0, 0.5]
    first, second = known.speakers["speaker1"], known.speakers["speaker2"]
    assert (first["share"], first["clean_s"], first["snr_db"]) == (0.5555, 1.23, 21.3)
    np.testing.assert_allclose(first["embedding"], embedding, rtol=5e-7)
    assert first["identity"]["name"] == "Anna" and first["identity"]["runner_up_probability"] == 0.012
    assert second["snr_db"] is second["embedding"] is None and "identity" not in second
    nothing = details(FOUND)
    assert nothing.speakers == {} and nothing.confidences is None and nothing.model is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "98.1 %; then Ben, 1.2 %"),
        ({"runner_up": None, "runner_up_probability": None}, "98.1 %"),
        ({"probability": None, "runner_up_probability": None}, "score 3.21; then Ben"),
        ({"accepted": False, "probability": 0.3}, "not enrolled; nearest Anna, 30.0 %"),
        ({"accepted": False, "probability": None}, "not enrolled; nearest Anna, score 3.21"),
    ],
)
def test_who_it_may_be_in_a_few_words(changes, said):
    voice = Voice("speaker1", None, 0.0, 1.0, None, replace(ANNA, **changes))
    assert describe_identity(voice) == said
    assert describe_identity(replace(voice, identity=None)) == ""


def test_the_page_has_sound_names_and_errors(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(64000, np.int16), 8000)
    sound = base64.b64encode((tmp_path / "a.wav").read_bytes()).decode()
    truth = [Turn(Segment(0.5, 2.0), "anna"), Turn(Segment(1.5, 4.5), "ben")]
    whole = [Segment(0.0, 8.0)]
    counts, errors = diarization_error(truth, TURNS, whole), error_pieces(truth, TURNS, whole)
    found = replace(FOUND, voices=[Voice("speaker1", None, 0.0, 1.0, None, ANNA)])
    write_outcome("html", tmp_path / "a.html", Outcome("talk", found, truth, counts, errors, []), tmp_path / "a.wav")
    page = (tmp_path / "a.html").read_text()
    assert "98.1 %; then Ben" in page and "ben" in page and "talk" in page
    assert sound in page
    assert f"{100 * counts.rates()['DER']:.2f}" in page
    write_outcome("html", tmp_path / "b.html", Outcome("talk", FOUND, None, None, None, []), None)
    bare = (tmp_path / "b.html").read_text()
    assert "DER" not in bare and sound not in bare and "98.1 %" not in bare


def test_rttm_is_read_back(tmp_path):
    replace(FOUND, recording="meeting").save(tmp_path / "x.rttm")
    assert read_rttm(tmp_path / "x.rttm") == {"meeting": TURNS}
