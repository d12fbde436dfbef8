import tracemalloc
from itertools import pairwise

import numpy as np
import pytest
import soundfile

from pysid.report import waveform
from pysid.report.waveform import MAX_PEAKS, waveform_peaks


def write(path, samples, rate=8000):
    soundfile.write(path, samples, rate)
    return path


@pytest.mark.parametrize("n_samples", [1, 79, 80, 8000, 24_001])
@pytest.mark.parametrize("max_peaks", [1, 7, 1000])
def test_every_peak_is_that_of_its_piece(tmp_path, monkeypatch, n_samples, max_peaks):
    monkeypatch.setattr(waveform, "BLOCK_S", 0.7)  # no whole number of pieces
    samples = np.random.default_rng(n_samples).normal(0, 3000, n_samples).astype(np.int16)
    peaks = waveform_peaks(write(tmp_path / "a.wav", samples), max_peaks)
    assert len(peaks) == min(max_peaks, max(1, n_samples // 80))
    edges = np.arange(len(peaks) + 1) * n_samples // len(peaks)
    pieces = [samples[a:b].astype(float) for a, b in pairwise(edges)]
    expected = np.array([[piece.min(), piece.max()] for piece in pieces])
    full = np.quantile(np.abs(expected).max(axis=1), 0.998)
    np.testing.assert_array_equal(peaks, np.clip(np.rint(127 * expected / full), -127, 127))


def test_a_knock_does_not_flatten_the_rest(tmp_path):
    samples = 0.05 * np.sin(np.arange(80_000))
    samples[40_000] = 1.0
    peaks = waveform_peaks(write(tmp_path / "a.wav", samples))
    assert peaks.max() == 127 and np.median(peaks[:, 1]) > 110


def test_a_single_click_is_seen(tmp_path):
    samples = np.zeros(80_000)
    samples[40_000] = 0.5
    peaks = waveform_peaks(write(tmp_path / "a.wav", samples))
    assert peaks[500, 1] == 127 and np.abs(peaks).sum() == 127


def test_silence(tmp_path):
    assert not waveform_peaks(write(tmp_path / "a.wav", np.zeros(8000))).any()


def test_channels_are_averaged(tmp_path):
    wave = np.random.default_rng(0).integers(-3000, 3000, 8000).astype(np.int16)
    mean = waveform_peaks(write(tmp_path / "m.wav", 2 * wave))
    both = waveform_peaks(write(tmp_path / "a.wav", np.stack([wave, 3 * wave], axis=1)))
    np.testing.assert_array_equal(both, mean)


def test_a_channel_is_seen_alone(tmp_path):
    one, other = np.random.default_rng(0).integers(-3000, 3000, (2, 8000)).astype(np.int16)
    alone = waveform_peaks(write(tmp_path / "m.wav", other))
    np.testing.assert_array_equal(
        waveform_peaks(write(tmp_path / "a.wav", np.stack([one, other], 1)), channel=1), alone
    )


def test_a_long_recording_takes_little_memory(tmp_path):
    with soundfile.SoundFile(tmp_path / "a.wav", "w", 8000, 1) as file:
        for _ in range(60):
            file.write(np.full(8000 * 20, 0.1))
    tracemalloc.start()
    peaks = waveform_peaks(tmp_path / "a.wav")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(peaks) == MAX_PEAKS
    assert most < 4_000_000  # the recording is 38 MB in float32
