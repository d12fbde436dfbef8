"""Recordings in all the forms that Python programs use, made ready to be read as audio."""

import math
import numbers
import os
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, cast

import numpy as np
import soundfile
from numpy.typing import ArrayLike

from pysid.errors import DataError
from pysid.io.audio.headers import COUNTED
from pysid.io.audio.reader import peak
from pysid.io.audio.streams import AudioFile

SUBTYPES = {"int16": "PCM_16", "int32": "PCM_32", "float32": "FLOAT", "float64": "DOUBLE"}
WIDER = {"float16": "float32", "longdouble": "float64", "float128": "float64", "float96": "float64"}
HIGHEST_PEAK = 16.0  # of samples at a full scale of 1.0: a sum of loud tracks may pass it, int16 scale is far above
FULL_SCALE = 32768.0
TAKEN = (
    "the path of an audio file, its bytes, a binary file object, or (samples, sample_rate) with an array or a tensor "
    "of floats in [-1, 1], int16 or int32"
)


@dataclass(frozen=True, eq=False)
class Int16Scale:
    """A waveform (S,) of numbers with a full scale of 32768.

    Without a rate it is at the sample rate of the model that hears it; `(Int16Scale(samples), rate)` gives another.
    """

    samples: ArrayLike


Audio = AudioFile | tuple[ArrayLike | Int16Scale, float] | Int16Scale
"""A recording: the path of an audio file, its bytes, or a binary file object; or (samples, rate) as soundfile reads
them, floats in [-1, 1] or integers, one channel or more, as an array or a tensor; or `Int16Scale(samples)`, with a rate
or without."""


class SampleStream(BytesIO):
    """An audio file in memory; `name` stands for it in messages."""

    name = "samples"


def as_source(audio: Audio, rate: int) -> AudioFile:
    """What audio can be read from.

    Args:
        rate: Hz, of a waveform that comes without one.
    Raises:
        DataError: it is not a recording; the message lists what is.
    """
    if isinstance(audio, str | os.PathLike | bytes | bytearray | memoryview) or hasattr(audio, "read"):
        return cast(AudioFile, audio)
    if isinstance(audio, tuple | list) and len(audio) == 2 and _is_number(audio[1]):
        samples = _unscaled(audio[0]) if isinstance(audio[0], Int16Scale) else audio[0]
        return as_stream(samples, float(audio[1]))
    if isinstance(audio, Int16Scale):
        return as_stream(_unscaled(audio), rate)
    if _is_array(audio):
        raise DataError(
            "expected a recording, got an array alone: give (samples, sample_rate), floats in [-1, 1] or integers; or "
            "say pysid.Int16Scale(samples) of numbers up to 32768 at the model's sample rate"
        )
    raise DataError(f"expected a recording, got {type(audio).__name__}: pysid takes {TAKEN}")


def _unscaled(wave: Int16Scale) -> np.ndarray:
    return as_waveform(wave.samples) / np.float32(FULL_SCALE)


def is_recording(audio: Any) -> bool:
    """Whether something is one recording, rather than a list of them.

    >>> is_recording("a.wav"), is_recording((np.zeros(9), 16000)), is_recording(("a.wav", "b.wav"))
    (True, True, False)
    """
    if isinstance(audio, str | os.PathLike | bytes | bytearray | memoryview) or hasattr(audio, "read"):
        return True
    with_rate = isinstance(audio, tuple | list) and len(audio) == 2 and _is_number(audio[1])
    return with_rate or isinstance(audio, Int16Scale) or _is_array(audio)


def as_list(audio: Audio | Sequence[Audio]) -> list[Audio]:
    """One recording, or several, as a list; (samples, rate) is one.

    >>> as_list("a.wav"), as_list(("a.wav", "b.wav"))
    (['a.wav'], ['a.wav', 'b.wav'])
    """
    return [cast(Audio, audio)] if is_recording(audio) else list(cast(Sequence[Audio], audio))


def as_stream(samples: ArrayLike, rate: float) -> SampleStream:
    """A recording as the WAV file that would hold it, sample for sample.

    Args:
        samples: (S,) or (S, channels), of any byte order and layout: floats with a full scale of 1.0, or int16 or
            int32 integers; also a tensor.
        rate: Hz, a whole number.
    Raises:
        DataError: another type, shape, scale or rate.
    """
    wave = _as_array(samples, "samples")
    wave = wave.astype(WIDER.get(wave.dtype.name, wave.dtype.newbyteorder("=")), order="C", copy=False)
    if wave.dtype.name not in SUBTYPES:
        raise DataError(f"samples: expected floats in [-1, 1], int16 or int32, got the type {wave.dtype}")
    if wave.ndim not in (1, 2) or (wave.ndim == 2 and wave.shape[0] < wave.shape[1]):
        turned = ": turn it around with .T" if wave.ndim == 2 else ""
        raise DataError(f"samples: expected an array (samples,) or (samples, channels), got {wave.shape}{turned}")
    if not (_is_number(rate) and 1 <= rate < 1 << 31 and float(rate).is_integer()):
        raise DataError(f"samples: expected a sample rate in whole Hz, got {rate}")
    if wave.dtype.kind == "f" and wave.size and np.abs(wave).max() > HIGHEST_PEAK:
        highest = np.abs(wave).max()
        raise DataError(f"samples: expected floats in [-1, 1], got a peak of {highest:.4g}; are these int16 values?")
    stream = SampleStream()
    kind = "WAV" if wave.nbytes < COUNTED // 2 else "RF64"  # which counts as far as there is memory
    try:
        soundfile.write(stream, wave, int(rate), subtype=SUBTYPES[wave.dtype.name], format=kind)
    except (soundfile.LibsndfileError, RuntimeError, ValueError) as error:
        raise DataError(f"samples: cannot be taken: {error}") from None
    return stream


def as_waveform(samples: ArrayLike) -> np.ndarray:
    """(S,) float32 of a waveform that is at int16 scale already.

    Raises:
        DataError: another shape or type, no samples, or one that is not finite.
    """
    given = _as_array(samples, "waveform")
    if given.dtype.kind not in "fiu":
        raise DataError(f"waveform: expected numbers at int16 scale, got the type {given.dtype}")
    wave = np.asarray(given, np.float32)
    if wave.ndim != 1 or not wave.size:
        raise DataError(f"waveform: expected an array (samples,), got {wave.shape}")
    if not math.isfinite(peak(wave)):
        raise DataError("waveform: expected finite samples, got NaN or infinity")
    return wave


def _as_array(samples: Any, name: str) -> np.ndarray:
    if hasattr(samples, "detach"):  # a tensor, perhaps on a device and with a gradient
        samples = samples.detach().cpu()
        if str(samples.dtype) == "torch.bfloat16":
            samples = samples.float()
        samples = samples.numpy()
    try:
        return np.asarray(samples)
    except (ValueError, TypeError) as error:
        raise DataError(f"{name}: expected an array, got {type(samples).__name__}: {error}") from None


def _is_array(audio: Any) -> bool:
    return isinstance(audio, np.ndarray) or (hasattr(audio, "__array__") and not np.isscalar(audio))


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)
