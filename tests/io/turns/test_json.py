"""Turns as JSON."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pysid.errors import DataError
from pysid.io.turns.json import TurnDetails, format_turns_json, read_turns_json, read_voice
from pysid.segments import Segment, Turn

segments = st.tuples(st.integers(0, 10**8), st.integers(1, 10**6)).map(
    lambda t: Segment(t[0] / 1000, (t[0] + t[1]) / 1000)
)
names = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("json") / "turns.json"


@settings(max_examples=40, deadline=None)
@given(names, st.lists(st.builds(Turn, segments, names), max_size=6), st.integers(0, 10**9))
def test_round_trip(path, recording, turns, duration_ms):
    path.write_text(format_turns_json(recording, turns, duration_ms / 1000), encoding="utf-8")
    assert read_turns_json(path) == (recording, turns, duration_ms / 1000)


def test_the_document():
    turns = [
        Turn(Segment(4.0004, 5.0), "b"),
        Turn(Segment(0.1, 0.3), "Zoë"),
        Turn(Segment(0.2, 0.6), "Zoë"),
        Turn(Segment(0.7, 1.0), "Zoë"),
        Turn(Segment(2.0, 2.0003), "c"),
    ]
    text = format_turns_json("mój plik", turns, 6.00049)
    assert "Zoë" in text and "mój plik" in text
    assert json.loads(text) == {
        "version": 1,
        "recording": "mój plik",
        "duration_s": 6.0,
        "speakers": [{"speaker": "Zoë", "speaking_s": 0.8}, {"speaker": "b", "speaking_s": 1.0}],
        "turns": [
            {"start_s": 4.0, "end_s": 5.0, "speaker": "b"},
            {"start_s": 0.1, "end_s": 0.3, "speaker": "Zoë"},
            {"start_s": 0.2, "end_s": 0.6, "speaker": "Zoë"},
            {"start_s": 0.7, "end_s": 1.0, "speaker": "Zoë"},
        ],
    }


vectors = st.lists(st.floats(-1e3, 1e3, width=32), min_size=1, max_size=4)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.builds(Turn, segments, st.sampled_from("ab")), min_size=1, max_size=6), vectors, st.integers(0, 9999)
)
def test_voices_and_confidences_come_back(path, turns, vector, clean_ms):
    speaker = turns[0].speaker
    details = TurnDetails(
        exclusive=turns[:1],
        speakers={speaker: {"embedding": vector, "clean_s": clean_ms / 1000}},
        confidences=[None, *[0.5] * (len(turns) - 1)],
        model="0123",
    )
    path.write_text(format_turns_json("r", turns, 1.0, details), encoding="utf-8")
    assert read_turns_json(path) == ("r", turns, 1.0), "the turns are as they were"
    voice = read_voice(path, speaker)
    assert (voice.recording, voice.model, voice.clean_s) == ("r", "0123", clean_ms / 1000)
    np.testing.assert_array_equal(voice.embedding, np.array(vector, np.float32))
    document = json.loads(path.read_text())
    assert [turn["confidence"] for turn in document["turns"]] == details.confidences
    assert len(document["exclusive_turns"]) == 1


GOOD = {"version": 1, "recording": "r", "duration_s": 3, "turns": [{"start_s": 0, "end_s": 1, "speaker": "a"}]}


def with_turn(**changes):
    return {**GOOD, "turns": [GOOD["turns"][0], {**GOOD["turns"][0], **changes}]}


BAD = {
    "no JSON": ('{\n"version": 1,,\n}', ":2: expected JSON: Expecting property name"),
    "empty": ("", ": expected JSON, got an empty file"),
    "a list": ("[]", ": expected the document to be an object with 'version'"),
    "no turns": (
        {k: v for k, v in GOOD.items() if k != "turns"},
        ": expected the document to be an object with 'turns'",
    ),
    "version": ({**GOOD, "version": 2}, ": expected version 1, got 2"),
    "kind": ({**GOOD, "recording": 7}, ": expected recording to be text, got '7'"),
    "true": (
        {**GOOD, "duration_s": True},
        ": expected duration_s to be a number, got 'true'",
    ),
    "negative": (
        {**GOOD, "duration_s": -1},
        ": expected duration_s to be seconds, 0 or more, got '-1'",
    ),
    "endless": (with_turn(end_s=1e308), ": expected turns[1].end_s to be seconds, at most 1e+09, got '1e+308'"),
    "NaN": (with_turn(end_s=float("nan")), ": expected turns[1].end_s to be a number, got 'NaN'"),
    "backwards": (with_turn(start_s=2), ": expected turns[1] to start before it ends, got 2.0 and 1.0"),
    "text": (with_turn(start_s="soon"), ": expected turns[1].start_s to be a number, got '\"soon\"'"),
    "a turn": ({**GOOD, "turns": [3]}, ": expected turns[0] to be an object with 'start_s'"),
    "Latin-1": (json.dumps(GOOD).replace('"r"', '"caf\xe9"').encode("latin-1"), ": expected recording to be UTF-8"),
}


@pytest.mark.parametrize(("document", "message"), BAD.values(), ids=BAD)
def test_bad_files(tmp_path, document, message):
    path = tmp_path / "turns.json"
    text = document if isinstance(document, (str, bytes)) else json.dumps(document)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DataError) as caught:
        read_turns_json(path)
    assert str(caught.value).startswith(f"{path}{message}")


def test_no_file(tmp_path):
    with pytest.raises(DataError, match="cannot read the file: No such file"):
        read_turns_json(tmp_path / "none.json")


def test_unknown_keys_do_not_matter(tmp_path):
    (tmp_path / "x").write_text(json.dumps({**GOOD, "model": "x"}))
    assert read_turns_json(tmp_path / "x").turns == [Turn(Segment(0, 1), "a")]
