"""Noises that no recording is needed for: steady ones, as rooms and machines have them, and short ones."""

import numpy as np
from scipy.signal import butter, lfilter, sosfilt

from pysid.augment.noise import mean_square

MAX_POLE = 0.99  # of the low-pass that colours the steady noise; 0 is white
MAX_CHANGE_DB = 4.0  # standard deviation of its level
BURSTS_PER_S = (0.05, 2.0)
BURST_S = (0.01, 1.5)
BURST_HZ = (40.0, 6000.0)
BREATHS_PER_S = (0.1, 0.7)
BREATH_S = (0.2, 1.5)
RUMBLE_HZ = (20.0, 300.0)  # of breath that meets a microphone
CLICKS_PER_S = (2.0, 25.0)
CLICK_S = (0.001, 0.03)


def steady_noise(n_samples: int, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """(n_samples,) float32 of unit power: noise as in rooms, with a spectrum and changes of level of its own.

    Args:
        n_samples: length.
        sample_rate: Hz.
        rng: draws the spectrum, the level's changes and the samples.
    """
    pole = rng.uniform(0, MAX_POLE)
    hum_hz, width = rng.uniform(50, 2000), rng.uniform(0.9, 0.999)  # a resonance, of a machine or the room
    angle = 2 * np.pi * hum_hz / sample_rate
    white = rng.standard_normal(n_samples, np.float32)
    noise = lfilter([1.0], [1.0, -pole], white)
    resonant = lfilter([1.0], [1.0, -2 * width * np.cos(angle), width**2], white)
    noise = noise / noise.std() + rng.uniform(0, 1) * resonant / resonant.std()
    # Slow changes of its level, limited in dB and in speed.
    depth_db, rate_hz = rng.uniform(0, MAX_CHANGE_DB), _log_uniform((0.2, 5.0), rng)
    knots = rng.standard_normal(int(n_samples / sample_rate * rate_hz) + 2)
    level_db = depth_db * np.interp(np.linspace(0, len(knots) - 1, n_samples), np.arange(len(knots)), knots)
    noise *= 10 ** (level_db / 20)
    return np.asarray(noise / np.sqrt(mean_square(noise)), np.float32)


def bursts(n_samples: int, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """(n_samples,) float32 short noises, each around a frequency of its own, within some dB of unit power.

    Args:
        n_samples: length of the whole.
        sample_rate: Hz.
        rng: draws how many there are, and when.
    """
    result = np.zeros(n_samples, np.float32)
    for _ in range(rng.poisson(n_samples / sample_rate * _log_uniform(BURSTS_PER_S, rng))):
        size = max(2, int(_log_uniform(BURST_S, rng) * sample_rate))
        angle, width = 2 * np.pi * _log_uniform(BURST_HZ, rng) / sample_rate, rng.uniform(0.7, 0.99)
        noise = lfilter([1.0], [1.0, -2 * width * np.cos(angle), width**2], rng.standard_normal(size, np.float32))
        # From a knock, which begins at once and dies away, to a noise that rises and falls.
        time = np.linspace(0, 1, size)
        noise *= (1 - time) ** rng.uniform(1, 6) * time ** rng.uniform(0, 2)
        noise *= 10 ** (rng.normal(0, 5) / 20) / max(np.sqrt(mean_square(noise)), 1e-9)
        _add_somewhere(result, noise, rng)
    return result


def breaths(n_samples: int, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """(n_samples,) float32 bands of noise that rise and fall, like breath close by; each of unit power.

    Args:
        n_samples: length of the whole.
        sample_rate: Hz.
        rng: draws how many there are, and when.
    """
    result = np.zeros(n_samples, np.float32)
    rumble = rng.random() < 0.4
    for _ in range(1 + rng.poisson(n_samples / sample_rate * _log_uniform(BREATHS_PER_S, rng))):
        size = max(2, int(_log_uniform(BREATH_S, rng) * sample_rate))
        high = rng.uniform(80, RUMBLE_HZ[1]) if rumble else rng.uniform(1200, min(7000, 0.45 * sample_rate))
        band = (RUMBLE_HZ[0] if rumble else rng.uniform(800, high / 1.3), high)
        noise = sosfilt(butter(2, band, "bandpass", fs=sample_rate, output="sos"), rng.standard_normal(size))
        noise *= np.sin(np.pi * np.linspace(0, 1, size)) ** rng.uniform(0.5, 2)
        noise /= max(np.sqrt(mean_square(noise)), 1e-9)
        _add_somewhere(result, noise, rng)
    return result


def clicks(n_samples: int, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """(n_samples,) float32 clicks for some seconds, as of keys, a pen or paper; of unit power while they last.

    Args:
        n_samples: length of the whole.
        sample_rate: Hz.
        rng: draws how many there are, and when.
    """
    result = np.zeros(n_samples, np.float32)
    start = int(rng.integers(n_samples))
    stop = min(n_samples, start + int(rng.uniform(0.5, 5.0) * sample_rate))
    at, rate = float(start), _log_uniform(CLICKS_PER_S, rng)
    while at < stop:
        size = min(int(_log_uniform(CLICK_S, rng) * sample_rate) + 2, n_samples - int(at))
        noise = rng.standard_normal(size) * np.exp(-4 * np.arange(size) / size) * 10 ** (rng.normal(0, 6) / 20)
        result[int(at) : int(at) + size] += lfilter([1.0], [1.0, -rng.uniform(-0.6, 0.7)], noise).astype(np.float32)
        at += rng.exponential(sample_rate / rate) + 1
    return result / np.float32(max(np.sqrt(mean_square(result[start:stop])), 1e-9))


def _add_somewhere(result: np.ndarray, noise: np.ndarray, rng: np.random.Generator) -> None:
    """Adds a noise from a random sample on, as far as there is room."""
    start = int(rng.integers(len(result)))
    result[start : start + len(noise)] += noise[: len(result) - start].astype(np.float32)


def _log_uniform(bounds: tuple[float, float], rng: np.random.Generator) -> float:
    return float(np.exp(rng.uniform(*np.log(bounds))))
