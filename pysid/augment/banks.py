"""Collections of recordings to corrupt speech with: in memory, or read from files when needed."""

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np

from pysid.augment.noise import mean_square
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
            self._powers[index] = mean_square(self.read(index))
        return self._powers[index]

    def loop(self, index: int, n_samples: int, start: int = 0) -> np.ndarray:
        """(n_samples,) of a recording from sample `start` on, repeated as often as needed.

        Args:
            index: number of the recording.
            n_samples: how many are wanted, more than there are or fewer.
            start: the first of them.
        """
        total = self.n_samples(index)
        wave = self.read(index, start, min(start + n_samples, total))
        if start and len(wave) < n_samples:
            wave = np.concatenate([wave, self.read(index, 0, start)])
        return np.resize(wave, n_samples)


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
        channel: counted from 0; None takes the mean of all.

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
            channel: counted from 0; None takes the mean of all.
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
        waves = [np.clip(np.rint(self.read(i)), -32768, 32767).astype(np.int16) for i in range(len(self))]
        return MemoryBank(waves, self.sample_rate, self.names)

    def _open(self, index: int) -> AudioReader:
        return AudioReader(self.paths[index], self.sample_rate, self.channel)
