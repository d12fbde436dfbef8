"""Speakers of a diarization as those enrolled: out of JSON, or of the recording and any turns."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pysid.diarization import Diarization
from pysid.diarization.result import Outcome, write_outcome
from pysid.diarization.voices import find_voices
from pysid.errors import DataError
from pysid.frontend import Frontend, analyse_blocks
from pysid.io.audio.files import read_audio, write_audio
from pysid.io.turns.rttm import write_rttm
from pysid.model.speaker_model import SpeakerModel
from pysid.runs.enrol_turns import enrol_speaker
from pysid.segments import Segment, Turn
from pysid.speakers.database import SpeakerDatabase

MEETING = Path(__file__).parents[2] / "examples" / "conversation" / "meeting.ogg"
TURNS = [
    Turn(Segment(0.5, 4.0), "x"),
    Turn(Segment(4.2, 7.0), "y"),
    Turn(Segment(6.0, 6.5), "x"),
    Turn(Segment(7.5, 8.0), "z"),
]


@pytest.fixture(scope="module")
def model():
    return SpeakerModel.load("xvector")


@pytest.fixture(scope="module")
def piece(tmp_path_factory):
    """The first 8 s of the conversation."""
    path = tmp_path_factory.mktemp("audio") / "piece.wav"
    wave, rate = read_audio(MEETING, end_s=8.0)
    write_audio(path, wave, rate)
    return path


@pytest.fixture(scope="module")
def voices(model, piece):
    wave, _ = read_audio(piece, sample_rate=16000)
    features = analyse_blocks(Frontend(replace(model.config.frontend, vad=None)), [wave])
    return find_voices(model, features, TURNS)


@pytest.fixture
def rttm(tmp_path):
    write_rttm(tmp_path / "turns.rttm", {"piece": TURNS})
    return tmp_path / "turns.rttm"


@pytest.fixture
def document(model, voices, tmp_path):
    """What pysid diarize writes of these voices."""
    found = Diarization(TURNS, 8.0, voices=voices, model=model.fingerprint())
    write_outcome("json", tmp_path / "turns.json", Outcome("piece", found, None, None, None, []), None)
    return tmp_path / "turns.json"


def enrolled(path):
    """{name: (seconds, mean vector)}"""
    with SpeakerDatabase(path) as database:
        ids, means, _ = next(database.means(range(1, 9)))
        names = database.names(ids.tolist())
        seconds = {x.name: x.duration_s for x in database.speakers()}
        return {names[int(i)]: (seconds[names[int(i)]], mean) for i, mean in zip(ids, means, strict=True)}


def test_a_voice_out_of_json(model, document, voices, tmp_path):
    clean_s = enrol_speaker(tmp_path / "db", model, "Anna", document, "x")
    (seconds, vector) = enrolled(tmp_path / "db")["Anna"]
    assert clean_s == seconds == pytest.approx(voices[0].clean_s, abs=0.006)
    np.testing.assert_allclose(vector, voices[0].embedding, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("speaker", ["x", "y"])
def test_out_of_the_recording_it_is_the_same(model, piece, rttm, document, speaker, tmp_path):
    heard_s = enrol_speaker(tmp_path / "heard", model, "A", rttm, speaker, piece)
    read_s = enrol_speaker(tmp_path / "read", model, "A", document, speaker)
    assert heard_s == pytest.approx(read_s, abs=0.006)
    (heard, read) = (enrolled(tmp_path / name)["A"][1] for name in ("heard", "read"))
    np.testing.assert_allclose(heard, read, rtol=0, atol=1e-3 * np.abs(read).max())


def test_speech_of_two_at_once_does_not_count(model, piece, tmp_path):
    one, two = TURNS[0], Turn(Segment(2.0, 3.0), "y")
    write_rttm(tmp_path / "alone.rttm", {"piece": [one]})
    write_rttm(tmp_path / "both.rttm", {"piece": [one, two]})
    alone, both = (
        enrol_speaker(tmp_path / f"{x}.db", model, "A", tmp_path / f"{x}.rttm", "x", piece) for x in ("alone", "both")
    )
    assert 0.5 < alone - both < 1.3


def test_several_turns_of_one_person_come_together(model, piece, rttm, document, tmp_path):
    first = enrol_speaker(tmp_path / "db", model, "Anna", rttm, "x", piece)
    second = enrol_speaker(tmp_path / "db", model, "Anna", document, "y")
    with SpeakerDatabase(tmp_path / "db") as database:
        (anna,) = database.speakers()
    assert (anna.name, anna.n_utterances) == ("Anna", 2) and anna.duration_s == pytest.approx(first + second)


@pytest.mark.parametrize(
    ("speaker", "turns", "message"),
    [
        ("w", TURNS, r"turns\.rttm: expected the name of a speaker, got 'w'; those who speak: x, y, z$"),
        ("z", TURNS, r"turns\.rttm: expected at least 1 s in which 'z' talks alone, got 0\.\d\d s$"),
        (
            "x",
            [*TURNS, Turn(Segment(20.0, 21.0), "y")],
            r"turns\.rttm: expected turns within the 8\.0 s of .*later",
        ),
    ],
)
def test_turns_that_will_not_do(model, piece, speaker, turns, message, tmp_path):
    write_rttm(tmp_path / "turns.rttm", {"piece": turns})
    with pytest.raises(DataError, match=message):
        enrol_speaker(tmp_path / "db", model, "A", tmp_path / "turns.rttm", speaker, piece)
    assert not (tmp_path / "db").exists()


def test_a_turn_may_end_a_little_after_the_recording(model, piece, tmp_path):
    write_rttm(tmp_path / "turns.rttm", {"piece": [Turn(Segment(0.5, 8.9), "x")]})
    assert enrol_speaker(tmp_path / "db", model, "A", tmp_path / "turns.rttm", "x", piece) > 3


def test_json_that_will_not_do(model, document, tmp_path):
    plain = json.loads(document.read_text())

    def message(speaker, **changes):
        document.write_text(json.dumps(plain | changes))
        with pytest.raises(DataError) as error:
            enrol_speaker(tmp_path / "db", model, "A", document, speaker)
        assert str(error.value).startswith(f"{document}: ")
        return str(error.value).removeprefix(f"{document}: ")

    with pytest.raises(
        DataError, match=r"turns\.rttm: expected JSON of pysid, which holds voices; with other turns give"
    ):
        enrol_speaker(tmp_path / "db", model, "A", tmp_path / "turns.rttm", "x")
    assert message("w") == "expected the name of a speaker, got 'w'; those who speak: x, y, z"
    assert message("z").startswith("expected the embedding of 'z', got none: give the recording as well")
    assert message("x", model="0123456789abcdef") == (
        f"expected voices of this model ({model.fingerprint()[:8]}), got those of 01234567: use that --model, or give "
        "the recording as well"
    )
    assert not (tmp_path / "db").exists()


def test_a_name_is_checked_before_any_work(model, tmp_path):
    with pytest.raises(DataError, match="name"):
        enrol_speaker(tmp_path / "db", model, "", tmp_path / "none.json", "x", tmp_path / "none.wav")
    with pytest.raises(DataError, match=r"none\.json"):
        enrol_speaker(tmp_path / "db", model, "A", tmp_path / "none.json", "x")


def test_a_voice_again_counts_once_and_that_of_another_meeting_besides(model, document, piece, rttm, tmp_path):
    def n_voices():
        with SpeakerDatabase(tmp_path / "db") as database:
            return database.speakers()[0].n_utterances

    for _ in range(2):
        enrol_speaker(tmp_path / "db", model, "Anna", document, "x")
        assert n_voices() == 1
    plain = json.loads(document.read_text())
    next(x for x in plain["speakers"] if x["speaker"] == "x")["embedding"][0] += 0.5
    document.write_text(json.dumps(plain))  # the same file name, another meeting
    enrol_speaker(tmp_path / "db", model, "Anna", document, "x")
    assert n_voices() == 2
    for _ in range(2):
        enrol_speaker(tmp_path / "db", model, "Anna", rttm, "x", piece)
        assert n_voices() == 3
