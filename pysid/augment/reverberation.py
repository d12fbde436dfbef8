"""Kaldi's wav-reverberate for one wave, with all its options; needs no torch.

`pysid.augment.room_batch` does the same for a batch, on any device. Source: kaldi/src/featbin/wav-reverberate.cc; the
rules are in its main() and in ComputeEarlyReverbEnergy.
"""

import math
from collections.abc import Sequence

import numpy as np

from pysid.augment.block_convolution import block_convolve
from pysid.augment.noise import Noise, add_up, mean_square
from pysid.errors import DataError

RESPONSE_SCALE = 32768.0  # a response is a WAV file at int16 scale
BEFORE_PEAK_S, AFTER_PEAK_S = 0.001, 0.05  # early reverberation, which counts as speech


def reverberate(
    wave: np.ndarray,
    rate: int,
    impulse_response: np.ndarray | None = None,
    noises: Sequence[np.ndarray] = (),
    snrs_db: Sequence[float] = (),
    start_times_s: Sequence[float] = (),
    duration_s: float | None = None,
    shift_output: bool = True,
    normalize_output: bool = True,
    volume: float = 0.0,
) -> np.ndarray:
    """What `wav-reverberate` makes of one wave; its file has these samples rounded towards zero and clipped to int16.

    Args:
        wave: (S,) at int16 scale.
        rate: Hz, of the wave, the response and the noises.
        impulse_response: (R,) room response at int16 scale.
        noises: (L,) each, at int16 scale.
        snrs_db: of each noise: the speech with its early reverberation over the whole noise.
        start_times_s: of each noise, before the output is shifted; what goes past the end is not heard.
        duration_s: of the output: cut, or repeated from the beginning; None or 0 for that of the wave.
        shift_output: begin at the peak of the response. If False, the output is R - 1 samples longer than the wave;
            as in Kaldi, these hold not the tail of the response but the output's beginning again, and without a
            response there is one sample less.
        normalize_output: restore the power of the wave.
        volume: if above 0, multiply by this instead.
    Returns:
        (S',) float32.
    Raises:
        DataError: a wave without samples, a response of zeros, a noise that starts before the wave, no output.
        ValueError: not as many SNRs or start times as noises.
    """
    if not len(noises) == len(snrs_db) == len(start_times_s):
        raise ValueError(
            f"every noise needs an SNR and a start time, got {len(noises)} noises, {len(snrs_db)} SNRs and "
            f"{len(start_times_s)} start times"
        )
    _check(wave, impulse_response, noises)
    n_response = 0 if impulse_response is None else len(impulse_response)
    starts = [_to_samples(start_s, rate) for start_s in start_times_s]
    placed = [Noise(*parts) for parts in zip(noises, snrs_db, starts, strict=True)]
    wave = wave.astype(np.float32)
    power, result, start = mean_square(wave), wave, 0
    if impulse_response is not None:
        response = impulse_response.astype(np.float32) / np.float32(RESPONSE_SCALE)
        result = block_convolve(wave, response)
        start = int(response.argmax()) if shift_output else 0
        if placed:
            power = mean_square(block_convolve(wave, early_part(response, rate)))
    if placed:
        result = result + add_up(placed, len(result)) * np.float32(math.sqrt(power))
    n_usual = len(wave) if shift_output else len(wave) + n_response - 1
    n_out = _to_samples(duration_s, rate) if duration_s else n_usual
    if n_out < 1:
        raise DataError(f"expected an output of at least a sample, got {n_out} samples")
    factor = volume if volume > 0 else _restored(mean_square(wave), mean_square(result)) if normalize_output else 1.0
    heard = result[start : start + len(wave)] * np.float32(factor)
    return np.resize(heard, n_out)  # repeats what is too short


def early_reach(rate: int) -> tuple[float, float]:
    """Samples before and after the peak of a response that count as speech; computed in float32, as in Kaldi."""
    before, after = (float(np.float32(seconds) * np.float32(rate)) for seconds in (BEFORE_PEAK_S, AFTER_PEAK_S))
    return before, after


def early_part(response: np.ndarray, rate: int) -> np.ndarray:
    """What a room adds to the direct sound within 50 ms of it: samples (E,) of a response (R,) at `rate` Hz."""
    (before, after), peak = early_reach(rate), int(response.argmax())
    return response[max(int(peak - before), 0) : int(peak + after)]


def _restored(power_before: float, power: float) -> float:
    """The factor that gives a wave its former power; 0 for silence."""
    return math.sqrt(power_before / power) if power > 0 else 0.0


def _to_samples(seconds: float, rate: int) -> int:
    """Kaldi multiplies in float32 and truncates."""
    return int(np.float32(seconds) * np.float32(rate))


def _check(wave: np.ndarray, impulse_response: np.ndarray | None, noises: Sequence[np.ndarray]) -> None:
    for what, signal in [("wave", wave), ("impulse response", impulse_response), *(("noise", x) for x in noises)]:
        if signal is not None and (signal.ndim != 1 or not signal.size):
            raise DataError(f"expected the {what} as one channel with samples, got an array {signal.shape}")
    if impulse_response is not None and not impulse_response.any():
        raise DataError("expected an impulse response, got only zeros")
