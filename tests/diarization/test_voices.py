"""The voices of speakers: of which frames they are made, and how they compare."""

from pathlib import Path

import numpy as np
import pytest

from pysid.diarization.voices import EDGE_S, clean_frames, find_voices
from pysid.frontend import analyse_blocks
from pysid.io.audio.files import read_audio
from pysid.io.turns.rttm import read_rttm
from pysid.model.speaker_model import SpeakerModel
from pysid.segments import Segment, Turn

MEETING = Path(__file__).parents[2] / "examples" / "conversation" / "meeting.ogg"
TURNS = read_rttm(MEETING.with_suffix(".rttm"))["meeting"]


@pytest.fixture(scope="module")
def model():
    return SpeakerModel.load()


@pytest.fixture(scope="module")
def features(model):
    wave, _ = read_audio(MEETING, sample_rate=16000, end_s=58.5)
    return analyse_blocks(model.frontend, [wave])


@pytest.fixture(scope="module")
def turns():
    return [turn for turn in TURNS if turn.segment.end_s < 58.5]


def test_only_clean_frames_count(model, features, turns):
    clean = clean_frames(model, features, turns)
    assert list(clean) == ["anna", "ben", "carla", "david"]
    times = (np.arange(len(features)) + 0.5) * features.shift_s
    for speaker, frames in clean.items():
        others = [turn.segment for turn in turns if turn.speaker != speaker]
        own = [turn.segment for turn in turns if turn.speaker == speaker]
        heard = times[frames]
        assert not any(((heard > x.start_s) & (heard < x.end_s)).any() for x in others)
        inside = [(heard > x.start_s + EDGE_S - 0.011) & (heard < x.end_s - EDGE_S + 0.011) for x in own]
        assert np.any(inside, axis=0).all()
        assert frames.sum() * features.shift_s > 0.6 * sum(x.duration_s for x in own)
    # Ben and David talk at once from 51.04 to 51.74.
    overlap = (times > 51.1) & (times < 51.7)
    assert not clean["ben"][overlap].any() and not clean["david"][overlap].any()


def test_voices_compare_as_recordings_do(model, features, turns):
    voices = find_voices(model, features, turns)
    assert [voice.speaker for voice in voices] == ["anna", "ben", "carla", "david"]
    assert sum(voice.share for voice in voices) == pytest.approx(1.0)
    assert all(voice.snr_db > 10 for voice in voices)
    (anna,) = find_voices(model, features, TURNS[:1], ["anna"])
    llrs = model.scorer().calibration_.transform(
        model.scorer().score(anna.embedding[None], np.stack([voice.embedding for voice in voices]))
    )[0]
    assert llrs.argmax() == 0 and llrs[0] > 5 and llrs[1:].max() < llrs[0] - 5


def test_too_little_to_tell(model, features):
    turns = [Turn(Segment(1.0, 4.0), "anna"), Turn(Segment(1.1, 1.9), "ben"), Turn(Segment(6.0, 6.9), "carla")]
    anna, ben, carla = find_voices(model, features, turns)
    assert anna.embedding is not None and ben.embedding is None and carla.embedding is None
    assert ben.clean_s == 0 and 0 < carla.clean_s < 1
    assert find_voices(model, features, []) == []
    assert find_voices(model, features, turns, ["carla"])[0].speaker == "carla"
