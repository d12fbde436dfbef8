"""Reverberation and additive noise of a batch on its device, with the numbers of Kaldi's wav-reverberate.

`pysid.augment.reverberation` is the program for one wave, with all its options. Source:
kaldi/src/featbin/wav-reverberate.cc; the rules are in its main() and in ComputeEarlyReverbEnergy.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from pysid.augment.convolve import convolve
from pysid.augment.reverberation import RESPONSE_SCALE, early_reach
from pysid.frontend.framing import as_counts, frame_mask


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
        noise: (B, up to S + R - 1) from `noise.add_up`, zeros past the own lengths + response_lengths - 1.
        shift_output: begin at the peak of the response, the maximum, instead of at its sample 0.
        normalize_output: scale the result, the whole tail of the response included, to the power of the input.
        volume: if above 0, multiply by this instead.
    Returns:
        (B, S), zeros past an utterance's own end. Silence, and speech with a silent response, becomes zeros.
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
        result = _add_noise(result, noise * power.sqrt().to(wave.dtype)[:, None])
    if volume > 0:
        result = result * volume
    elif normalize_output:
        ratio = power_before / _power(result, n_result)
        result = result * ratio.nan_to_num(0.0, 0.0, 0.0).sqrt().to(wave.dtype)[:, None]
    heard = result.gather(1, start[:, None] + torch.arange(wave.shape[1], device=wave.device))
    return heard * frame_mask(n_samples, wave.shape[1])


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
    """(B,) first sample and end (exclusive) of the early part of responses.

    Args:
        peak: (B,) sample of the direct sound in each response.
        n_response: (B,) their lengths.
        rate: Hz.
    """
    before, after = early_reach(rate)
    start = (peak - before).trunc().long().clamp(min=0)
    return start, torch.minimum((peak + after).trunc().long(), n_response)


def _add_noise(wave: Tensor, noise: Tensor) -> Tensor:
    n = min(wave.shape[1], noise.shape[1])
    return torch.cat([wave[:, :n] + noise[:, :n], wave[:, n:]], 1)
