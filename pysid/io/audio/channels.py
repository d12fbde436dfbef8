"""One waveform of several channels: their mean, where that makes sense.

One rule for everything that reads recordings. Silent channels are left out of the mean, and where the others cancel
each other out, as crossed wires make them do, the first of them is taken. Channels that hold different things, such as
the two sides of a telephone call, are mixed all the same, and a warning says so. The constant offset that cheap sound
cards add is no sound: channels are compared without it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

SILENT = 1e-6  # of the power of the loudest channel
ROUNDING = 1e-12  # of the sum of a channel's squares, what may be left of a constant
CANCELLED = 0.02  # of the channels' own power, that of their mean
ALIKE = 0.25  # correlation of two channels that heard the same


@dataclass(frozen=True)
class Mix:
    """How channels become one.

    Attributes:
        weights: (channels,) float32.
        warning: what a user should know, if anything.
    """

    weights: np.ndarray
    warning: str | None = None

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        """(S,) of (S, channels), float32."""
        used = np.flatnonzero(self.weights)
        if len(used) == 1:
            mixed: np.ndarray = samples[:, used[0]] * self.weights[used[0]]
        else:
            mixed = samples @ self.weights
        return mixed


def only(channel: int, n_channels: int) -> Mix:
    """A single channel, counted from 0."""
    return Mix(np.eye(n_channels, dtype=np.float32)[channel])


def choose_mix(blocks: Iterable[np.ndarray], n_channels: int) -> Mix:
    """The mix for a recording of which some blocks (S, channels) are at hand."""
    squares, sums, n_samples = np.zeros((n_channels, n_channels)), np.zeros(n_channels), 0
    for block in blocks:
        # What is not finite is found when it is read.
        finite = np.nan_to_num(block, nan=0.0, posinf=0.0, neginf=0.0).astype(np.float64)
        squares += finite.T @ finite
        sums += finite.sum(axis=0)
        n_samples += len(finite)
    products = squares - np.outer(sums, sums) / max(n_samples, 1)
    power = np.diag(products)
    has_sound = power.max() > ROUNDING * np.diag(squares).max()
    sounding = np.flatnonzero(power > SILENT * power.max()) if has_sound else np.arange(n_channels)
    weights = np.zeros(n_channels, np.float32)
    weights[sounding] = 1 / len(sounding)
    if len(sounding) < 2 or not has_sound:
        return Mix(weights)
    if weights @ products @ weights < CANCELLED * power[sounding].mean():
        first = int(sounding[0])
        return Mix(only(first, n_channels).weights, f"its channels cancel each other out: channel {first} is taken")
    deviation = np.sqrt(power[sounding])
    correlation = products[np.ix_(sounding, sounding)] / np.outer(deviation, deviation)
    if np.abs(correlation).min() < ALIKE:
        return Mix(weights, "its channels hold different things: their mean is taken; choose one with --channel")
    return Mix(weights)
