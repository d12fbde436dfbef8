"""Additive noises of an utterance as one signal, scaled for speech of unit power.

A noise at a signal-to-noise ratio is scaled by sqrt(10^(-snr/10) P_speech / P_noise). P_speech is a common factor of
all noises of an utterance, so they are added up first, where the noises are read; the device that has the speech
multiplies by sqrt(P_speech). Source: kaldi/src/featbin/wav-reverberate.cc, AddNoise.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from pysid.errors import DataError

EPSILON = float(np.finfo(np.float32).eps)  # in Kaldi's units; a silent noise adds nothing
BLOCK_SAMPLES = 1 << 20  # of a recording, looked at together


class Samples(Protocol):
    """(S,) samples: an array, or what reads those that a slice asks for."""

    def __len__(self) -> int: ...
    def __getitem__(self, place: slice, /) -> np.ndarray: ...


@dataclass(frozen=True)
class Noise:
    """A noise and where it goes.

    Attributes:
        samples: (L,) at int16 scale; what lies past the utterance is not heard.
        snr_db: of the speech over the whole noise, heard or not.
        start: sample of the utterance at which it begins.
        power: mean square of the whole noise, if `samples` are only the part that is heard; None computes it.
    """

    samples: Samples
    snr_db: float
    start: int = 0
    power: float | None = None

    @cached_property
    def gain(self) -> float:
        """The factor of the noise for speech of unit power."""
        power = mean_square(self.samples) if self.power is None else self.power
        return float(np.sqrt(10 ** (-self.snr_db / 10) / (power + EPSILON)))


def add_up(noises: Iterable[Noise], n_samples: int, first: int = 0) -> np.ndarray:
    """The noises of an utterance of unit power, (n_samples,) float32.

    Args:
        noises: from the beginning of the utterance on.
        n_samples: how many are wanted.
        first: sample of the utterance, the first of them.

    >>> add_up([Noise(np.array([30.0, -30.0]), snr_db=20.0, start=1)], n_samples=4).round(3)
    array([ 0. ,  0.1, -0.1,  0. ], dtype=float32)
    """
    total = np.zeros(n_samples, np.float64)
    for noise in noises:
        if noise.start < 0:
            raise DataError(f"expected a noise that starts within the utterance, got one at sample {noise.start}")
        start = max(noise.start, first)
        stop = min(noise.start + len(noise.samples), first + n_samples)
        if start < stop:
            heard = noise.samples[start - noise.start : stop - noise.start]
            total[start - first : stop - first] += noise.gain * heard.astype(np.float64)
    return total.astype(np.float32)


def mean_square(wave: Samples) -> float:
    """The power of a wave (S,), in squared units of it; 0 without samples.

    >>> mean_square(np.array([3.0, -4.0]))
    12.5
    """
    n = len(wave)
    blocks = (wave[start : min(start + BLOCK_SAMPLES, n)] for start in range(0, n, BLOCK_SAMPLES))
    return sum(float(np.sum(np.square(block, dtype=np.float64))) for block in blocks) / n if n else 0.0
