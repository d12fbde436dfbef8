"""Recordings in memory: compressed audio takes longer to decode than to train on."""

from collections.abc import Callable, Iterable

import numpy as np

from pysid.errors import DataError


class DecodedWaves:
    """Waveforms by number, as int16 in one piece of memory, which forked processes share: 115 MB an hour at 16 kHz.

    Args:
        numbers: 0, 1, ...
        decode: the waveform (S,) of a number, float32 at int16 scale. A DataError that it raises is kept for `read`.
    """

    def __init__(self, numbers: Iterable[int], decode: Callable[[int], np.ndarray]) -> None:
        samples, ends = bytearray(), [0]
        self._errors: dict[int, str] = {}
        for number in numbers:
            try:
                samples += np.clip(np.rint(decode(number)), -32768, 32767).astype(np.int16).tobytes()
            except DataError as error:
                self._errors[number] = str(error)
            ends.append(len(samples) // 2)
        self._samples = np.frombuffer(samples, np.int16)
        self._ends = np.array(ends)

    def n_samples(self, number: int) -> int:
        """Samples of a waveform; 0 where it could not be decoded."""
        return int(self._ends[number + 1] - self._ends[number])

    def read(self, number: int, start: int, n_samples: int) -> np.ndarray:
        """(n_samples,) float32 from sample `start` on, fewer where the waveform ends.

        Args:
            number: of the waveform.
            start: its first sample that is wanted.
            n_samples: how many.
        Raises:
            DataError: the waveform could not be decoded, or ends before `start`.
        """
        if number in self._errors:
            raise DataError(self._errors[number])
        first, end = self._ends[number] + start, self._ends[number + 1]
        if first >= end:
            raise DataError(f"expected more than {start} samples, got {end - self._ends[number]}")
        return self._samples[first : min(first + n_samples, end)].astype(np.float32)
