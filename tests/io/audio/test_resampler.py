"""Resampling between any two rates: against torchaudio, against tones, piece by piece, in bounded memory."""

import random
import tracemalloc

import numpy as np
import pytest
import torch

from pysid._torchaudio import functional
from pysid.io.audio import resampler
from pysid.io.audio.resampler import HIGHEST_HZ, LOWEST_HZ, Resampler

RATES = [random.Random(seed).randint(LOWEST_HZ, HIGHEST_HZ) for seed in range(200)]


def whole(rates: tuple[int, int], wave: np.ndarray) -> np.ndarray:
    return Resampler(*rates)(wave, 0, 0, Resampler(*rates).length(len(wave)))


@pytest.mark.parametrize("rates", [(44100, 16000), (8000, 16000), (48000, 16000), (22050, 8000), (16000, 44100)])
def test_both_ways_are_torchaudios(rates, monkeypatch):
    wave = np.random.default_rng(0).normal(size=5000).astype(np.float32)
    expected = functional.resample(torch.from_numpy(wave), *rates).numpy()
    np.testing.assert_allclose(whole(rates, wave), expected, atol=1e-6)
    monkeypatch.setattr(resampler, "SMALL_MATRIX", 0)
    np.testing.assert_allclose(whole(rates, wave), expected, atol=1e-4)  # its weights are of single precision


@pytest.mark.slow
def test_any_rate_in_bounded_memory():
    """A tone of 200 Hz comes out as that tone, sample by sample; no rate needs more than a few times its own second."""
    worst, most = 0.0, 0
    for rate in RATES:
        seconds = np.arange(rate // 8) / rate
        wave = np.sin(2 * np.pi * 200 * seconds).astype(np.float32)
        tracemalloc.start()
        found = whole((rate, 16000), wave)
        most = max(most, tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        middle = slice(500, len(found) - 500)  # the filter sees silence beyond the ends
        expected = np.sin(2 * np.pi * 200 * np.arange(len(found)) / 16000)
        worst = max(worst, float(np.abs(found - expected)[middle].max()))
    assert worst < 2e-3  # ripple of the filter's pass band
    assert most < 80e6


@pytest.mark.parametrize("rates", [(44101, 16000), (16001, 16000), (15999, 16000), (767_999, 16000), (44100, 16000)])
def test_pieces_equal_the_whole(rates):
    wave = np.random.default_rng(1).normal(size=rates[0]).astype(np.float32)
    one = Resampler(*rates)
    n = one.length(len(wave))
    expected = one(wave, 0, 0, n)
    for start, stop in [(0, 1), (0, 777), (777, 5000), (5000, n), (n - 1, n)]:
        first, last = one.needs(start, stop)
        piece = one(wave[first : min(last, len(wave))], first, start, stop)
        np.testing.assert_allclose(piece, expected[start:stop], atol=1e-5)


def test_what_lies_above_the_new_band_is_kept_out():
    tone = np.sin(2 * np.pi * 15_000 * np.arange(44_101) / 44_101).astype(np.float32)
    assert np.abs(whole((44_101, 16_000), tone)[800:-800]).max() < 1e-3


@pytest.mark.parametrize("rate", [1, 999, 768_001, 2**31])
def test_rates_beyond_reason_are_refused(rate):
    with pytest.raises(ValueError, match=f"expected a sample rate from 1000 to 768000 Hz, got {rate} Hz"):
        Resampler(rate, 16000)
