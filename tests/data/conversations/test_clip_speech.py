"""Where there is speech in a clip: between clicks, in noise, at any level."""

import numpy as np
import pytest

from pysid.data.conversations.clip_speech import clip_speech
from pysid.io.audio.files import read_audio

RATE = 16000


@pytest.fixture(scope="module")
def words(dev):
    """Two seconds of a voice, loud from the first sample to the last."""
    wave, _ = read_audio(dev / "audio" / "rms-0.ogg", end_s=2.3)
    loud = np.flatnonzero(np.abs(wave) > 600)
    return wave[loud[0] : loud[-1]]


def in_noise(parts, rms=20.0):
    wave = np.concatenate([np.zeros(round(x * RATE)) if isinstance(x, float) else x for x in parts])
    return (wave + rms * np.random.default_rng(0).standard_normal(len(wave))).astype(np.float32)


def bounds(segments):
    return [pytest.approx((s.start_s, s.end_s), abs=0.12) for s in segments]


def test_speech_between_clicks_and_pauses(words):
    click = 15000 * np.hanning(1600) * np.random.default_rng(1).choice([-1, 1], 1600)
    length_s = len(words) / RATE
    wave = in_noise([0.2, click, 0.5, words, 1.0, words, 0.3, words, 0.5, click, 0.2])
    first = 0.8
    second = first + length_s + 1.0
    end = second + 2 * length_s + 0.3
    assert [(first, first + length_s), (second, end)] == bounds(clip_speech(wave, RATE))
    assert len(clip_speech(wave, RATE, inner_pause_s=0.1)) == 3
    assert [(first, end)] == bounds(clip_speech(wave, RATE, inner_pause_s=2.0))


@pytest.mark.parametrize("gain", [0.01, 0.3, 3.0])
def test_the_level_does_not_matter(words, gain):
    wave = in_noise([1.0, words, 1.0, words, 1.0])
    segments = clip_speech(wave, RATE)
    assert len(segments) == 2
    assert clip_speech(np.float32(gain) * wave, RATE) == segments


def test_times_are_hundredths_within_the_clip(words):
    for cut in range(0, 320, 50):
        segment = clip_speech(words[: len(words) - cut], RATE)[-1]
        assert round(100 * segment.end_s) == 100 * segment.end_s
        assert segment.end_s * RATE <= len(words) - cut


def test_nobody_speaks():
    assert clip_speech(np.zeros(RATE, np.float32), RATE) == []
    assert clip_speech(np.ones(100, np.float32), RATE) == []
    assert clip_speech(np.zeros(0, np.float32), RATE) == []
    assert clip_speech(in_noise([3.0]), RATE) == []


def test_a_rate_that_the_detector_does_not_know():
    with pytest.raises(ValueError, match="44100"):
        clip_speech(np.ones(44100, np.float32), 44100)
