"""Recordings decoded: compressed audio takes longer to decode than to train on."""

import mmap
import tempfile
from collections.abc import Callable, Iterable, Mapping

import numpy as np

from pysid.errors import DataError
from pysid.io.files import naming

HELD_BYTES = 1 << 30  # kept in memory, 9 hours at 16 kHz; more waits in a temporary file


class DecodedWaves:
    """Waveforms by number, as int16 in one piece, which forked processes share: 115 MB an hour at 16 kHz.

    It is in memory up to `HELD_BYTES`. Where it is larger, it is a temporary file that is mapped: the system keeps as
    much of it in memory as there is room for.

    Args:
        numbers: 0, 1, ...
        decode: the waveform of a number in blocks (S_i,), float32 at int16 scale. A DataError that it raises is kept
            for `read`.
    Raises:
        OSError: the disk is full; it names the folder of temporary files.
    """

    def __init__(self, numbers: Iterable[int], decode: Callable[[int], Iterable[np.ndarray]]) -> None:
        self._errors: dict[int, str] = {}
        ends = [0]
        with tempfile.SpooledTemporaryFile(HELD_BYTES, prefix="pysid-") as file, naming(tempfile.gettempdir()):
            for number in numbers:
                try:
                    for block in decode(number):
                        file.write(np.clip(np.rint(block), -32768, 32767).astype(np.int16).tobytes())
                except DataError as error:
                    self._errors[number] = str(error)
                    file.seek(2 * ends[-1])  # without what came before the error
                ends.append(file.tell() // 2)
            file.truncate()
            samples: bytes | mmap.mmap
            if file.tell() > HELD_BYTES:
                file.flush()
                samples = mmap.mmap(file.fileno(), file.tell(), access=mmap.ACCESS_READ)
            else:
                file.seek(0)
                samples = file.read()
        self._samples = np.frombuffer(samples, np.int16)
        self._ends = np.array(ends)

    @property
    def errors(self) -> Mapping[int, str]:
        """Why the waveforms that could not be decoded could not, by number."""
        return self._errors

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
