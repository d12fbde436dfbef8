"""Collections of recordings to corrupt speech with: in memory, or read from files when needed."""

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np

from pysid.augment.noise import BLOCK_SAMPLES, mean_square
from pysid.errors import DataError
from pysid.io.audio.reader import AudioReader
from pysid.io.scp import is_pipe, resolve_path
from pysid.io.tables import read_wav_scp


class WaveBank(ABC):
    """Recordings by number, all at one rate.

    Attributes:
        names: of the recordings, for messages.
        sample_rate: Hz.
    """

    def __init__(self, names: Sequence[str], sample_rate: int) -> None:
        if not names:
            raise DataError("expected recordings to augment with, got none")
        self.names = list(names)
        self.sample_rate = sample_rate
        self._powers: dict[int, float] = {}
        self._last: tuple[tuple[int, int, int], np.ndarray] | None = None  # that a `Stretch` read

    def __len__(self) -> int:
        return len(self.names)

    @abstractmethod
    def n_samples(self, index: int) -> int:
        """Samples of a recording."""

    @abstractmethod
    def read(self, index: int, start: int = 0, stop: int | None = None) -> np.ndarray:
        """The samples [start, stop) of a recording, (stop - start,) float32 at int16 scale; None is its end.

        Args:
            index: number of the recording.
            start, stop: samples; a `stop` of None is the end.
        """

    def power(self, index: int) -> float:
        """The mean square of a whole recording."""
        if index not in self._powers:
            self._powers[index] = mean_square(Stretch(self, index, self.n_samples(index)))
        return self._powers[index]

    def loop(self, index: int, n_samples: int, start: int = 0) -> "Stretch":
        """(n_samples,) of a recording from sample `start` on, repeated as often as needed.

        Args:
            index: number of the recording.
            n_samples: how many are wanted, more than there are or fewer.
            start: the first of them.
        """
        return Stretch(self, index, n_samples, start)


class Stretch:
    """(n_samples,) float32 of a recording, repeated where that is shorter. It is read when samples are asked for.

    Args:
        bank: has the recording.
        index: its number.
        n_samples: how many samples there are.
        start: of the recording, the first of them.
    """

    def __init__(self, bank: WaveBank, index: int, n_samples: int, start: int = 0) -> None:
        self.bank = bank
        self.index = index
        self.n_samples = n_samples
        self.start = start

    def __len__(self) -> int:
        return self.n_samples

    def __getitem__(self, place: slice) -> np.ndarray:
        first, last, _ = place.indices(self.n_samples)
        total = self.bank.n_samples(self.index)
        first, n = (self.start + first) % total, max(last - first, 0)
        key = (self.index, first, n)
        if self.bank._last is None or self.bank._last[0] != key:  # a background is read for its power, then to be heard
            wave = self.bank.read(self.index, first, min(first + n, total))
            if first and len(wave) < n:
                wave = np.concatenate([wave, self.bank.read(self.index, 0, first)])
            self.bank._last = key, np.resize(wave, n)
        return self.bank._last[1]


class MemoryBank(WaveBank):
    """Recordings in memory.

    Args:
        waves: (S,) each, int16, or any other type at int16 scale.
        sample_rate: Hz, of all of them.
        names: of each; by default numbers.
    """

    def __init__(self, waves: Sequence[np.ndarray], sample_rate: int, names: Sequence[str] | None = None) -> None:
        super().__init__(names or [str(i) for i in range(len(waves))], sample_rate)
        if len(self.names) != len(waves):
            raise ValueError(f"expected a name for each of {len(waves)} recordings, got {len(self.names)}")
        self.waves = list(waves)
        for name, wave in zip(self.names, self.waves, strict=True):
            if wave.ndim != 1 or not wave.size:
                raise DataError(f"{name}: expected one channel with samples, got an array {wave.shape}")

    def n_samples(self, index: int) -> int:
        """Length of a recording, in samples."""
        return len(self.waves[index])

    def read(self, index: int, start: int = 0, stop: int | None = None) -> np.ndarray:
        """The samples [start, stop), float32 at int16 scale: a copy, whatever type they are kept in.

        Args:
            index: number of the recording.
            start, stop: samples; a `stop` of None is the end.
        """
        return self.waves[index][start:stop].astype(np.float32)


class FileBank(WaveBank):
    """Recordings in audio files, of which only the wanted pieces are read.

    Args:
        paths: {name: path}.
        sample_rate: Hz; files of another rate are resampled.
        channel: counted from 0; None takes the mean of those that hold sound.

    `n_samples` and `read` raise DataError where a file cannot be read.
    """

    def __init__(self, paths: Mapping[str, str | os.PathLike[str]], sample_rate: int, channel: int | None = 0) -> None:
        super().__init__(list(paths), sample_rate)
        self.paths = list(paths.values())
        self.channel = channel
        self._n_samples: dict[int, int] = {}

    @classmethod
    def from_scp(cls, path: str | os.PathLike[str], sample_rate: int, channel: int | None = 0) -> Self:
        """The recordings of a wav.scp.

        Args:
            path: the list; relative paths in it are relative to its folder.
            sample_rate: Hz; files of another rate are resampled.
            channel: counted from 0; None takes the mean of those that hold sound.
        Raises:
            DataError: the list is missing or malformed, or has a shell pipe.
        """
        entries = read_wav_scp(path)
        if pipe := next((name for name, entry in entries.items() if is_pipe(entry)), None):
            raise DataError(f"{path}: expected paths of audio files, got a shell pipe for {pipe!r}")
        folder = os.path.dirname(path)
        return cls({name: resolve_path(entry, folder) for name, entry in entries.items()}, sample_rate, channel)

    def n_samples(self, index: int) -> int:
        """Length of a recording at `sample_rate`, in samples; the file is opened for it once."""
        if index not in self._n_samples:
            with self._open(index) as reader:
                self._n_samples[index] = reader.n_samples
        return self._n_samples[index]

    def read(self, index: int, start: int = 0, stop: int | None = None) -> np.ndarray:
        """The samples [start, stop), float32 at int16 scale and `sample_rate`; opens the file each time.

        Args:
            index: number of the recording.
            start, stop: samples at `sample_rate`; a `stop` of None is the end.
        """
        with self._open(index) as reader:
            return reader.read(start, reader.n_samples if stop is None else stop)

    def load(self) -> MemoryBank:
        """All recordings in memory, rounded to int16."""
        return MemoryBank(list(map(self._rounded, range(len(self)))), self.sample_rate, self.names)

    def _rounded(self, index: int) -> np.ndarray:
        wave = np.empty(self.n_samples(index), np.int16)
        with self._open(index) as reader:
            for start in range(0, len(wave), BLOCK_SAMPLES):
                block = reader.read(start, min(start + BLOCK_SAMPLES, len(wave)))
                wave[start : start + len(block)] = np.clip(np.rint(block), -32768, 32767)
        return wave

    def _open(self, index: int) -> AudioReader:
        return AudioReader(self.paths[index], self.sample_rate, self.channel)
