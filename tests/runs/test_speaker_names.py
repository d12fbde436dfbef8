"""Names that diarizations get from one another, with voices that are known."""

import numpy as np
import pytest

from pysid.backend.calibration import LogisticCalibration
from pysid.backend.chain import CosineBackend
from pysid.backend.projection import Projection
from pysid.diarization.result import Diarization
from pysid.diarization.voices import Identity, Voice
from pysid.runs.speaker_names import linked, with_names
from pysid.segments import Segment, Turn


@pytest.fixture
def cosine():
    backend = CosineBackend.of(Projection.from_parts(None, length_norm=False))
    backend.calibration_ = LogisticCalibration()
    backend.calibration_.scale_, backend.calibration_.offset_ = 20.0, -10.0
    return backend


def recording(**degrees):
    """Speakers who talk one after the other, with voices at angles; None of one that is too short."""
    turns = [Turn(Segment(2.0 * i, 2.0 * i + 1), name) for i, name in enumerate(degrees)]
    vectors = [
        None if x is None else np.array([np.cos(np.radians(x)), np.sin(np.radians(x))]) for x in degrees.values()
    ]
    voices = [Voice(name, vector, 1.0, 0.5, None) for name, vector in zip(degrees, vectors, strict=True)]
    return Diarization(turns, 9.0, voices=voices)


def speakers(found):
    for x in found:
        assert [voice.speaker for voice in x.voices] == x.speakers
    return [x.speakers for x in found]


def test_who_comes_again_keeps_the_name(cosine):
    first, second = recording(speaker1=0, speaker2=90), recording(speaker1=45, speaker2=92, speaker3=-3)
    assert speakers(linked([first, second], cosine)) == [["speaker1", "speaker2"], ["speaker3", "speaker2", "speaker1"]]


def test_who_is_too_short_is_nobody_else(cosine):
    found = linked([recording(speaker1=None), recording(speaker1=0), recording(speaker1=None, speaker2=1)], cosine)
    assert speakers(found) == [["speaker1"], ["speaker2"], ["speaker3", "speaker2"]]
    assert linked([], cosine) == []
    assert linked([Diarization([], 3.0, voices=[])], cosine)[0].turns == []


def test_names_of_those_enrolled_stay(cosine):
    first = recording(speaker2=0, speaker1=60)
    anna = Identity("speaker2", True, 9.0, 9.0, 0.99, None, None)
    first.voices[0] = Voice("speaker2", first.voices[0].embedding, 1.0, 0.5, None, anna)
    found = linked([first, recording(speaker1=0, speaker2=61)], cosine)
    assert speakers(found) == [["speaker2", "speaker1"], ["speaker3", "speaker1"]]


def test_renaming():
    found = with_names(recording(a=0, b=1), {"a": "b", "b": "a"})
    assert [turn.speaker for turn in found.turns] == ["b", "a"] == [voice.speaker for voice in found.voices]
