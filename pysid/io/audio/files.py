"""Audio files as waveforms at int16 scale: float32, full scale 32768, as in Kaldi.

Reads any format of libsndfile (WAV, FLAC, Ogg Opus and Vorbis, MP3, ...). A piece is read by seeking, and
equals the same slice of the whole file, whether resampled or not.
"""

import math
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile

from pysid.errors import DataError
from pysid.io.audio.reader import FULL_SCALE, MAX_HOURS, AudioFile, AudioReader
from pysid.io.files import atomic_path

MAX_OVERSHOOT_S = 0.5  # Kaldi featbin/extract-segments.cc


@dataclass(frozen=True)
class AudioInfo:
    """The size of an audio file: samples per second, samples of each channel, channels."""

    sample_rate: int
    n_samples: int
    n_channels: int

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.n_samples / self.sample_rate


def audio_info(path: AudioFile, max_hours: float = MAX_HOURS) -> AudioInfo:
    """Reads the header only.

    Raises:
        DataError: the file is missing, empty, not audio, seen to be cut off, or has no samples.
    """
    with AudioReader(path, max_hours=max_hours) as reader:
        file = reader.file
        return AudioInfo(file.samplerate, file.frames, file.channels)


def read_audio(
    path: AudioFile,
    *,
    sample_rate: int | None = None,
    channel: int | None = None,
    start_s: float = 0.0,
    end_s: float | None = None,
    max_overshoot_s: float = MAX_OVERSHOOT_S,
    max_hours: float = MAX_HOURS,
) -> tuple[np.ndarray, int]:
    """Reads a file or a piece of it.

    Args:
        path: an audio file, "-" for standard input, the bytes of a file, or a binary stream.
        sample_rate: Hz, resampled to where the file has another rate; None keeps the file's.
        channel: counted from 0; None takes the mean of all that hold sound: see `channels`.
        start_s: seconds; the piece starts at sample int(start_s * rate), as in Kaldi.
        end_s: seconds, exclusive; None or infinity is the end of the file.
        max_overshoot_s: an end beyond the file's end is moved back to it if it is less than this beyond.
        max_hours: a longer file is refused.
    Returns:
        wave: (S,) float32 at int16 scale; a 16-bit file gives exactly its integers.
        rate: Hz, of `wave`.
    Raises:
        DataError: as `audio_info`, and: the channel or the piece does not exist, the file turns out to be
            broken or cut off, a sample is not finite.
    """
    with AudioReader(path, sample_rate, channel, max_hours) as reader:
        return AudioPiece.cut(reader, start_s, end_s, max_overshoot_s).read(), reader.sample_rate


@dataclass(frozen=True)
class AudioPiece:
    """The samples [start, stop) of an open recording, to be read as a whole or in blocks."""

    reader: AudioReader
    start: int
    stop: int

    @classmethod
    def cut(
        cls,
        reader: AudioReader,
        start_s: float = 0.0,
        end_s: float | None = None,
        max_overshoot_s: float = MAX_OVERSHOOT_S,
    ) -> "AudioPiece":
        """The piece between two times, by the rules of Kaldi's extract-segments; see `read_audio`.

        Args:
            reader: of the recording.
            start_s: seconds.
            end_s: seconds; None or infinity is the end of the recording.
            max_overshoot_s: how far past the end of the recording `end_s` may be.
        """
        rate, n_samples = reader.sample_rate, reader.n_samples
        start = int(start_s * rate)
        to_end = end_s is None or math.isinf(end_s)
        stop = n_samples if end_s is None or to_end else int(end_s * rate)
        piece = f"the piece from {start_s:g} s to {'the end' if to_end else f'{end_s:g} s'}"
        if start_s < 0 or stop <= start < n_samples:
            raise DataError(f"{reader.name}: expected 0 <= start < end, got {piece}")
        if start >= n_samples or stop - n_samples + 1 > max_overshoot_s * rate > 0:
            raise DataError(f"{reader.name}: expected a piece of its {n_samples / rate:g} s, got {piece}")
        return cls(reader, start, min(stop, n_samples))

    @property
    def sample_rate(self) -> int:
        """Hz."""
        return self.reader.sample_rate

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return (self.stop - self.start) / self.sample_rate

    def read(self) -> np.ndarray:
        """All of it, (S,) float32 at int16 scale."""
        return self.reader.read(self.start, self.stop)

    def parts(self, part_s: float) -> Iterator["AudioPiece"]:
        """Pieces of `part_s` seconds one after the other, the last one shorter."""
        size = max(1, int(part_s * self.sample_rate))
        for start in range(self.start, self.stop, size):
            yield AudioPiece(self.reader, start, min(start + size, self.stop))

    def blocks(self, block_s: float) -> Iterator[np.ndarray]:
        """(S,) of `block_s` seconds each, the last one shorter."""
        return self.reader.blocks(block_s, self.start, self.stop)


