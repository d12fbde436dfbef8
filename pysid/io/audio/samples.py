"""Recordings that are in memory already, as streams that whatever reads audio files can read."""

import math
from io import BytesIO

import numpy as np
import soundfile
from numpy.typing import ArrayLike

from pysid.errors import DataError
from pysid.io.audio.reader import peak

SUBTYPES = {"int16": "PCM_16", "int32": "PCM_32", "float32": "FLOAT", "float64": "DOUBLE"}
HIGHEST_PEAK = 16.0  # of samples at a full scale of 1.0: a sum of loud tracks may pass it, int16 scale is far above


class SampleStream(BytesIO):
    """An audio file in memory; `name` stands for it in messages."""

    name = "samples"


def as_stream(samples: ArrayLike, rate: float) -> SampleStream:
    """A recording as the WAV file that would hold it, sample for sample.

    Args:
        samples: (S,) or (S, channels): floats with a full scale of 1.0, or int16 or int32 integers.
        rate: Hz, a whole number.
    Raises:
        DataError: another type, shape, scale or rate.
    """
    wave = np.asarray(samples)
    if wave.dtype == np.float16:
        wave = wave.astype(np.float32)
    if wave.dtype.name not in SUBTYPES:
        raise DataError(f"samples: expected floats in [-1, 1], int16 or int32, got the type {wave.dtype}")
    if wave.ndim not in (1, 2) or (wave.ndim == 2 and wave.shape[0] < wave.shape[1]):
        turned = ": turn it around with .T" if wave.ndim == 2 else ""
        raise DataError(f"samples: expected an array (samples,) or (samples, channels), got {wave.shape}{turned}")
    if not (rate >= 1 and float(rate).is_integer()):
        raise DataError(f"samples: expected a sample rate in whole Hz, got {rate}")
    if wave.dtype.kind == "f" and wave.size and np.abs(wave).max() > HIGHEST_PEAK:
        highest = np.abs(wave).max()
        raise DataError(f"samples: expected floats in [-1, 1], got a peak of {highest:.4g}; are these int16 values?")
    stream = SampleStream()
    soundfile.write(stream, wave, int(rate), subtype=SUBTYPES[wave.dtype.name], format="WAV")
    return stream


def as_waveform(samples: ArrayLike) -> np.ndarray:
    """(S,) float32 of a waveform that is at int16 scale already.

    Raises:
        DataError: another shape, no samples, or one that is not finite.
    """
    wave = np.asarray(samples, np.float32)
    if wave.ndim != 1 or not wave.size:
        raise DataError(f"waveform: expected an array (samples,), got {wave.shape}")
    if not math.isfinite(peak(wave)):
        raise DataError("waveform: expected finite samples, got NaN or infinity")
    return wave
