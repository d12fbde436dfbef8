"""Other voices out of recorded ones: another pitch over another vocal tract, most of them in women's range."""

import zlib

import numpy as np
from pcm import PCM, SAMPLE_RATE, ffmpeg, from_pcm, to_pcm

LOWEST_HZ, HIGHEST_HZ = 70, 400
FRAME, HOP = 1024, 320  # samples: 64 and 20 ms
VOICED = 0.55  # least normalised autocorrelation of a voiced frame
LEAST_FRAMES = 10
# Open corpora hold three men for a woman, so three in four new voices are women's.
MENS_HZ, WOMENS_HZ, WOMENS_SHARE = (80.0, 165.0), (165.0, 300.0), 0.75
PITCH_RATIOS = (0.55, 2.1)
TRACT_RATIOS = (0.82, 1.22)  # of the formants
TRACT_POWER = 0.25  # a woman's pitch is 1.75 times a man's, her formants lie 1.15 times as high
TRACT_DEVIATION = 0.06  # of the logarithm: people of one pitch differ so


def median_pitch_hz(wave: np.ndarray) -> float:
    """Median pitch of a waveform (S,) at 16 kHz in Hz, by autocorrelation (Boersma 1993); nan: little is voiced."""
    if len(wave) < FRAME:
        return np.nan
    window = np.hanning(FRAME)
    frames = np.lib.stride_tricks.sliding_window_view(wave.astype(np.float64), FRAME)[::HOP]
    frames = (frames - frames.mean(axis=1, keepdims=True)) * window
    energy = (frames**2).sum(axis=1)
    frames = frames[energy > 0.1 * np.quantile(energy, 0.95)]
    if not len(frames):
        return np.nan
    shortest, longest = SAMPLE_RATE // HIGHEST_HZ, SAMPLE_RATE // LOWEST_HZ
    lags = np.arange(longest)
    of_window = _autocorrelation(window[None])[0, :longest]
    correlation = _autocorrelation(frames)[:, :longest] / of_window
    correlation *= 1 - 0.0006 * lags  # the first period rather than the second
    candidates = correlation[:, shortest:]
    voiced = candidates.max(axis=1) > VOICED
    if voiced.sum() < LEAST_FRAMES:
        return np.nan
    return float(np.median(SAMPLE_RATE / (shortest + candidates[voiced].argmax(axis=1))))


def _autocorrelation(frames: np.ndarray) -> np.ndarray:
    """Of each of `frames` (N, FRAME), from lag 0 on, 1 there."""
    correlation = np.fft.irfft(np.abs(np.fft.rfft(frames, 2 * FRAME)) ** 2)[:, :FRAME]
    return correlation / np.maximum(correlation[:, :1], 1e-9)


def other_voice(speaker: str, pitch_hz: float, seed: int) -> tuple[float, float]:
    """By what factors a speaker's formants and pitch change, the same for all of their clips.

    >>> tract, pitch = other_voice("anna", 120.0, 5)
    >>> 0.82 <= tract <= 1.22 and 0.55 <= pitch <= 2.1
    True
    """
    rng = np.random.default_rng([seed, zlib.crc32(speaker.encode())])
    low, high = WOMENS_HZ if rng.random() < WOMENS_SHARE else MENS_HZ
    pitch = np.clip(np.exp(rng.uniform(np.log(low), np.log(high))) / pitch_hz, *PITCH_RATIOS)
    tract = np.clip(pitch**TRACT_POWER * np.exp(rng.normal(0, TRACT_DEVIATION)), *TRACT_RATIOS)
    return round(float(tract), 3), round(float(pitch), 3)


def with_voice(wave: np.ndarray, tract: float, pitch: float) -> np.ndarray:
    """A waveform (S,) at int16 scale with formants `tract` and pitch `pitch` times as high; it gets 1 / tract as long.

    ffmpeg's rubberband filter moves the pitch and leaves formants alone; playing it at another speed moves both.
    """
    filters = (
        f"asetrate={round(SAMPLE_RATE * tract)},aresample={SAMPLE_RATE},"
        f"rubberband=pitch={pitch / tract:.4f}:formant=preserved:pitchq=quality"
    )
    return from_pcm(ffmpeg(to_pcm(wave), *PCM, "-i", "-", "-af", filters, *PCM))
