"""The measures of sound: by what is done to it, and in blocks of any lengths."""

import math

import numpy as np
import pytest

from pysid.frontend.quality import QualityMeter, SignalQuality
from pysid.io.audio.resampler import Resampler

RATE = 16000


def measured(wave: np.ndarray, *cuts: int) -> SignalQuality:
    meter = QualityMeter(RATE)
    for block in np.split(wave.astype(np.float32), cuts):
        meter.feed(block)
    return meter.finish()


@pytest.fixture(scope="module")
def voice() -> np.ndarray:
    """Five seconds of noise with the slope of speech, about 6 dB an octave, and its pauses."""
    noise = np.random.default_rng(0).normal(size=5 * RATE)
    spectrum = np.fft.rfft(noise)
    frequency = np.fft.rfftfreq(len(noise), 1 / RATE)
    shaped = np.fft.irfft(spectrum / np.maximum(frequency / 500, 1), len(noise))
    loud = np.sin(np.arange(len(noise)) / RATE * 2 * np.pi * 2) > -0.5
    return 2000 * shaped / shaped.std() * (0.01 + loud)


def resampled(wave: np.ndarray, rate: int, new_rate: int) -> np.ndarray:
    resampler = Resampler(rate, new_rate)
    return resampler(wave.astype(np.float32), 0, 0, resampler.length(len(wave)))


def test_ordinary_sound_is_without_fault(voice):
    found = measured(voice)
    assert found.faults() == []
    assert found.clipped < 0.003
    assert found.level_db == pytest.approx(20 * math.log10(2000 / 32768), abs=2)


def test_a_telephone_is_known_by_its_band(voice):
    heard = resampled(np.rint(resampled(voice, RATE, 8000)), 8000, RATE)
    assert measured(heard).faults() == ["narrow band: next to nothing above 5.6 kHz, as over a telephone"]


def test_quiet_sound(voice):
    (fault,) = measured(voice / 100).faults()
    assert fault.startswith("very quiet: -6")


def test_clipped_sound(voice):
    (fault,) = measured(np.clip(20 * voice, -32768, 32767)).faults()
    assert fault.startswith("clipped: ") and fault.endswith(" % of the samples are as high as the highest")


def test_sound_beyond_full_scale_is_clipped_where_it_piles_up_alone(voice):
    for gain in (30, 1000, 1000 * 252):
        assert measured(gain * voice).faults() == []
        clipped = measured(gain * np.clip(20 * voice, -32768, 32767))
        assert clipped.clipped == pytest.approx(measured(np.clip(20 * voice, -32768, 32767)).clipped, rel=0.05)


def test_an_offset_is_no_narrow_band(voice):
    assert measured(voice + 0.3 * 32768).faults() == []


def test_silence_and_nothing_have_no_measures():
    for wave in (np.zeros(RATE), np.zeros(0), np.zeros(100)):
        assert measured(wave) == SignalQuality(-math.inf, -math.inf, 0.0, RATE)
        assert measured(wave).faults() == []
    assert measured(np.full(RATE, 100.0)).faults()  # a constant: no crash, and no sound


def test_blocks_do_not_matter(voice):
    whole, pieces = measured(voice), measured(voice, 1, 700, 701, 30_000)
    assert pieces.upper_band_db == pytest.approx(whole.upper_band_db)
    assert (pieces.level_db, pieces.clipped) == (whole.level_db, whole.clipped)
    rising = voice * np.linspace(1, 300, len(voice))  # beyond full scale in the end
    assert measured(rising, 1, 700, 30_000).clipped == measured(rising).clipped
