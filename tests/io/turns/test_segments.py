"""Turns in the JSON of recognisers that tell speakers."""

import json

import pytest

from pysid.errors import DataError
from pysid.io.turns.cues import RecordingTurns
from pysid.io.turns.formats import read_turns
from pysid.segments import Segment, Turn

WHISPERX = {
    "segments": [
        {"start": 0.5, "end": 2.0, "text": " Good morning.", "words": [], "speaker": "SPEAKER_00"},
        {"start": 2.0, "end": 2.5, "text": " Hm."},
        {"start": 2.25, "end": 4.0, "text": " Hello.", "speaker": "SPEAKER_01"},
    ],
    "word_segments": [],
    "language": "en",
}


def test_segments_with_speakers_are_turns(tmp_path):
    path = tmp_path / "call.json"
    path.write_text(json.dumps(WHISPERX))
    turns = [Turn(Segment(0.5, 2.0), "SPEAKER_00"), Turn(Segment(2.25, 4.0), "SPEAKER_01")]
    assert read_turns(path) == [RecordingTurns("call", turns, None)]
    path.write_text('{"segments": []}')
    assert read_turns(path) == [RecordingTurns("call", [], None)]


@pytest.mark.parametrize(
    ("segment", "message"),
    [
        (
            {"start": 0, "end": 1, "text": "a"},
            "expected segments with 'speaker', as whisperx --diarize writes them, got",
        ),
        ({"start": 0, "speaker": "a"}, "expected segments[0] to be an object with 'end', got one with 'start', 'speak"),
        ({"start": 2, "end": 1, "speaker": "a"}, "expected segments[0] to start before it ends, got 2.0 and 1.0"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, segment, message):
    path = tmp_path / "call.json"
    path.write_text(json.dumps({"segments": [segment]}))
    with pytest.raises(DataError) as caught:
        read_turns(path)
    assert str(caught.value).startswith(f"{path}: {message}")