def iter_blocks(
    path: AudioFile,
    block_s: float,
    *,
    sample_rate: int | None = None,
    channel: int | None = None,
    start_s: float = 0.0,
    end_s: float | None = None,
    max_hours: float = MAX_HOURS,
) -> Iterator[np.ndarray]:
    """Reads a long file in blocks (S,) of `block_s` seconds, the last one shorter.

    Joined, the blocks equal what `read_audio` gives; arguments as there, and errors too. Memory is that of one
    block. `audio_info` tells the rate where `sample_rate` is None.
    """
    with AudioReader(path, sample_rate, channel, max_hours) as reader:
        yield from AudioPiece.cut(reader, start_s, end_s).blocks(block_s)


def write_audio(path: str | os.PathLike[str], wave: np.ndarray, rate: int, comment: str = "") -> None:
    """Writes 16-bit WAV or FLAC, by the ending of `path`; the file appears when it is complete.

    Args:
        wave: (S,) or (S, channels) at int16 scale; rounded to the nearest integer, clipped to int16.
        rate: Hz.
        comment: text for the file's header, for `read_comment`.
    Raises:
        DataError: the ending is neither .wav nor .flac, or a sample is not finite.
    """
    write_blocks(path, [wave], rate, comment)


def write_blocks(path: str | os.PathLike[str], blocks: Iterable[np.ndarray], rate: int, comment: str = "") -> None:
    """As `write_audio`, of a recording that comes in blocks (S_i,) or (S_i, channels), at least one.

    Args:
        path: of the file.
        blocks: at int16 scale.
        rate, comment: as of `write_audio`.
    Raises:
        DataError: as `write_audio`, or a block could not be made.
        OSError: the disk is full; it names the file.
    """
    formats = {".wav": "WAV", ".flac": "FLAC"}
    ending = Path(path).suffix.lower()
    if ending not in formats:
        raise DataError(f"{path}: expected a name that ends in .wav or .flac")
    left = iter(blocks)
    first = next(left)
    n_channels = 1 if first.ndim == 1 else first.shape[1]
    with atomic_path(path) as temporary, open(temporary, "r+b") as target:
        disk = _Disk(target)
        with soundfile.SoundFile(disk, "w", rate, n_channels, "PCM_16", format=formats[ending]) as file:
            if comment:
                file.comment = comment
            for block in chain([first], left):
                if not np.isfinite(block).all():
                    raise DataError(f"{path}: expected finite samples to write, got NaN or infinity")
                file.write(np.clip(np.rint(block), -FULL_SCALE, FULL_SCALE - 1).astype(np.int16))
                disk.check()
        disk.flush()
        disk.check()


class _Disk:
    """A file for libsndfile, which does not say that a disk is full: the error is kept, to be asked for.

    Args:
        file: open to read and write.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.seek, self.tell, self.read = file.seek, file.tell, file.read
        self._file = file
        self._error: OSError | None = None

    def write(self, data: bytes) -> int:
        try:
            return self._file.write(data) if self._error is None else len(data)
        except OSError as error:
            self._error = error
            return len(data)

    def flush(self) -> None:
        try:
            self._file.flush()
        except OSError as error:
            self._error = self._error or error

    def check(self) -> None:
        """Raises the error that there was."""
        if self._error is not None:
            raise self._error


def read_comment(path: str | os.PathLike[str]) -> str:
    """The comment in an audio file's header; "" where there is none, or no such file."""
    try:
        with soundfile.SoundFile(os.fspath(path)) as file:
            return str(file.comment)
    except (OSError, soundfile.LibsndfileError, RuntimeError):
        return ""
