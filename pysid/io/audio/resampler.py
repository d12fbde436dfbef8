"""A waveform at another sample rate, by windowed-sinc interpolation, in bounded memory whatever the two rates are.

Output m lies at the place m * step / new_step of the input; it is a weighted mean of the samples around there:

    y[m] = sum_i x[i] h(i - m step / new_step),   h(t) = c sinc(c t) cos(pi c t / 2 zeros)^2,   |c t| < zeros

where c = rolloff * min(1, new_step / step) is the cut-off relative to the input's Nyquist frequency. These are the
weights of torchaudio.functional.resample (J. O. Smith, "Digital audio resampling", 2002), whose own matrix has
new_step x step of them, most of them 0: 5 GB from 16,001 to 16,000 Hz. The usual pairs of rates go through torchaudio,
which is quicker for them; for others only the weights that are not 0 are computed.
"""

import math
from functools import lru_cache
from typing import Any

import numpy as np

LOWEST_HZ, HIGHEST_HZ = 1000, 768_000
ZEROS = 6  # torchaudio's defaults: zero crossings of the filter on each side,
ROLLOFF = 0.99  # and its cut-off as a share of the lower Nyquist frequency
SMALL_MATRIX = 1_000_000  # weights with which torchaudio's way is taken
BLOCK = 2048  # outputs made at a time


class Resampler:
    """From one rate to another.

    Args:
        rate, new_rate: Hz, between `LOWEST_HZ` and `HIGHEST_HZ`.
    Raises:
        ValueError: a rate out of this range.

    >>> resampler = Resampler(48000, 16000)
    >>> resampler.length(48001), resampler.needs(0, 1)
    (16001, (0, 27))
    """

    def __init__(self, rate: int, new_rate: int) -> None:
        for hz in (rate, new_rate):
            if not LOWEST_HZ <= hz <= HIGHEST_HZ:
                raise ValueError(f"expected a sample rate from {LOWEST_HZ} to {HIGHEST_HZ} Hz, got {hz} Hz")
        common = math.gcd(rate, new_rate)
        self.step = rate // common  # this many samples
        self.new_step = new_rate // common  # become this many
        self.reach = math.ceil(ZEROS * self.step / min(self.step, self.new_step) / ROLLOFF)

    def length(self, n: int) -> int:
        """Samples that `n` samples become."""
        return -(-n * self.new_step // self.step)

    def needs(self, start: int, stop: int) -> tuple[int, int]:
        """The samples [first, last) of the input that the outputs [start, stop) are made of; some may not exist."""
        if self._is_usual:  # whole steps, and by the reach of the filter outwards
            n_steps = -(-self.reach // self.step) + 1
            first, last = start // self.new_step - n_steps, -(-stop // self.new_step) + n_steps
            return max(0, first) * self.step, last * self.step
        first, last = self._input_place(start)[0] - self.reach + 1, self._input_place(stop - 1)[0] + self.reach + 1
        return max(0, first), last

    def __call__(self, wave: np.ndarray, first: int, start: int, stop: int) -> np.ndarray:
        """The outputs [start, stop), from the input's samples that `needs` asks for, as far as they exist.

        Returns:
            (stop - start,) float32.
        """
        if self._is_usual:
            skip = start - first // self.step * self.new_step
            return self._by_matrix(wave)[skip : skip + stop - start]
        table = _table(self.step, self.new_step) if stop - start >= self.new_step else None
        output = np.empty(stop - start, np.float32)
        # One window of the input for each output; what lies outside of the recording is silence.
        left = max(0, first - (self._input_place(start)[0] - self.reach + 1))
        right = max(0, self._input_place(stop - 1)[0] + self.reach + 1 - first - len(wave))
        windows = np.lib.stride_tricks.sliding_window_view(np.pad(wave, (left, right)), 2 * self.reach)
        for at in range(start, stop, BLOCK):
            places, phases = self._input_place(np.arange(at, min(at + BLOCK, stop), dtype=np.int64))
            rows = windows[places - self.reach + 1 - first + left]
            weights = _weights(phases, self.step, self.new_step) if table is None else table[phases]
            output[at - start : at - start + len(rows)] = np.einsum("ij,ij->i", rows, weights)
        return output

    @property
    def _is_usual(self) -> bool:
        return self.new_step * (self.step + 2 * self.reach) <= SMALL_MATRIX

    def _input_place(self, output: Any) -> tuple[Any, Any]:
        """The last sample at or before an output, and its distance in parts of `new_step`; integers or arrays."""
        return divmod(output * self.step, self.new_step)

    def _by_matrix(self, wave: np.ndarray) -> np.ndarray:
        import torch

        from pysid._torchaudio import functional

        resampled = functional.resample(
            torch.from_numpy(wave), self.step, self.new_step, lowpass_filter_width=ZEROS, rolloff=ROLLOFF
        )
        return np.asarray(resampled.numpy())


@lru_cache(maxsize=2)
def _table(step: int, new_step: int) -> np.ndarray:
    """(new_step, 2 reach) float32: `_weights` of every phase."""
    blocks = [np.arange(at, min(at + BLOCK, new_step)) for at in range(0, new_step, BLOCK)]
    return np.concatenate([_weights(phases, step, new_step) for phases in blocks])


def _weights(phases: np.ndarray, step: int, new_step: int) -> np.ndarray:
    """(P, 2 reach) float32: the weights of the samples around outputs of each phase, in parts of `new_step`."""
    cutoff = ROLLOFF * min(step, new_step) / step
    reach = math.ceil(ZEROS / cutoff)
    distance = np.arange(-reach + 1, reach + 1) - phases[:, None] / new_step
    t = np.clip(cutoff * distance, -ZEROS, ZEROS)
    return (cutoff * np.sinc(t) * np.cos(np.pi * t / ZEROS / 2) ** 2).astype(np.float32)
