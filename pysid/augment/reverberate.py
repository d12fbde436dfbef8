"""Reverberation and additive noise, with the numbers of Kaldi's wav-reverberate.

`corrupt` works on a batch and its device; `reverberate` is the program for one wave, with all its options. Source:
kaldi/src/featbin/wav-reverberate.cc; the rules are in its main() and in ComputeEarlyReverbEnergy.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from pysid.augment.convolve import convolve
from pysid.augment.noise import Noise, add_up
from pysid.errors import DataError
from pysid.frontend.framing import as_counts, frame_mask

RESPONSE_SCALE = 32768.0  # a response is a WAV file at int16 scale
BEFORE_PEAK_S, AFTER_PEAK_S = 0.001, 0.05  # early reverberation, which counts as speech


def corrupt(
    wave: Tensor,
    lengths: Tensor | Sequence[int] | None,
    rate: int,
    *,
    response: Tensor | None = None,
    response_lengths: Tensor | Sequence[int] | None = None,
    noise: Tensor | None = None,
    shift_output: bool = True,
    normalize_output: bool = True,
    volume: float = 0.0,
) -> Tensor:
    """Each utterance in its room, with its noise.

    Args:
        wave: (B, S) at int16 scale.
        lengths: (B,) own samples of each utterance; None means that none is padded.
        rate: Hz, of waves and responses.
        response: (B, R) room responses at int16 scale (32768 leaves the direct sound as loud as it was).
        response_lengths: (B,) own samples of each response.
        noise: (B, up to S + R - 1) of `noise.add_up`, zeros past the own lengths + response_lengths - 1.
        shift_output: begin at the peak of the response, the maximum, instead of at its sample 0.
        normalize_output: give the result, with the whole tail of the response, the power of the input.
        volume: if above 0, multiply by this instead.
    Returns:
        (B, S), zeros past an utterance's own end. Silence, and what a silent response leaves, is zeros.
    """
    n_samples = as_counts(lengths, wave, "lengths")
    wave = wave * frame_mask(n_samples, wave.shape[1])
    power_before = power = _power(wave, n_samples)
    start, result, n_result = torch.zeros_like(n_samples), wave, n_samples
    if response is not None:
        n_response = as_counts(response_lengths, response, "response_lengths").clamp(min=1)
        response = response * (frame_mask(n_response, response.shape[1]) / RESPONSE_SCALE)
        if noise is not None:
            power = _early_power(wave, n_samples, response, n_response, rate)
        sizes = None if isinstance(response_lengths, Tensor | None) else [max(n, 1) for n in response_lengths]
        result = convolve(wave, n_samples, response, n_response, sizes)
        n_result = n_samples + n_response - 1
        start = response.argmax(1) if shift_output else start
    if noise is not None:
        result = _add(result, noise * power.sqrt().to(wave.dtype)[:, None])
    if volume > 0:
        result = result * volume
    elif normalize_output:
        ratio = power_before / _power(result, n_result)
        result = result * ratio.nan_to_num(0.0, 0.0, 0.0).sqrt().to(wave.dtype)[:, None]
    heard = result.gather(1, start[:, None] + torch.arange(wave.shape[1], device=wave.device))
    return heard * frame_mask(n_samples, wave.shape[1])


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
    """What `wav-reverberate` makes of one wave; its file has these samples cut off towards zero, clipped to int16.

    Args:
        wave: (S,) at int16 scale.
        rate: Hz, of the wave, the response and the noises.
        impulse_response: (R,) room response at int16 scale.
        noises: (L,) each, at int16 scale.
        snrs_db: of each noise: the speech with its early reverberation over the whole noise.
        start_times_s: of each noise, before the output is shifted; what goes past the end is not heard.
        duration_s: of the output: cut, or repeated from the beginning; None or 0 for that of the wave.
        shift_output: begin at the peak of the response. If False, the output is R - 1 samples longer than the wave;
            as in Kaldi they do not hold the tail of the response, the output begins again there, and without a
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
    result = corrupt(
        _row(wave),
        None,
        rate,
        response=None if impulse_response is None else _row(impulse_response),
        noise=_row(add_up(placed, len(wave) + max(n_response, 1) - 1)) if placed else None,
        shift_output=shift_output,
        normalize_output=normalize_output,
        volume=volume,
    )
    n_usual = len(wave) if shift_output else len(wave) + n_response - 1
    n_out = _to_samples(duration_s, rate) if duration_s else n_usual
    if n_out < 1:
        raise DataError(f"expected an output of at least a sample, got {n_out} samples")
    return np.resize(result[0].numpy(), n_out)  # repeats what is too short


def _power(wave: Tensor, n_samples: Tensor) -> Tensor:
    """(B,) double: the mean square of each utterance's own samples."""
    return wave.double().square().sum(1) / n_samples.clamp(min=1)


def _early_power(wave: Tensor, n_samples: Tensor, response: Tensor, n_response: Tensor, rate: int) -> Tensor:
    """(B,) double: the power of the speech with what the room adds to it within 50 ms of the direct sound."""
    start, stop = early_span(response.argmax(1), n_response, rate)
    place = start[:, None] + torch.arange(int((stop - start).max()), device=wave.device)
    early = response.gather(1, place.clamp(max=response.shape[1] - 1)) * (place < stop[:, None])
    return _power(convolve(wave, n_samples, early, stop - start), n_samples + stop - start - 1)


def early_span(peak: Tensor, n_response: Tensor, rate: int) -> tuple[Tensor, Tensor]:
    """(B,) first and last sample, exclusive, of the early part of responses; computed in float32, as in Kaldi."""
    before, after = (np.float32(seconds) * np.float32(rate) for seconds in (BEFORE_PEAK_S, AFTER_PEAK_S))
    start = (peak - float(before)).trunc().long().clamp(min=0)
    return start, torch.minimum((peak + float(after)).trunc().long(), n_response)


def _add(wave: Tensor, noise: Tensor) -> Tensor:
    n = min(wave.shape[1], noise.shape[1])
    return torch.cat([wave[:, :n] + noise[:, :n], wave[:, n:]], 1)


def _row(wave: np.ndarray) -> Tensor:
    return torch.from_numpy(np.array(wave, np.float32, ndmin=2))


def _to_samples(seconds: float, rate: int) -> int:
    """Kaldi multiplies in float32 and cuts off."""
    return int(np.float32(seconds) * np.float32(rate))


def _check(wave: np.ndarray, impulse_response: np.ndarray | None, noises: Sequence[np.ndarray]) -> None:
    for what, signal in [("wave", wave), ("impulse response", impulse_response), *(("noise", x) for x in noises)]:
        if signal is not None and (signal.ndim != 1 or not signal.size):
            raise DataError(f"expected the {what} as one channel with samples, got an array {signal.shape}")
    if impulse_response is not None and not impulse_response.any():
        raise DataError("expected an impulse response, got only zeros")
