"""What is heard in a recording of one speaker."""

import shutil

import numpy as np
import pytest

from pysid.errors import DataError, PysidWarning
from pysid.io.audio.files import read_audio
from pysid.model.speaker_model import SpeakerModel
from pysid.speakers.listen import RecordingMeter, Speech, SpeechListener


def test_speech_of_parts_adds_up():
    assert (Speech() + Speech(2.0)).belief == 1 and not (Speech() + Speech(2.0)).is_other_sound
    total = Speech() + Speech(6.0, 1.0, 0.1) + Speech(2.0, 1.0, 0.1)
    assert total == Speech(8.0, 2.0, 0.2) and total.belief == 0.25 and total.is_other_sound
    assert not (total + Speech(1.0, 1.0, 1.0)).is_other_sound  # a few words over music


def test_what_is_believed_decides_what_it_is():
    assert Speech().belief == 1.0 and not Speech(3.0).is_other_sound  # where nobody can tell
    music = Speech(10.0, 1.0, 0.0)
    assert music.belief == 0.1 and music.is_other_sound
    assert not Speech(10.0, 1.0, 5.0).is_other_sound  # a voice is heard for sure in a half of it
    assert not Speech(10.0, 9.0, 0.0).is_other_sound


def test_a_recording_of_speech_and_one_of_nothing(fitted, dev):
    listen = SpeechListener(SpeakerModel.load(fitted))
    heard = listen(dev / "audio" / "slt-0.ogg")
    assert heard.embedding.ndim == 1 and 1 < heard.speech_s <= heard.duration_s
    with pytest.raises(DataError, match=r"^samples: no frames \(no speech found\?\)$"):
        listen((np.zeros(32000), 16000))


def test_little_speech_warns_and_is_said(fitted, dev):
    wave = read_audio(dev / "audio" / "slt-0.ogg")[0][:16000]
    with pytest.warns(
        PysidWarning, match=r"little speech: \d\.\d s, where a decision needs .* decisions are less sure"
    ):
        heard = SpeechListener(SpeakerModel.load(fitted))((wave / 32768, 16000))
    assert heard.faults and heard.faults[0].startswith("little speech")


def test_a_recording_is_known_by_its_samples(fitted, dev, tmp_path):
    listen = SpeechListener(SpeakerModel.load(fitted))
    one, other = (listen(dev / "audio" / f"slt-{i}.ogg").digest for i in range(2))
    assert one != other
    shutil.copy(dev / "audio" / "slt-0.ogg", tmp_path / "renamed.ogg")
    assert listen(tmp_path / "renamed.ogg").digest == one
    assert listen((dev / "audio" / "slt-0.ogg").read_bytes()).digest == one
    meters = RecordingMeter(16000), RecordingMeter(16000)
    wave = read_audio(dev / "audio" / "slt-0.ogg")[0]
    meters[0].feed(wave)
    list(meters[1].passing(np.array_split(wave, 7)))
    assert meters[0].digest() == meters[1].digest()
