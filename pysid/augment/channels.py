"""Recordings of several channels in `reverberate`: wav-reverberate's options about channels."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from pysid.augment.reverberation import reverberate
from pysid.errors import DataError


def reverberate_channels(
    wave: np.ndarray,
    rate: int,
    impulse_response: np.ndarray | None = None,
    noises: Sequence[np.ndarray] = (),
    *,
    multi_channel_output: bool = False,
    input_channel: int = 0,
    rir_channel: int = 0,
    noise_channel: int = 0,
    **options: Any,
) -> np.ndarray:
    """One channel of a wave in a room with a microphone for each channel of the response.

    Args:
        wave: (C, S) at int16 scale.
        rate: Hz, of all of them.
        impulse_response: (M, R).
        noises: (N, L) each.
        multi_channel_output: give an output for each channel of the response, with the same channel of each noise;
            the noises must have as many channels.
        input_channel, rir_channel, noise_channel: counted from 0; the last two are for an output of one channel.
        options: as of `reverberate`.
    Returns:
        (M, S'), or (1, S').
    Raises:
        DataError: a channel does not exist, the noises do not have as many channels as the response, or as in
            `reverberate`.
    """
    speech = _channel(wave, input_channel, "wave")
    if not multi_channel_output:
        response = None if impulse_response is None else _channel(impulse_response, rir_channel, "impulse response")
        chosen = [_channel(noise, noise_channel, "noise") for noise in noises]
        return reverberate(speech, rate, response, chosen, **options)[None]
    if impulse_response is None:
        raise DataError("expected an impulse response, whose channels are those of a multi-channel output, got none")
    for noise in noises:
        if len(noise) != len(impulse_response):
            raise DataError(f"expected noises of {len(impulse_response)} channels like the response, got {len(noise)}")
    outputs = [
        reverberate(speech, rate, response, [noise[channel] for noise in noises], **options)
        for channel, response in enumerate(impulse_response)
    ]
    return np.stack(outputs)


def _channel(wave: np.ndarray, channel: int, what: str) -> np.ndarray:
    if not 0 <= channel < len(wave):
        raise DataError(f"expected a channel of the {what} below {len(wave)}, got {channel}")
    return wave[channel]
