"""Additive noises of an utterance as one signal, scaled for speech of unit power.

A noise at a signal-to-noise ratio is scaled by sqrt(10^(-snr/10) P_speech / P_noise). P_speech is a common factor of
all noises of an utterance, so they are added up first, where the noises are read; the device that has the speech
multiplies by sqrt(P_speech). Source: kaldi/src/featbin/wav-reverberate.cc, AddNoise.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from pysid.errors import DataError

EPSILON = float(np.finfo(np.float32).eps)  # in Kaldi's units; a silent noise adds nothing


@dataclass(frozen=True)
class Noise:
    """A noise and where it goes.

    Attributes:
        samples: (L,) at int16 scale; what lies past the utterance is not heard.
        snr_db: of the speech over the whole noise, heard or not.
        start: sample of the utterance at which it begins.
        power: mean square of the whole noise, if `samples` are only the part that is heard; None computes it.
    """

    samples: np.ndarray
    snr_db: float
    start: int = 0
    power: float | None = None

    @property
    def gain(self) -> float:
        """The factor of the noise for speech of unit power."""
        power = mean_square(self.samples) if self.power is None else self.power
        return float(np.sqrt(10 ** (-self.snr_db / 10) / (power + EPSILON)))


def add_up(noises: Iterable[Noise], n_samples: int) -> np.ndarray:
    """The noises of an utterance of unit power, (n_samples,) float32.

    >>> add_up([Noise(np.array([30.0, -30.0]), snr_db=20.0, start=1)], n_samples=4).round(3)
    array([ 0. ,  0.1, -0.1,  0. ], dtype=float32)
    """
    total = np.zeros(n_samples, np.float64)
    for noise in noises:
        if noise.start < 0:
            raise DataError(f"expected a noise that starts within the utterance, got one at sample {noise.start}")
        heard = noise.samples[: max(n_samples - noise.start, 0)]
        total[noise.start : noise.start + len(heard)] += noise.gain * heard.astype(np.float64)
    return total.astype(np.float32)


def mean_square(wave: np.ndarray) -> float:
    """The power of a wave (S,), in squared units of it; 0 without samples.

    >>> mean_square(np.array([3.0, -4.0]))
    12.5
    """
    return float(np.mean(np.square(wave, dtype=np.float64))) if wave.size else 0.0
