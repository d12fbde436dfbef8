"""An open audio file as slices of one waveform, at any sample rate."""

import math
import os
import re
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np
import soundfile

from pysid.errors import DataError
from pysid.io.audio.ffmpeg import decode, needs_ffmpeg
from pysid.io.audio.resampler import Resampler

FULL_SCALE = 32768.0
OPUS_PREROLL_S = 4.0  # at low bit rates the decoder takes seconds after a seek to give the very same samples
SKIP_S = 10.0  # what is decoded only to be skipped is read in pieces of this length
STREAMED_BYTES = 0x7FFF0000  # from here on, a size in a WAV header means that the writer did not know it
SHORT_CHUNK = re.compile(r"^ *(?:data|SSND|Data Size|riff|Riff size) *: (\d+) \(should be (\d+)\)", re.MULTILINE)
MAX_OGG_PAGE_BYTES = 65307

AudioFile = str | os.PathLike[str] | BinaryIO


class AudioReader:
    """One channel of an audio file, or the mean of all (channel None), float32 at int16 scale.

    A context manager. `n_samples` and the slices of `read` count at `sample_rate`, which is the file's own
    where none is given. Slices that follow or overlap one another are cheap: nothing is decoded twice.

    Raises:
        DataError: the file is missing, empty, not audio, or cut off, or lacks samples or the channel.
    """

    def __init__(self, source: AudioFile, sample_rate: int | None = None, channel: int | None = 0) -> None:
        if sample_rate is not None and sample_rate < 1:
            raise ValueError(f"sample_rate must be at least 1 Hz, got {sample_rate}")
        self.name = _name(source)
        self.file = _open(source, self.name)
        self.channel = channel
        self.sample_rate = sample_rate or self.file.samplerate
        try:
            self._check(source)
        except DataError:
            self.file.close()
            raise
        self._resampler = None if self.sample_rate == self.file.samplerate else self._make_resampler()
        self.n_samples = self._resampler.length(self.file.frames) if self._resampler else self.file.frames
        self._last, self._start, self._stop = np.zeros(0, np.float32), 0, 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.file.close()

    def read(self, start: int, stop: int) -> np.ndarray:
        """The samples [start, stop), 0 <= start < stop <= n_samples: (stop - start,).

        Raises:
            DataError: the file is broken or cut off there, or a sample is not finite.
        """
        if self._resampler is None:
            return self._read_own(start, stop)
        first, last = self._resampler.needs(start, stop)
        return self._resampler(self._read_own(first, min(last, self.file.frames)), first, start, stop)

    def _read_own(self, start: int, stop: int) -> np.ndarray:
        """The samples [start, stop) at the file's own rate, as far as possible out of the last call's."""
        if self._start <= start < self._stop <= stop:
            overlap = self._last[start - self._start :]
            wave = np.concatenate([overlap, self._decode(self._stop, stop)])
        else:
            wave = self._decode(start, stop)
        self._last, self._start, self._stop = wave, start, stop
        return wave

    def _decode(self, start: int, stop: int) -> np.ndarray:
        try:
            self._go_to(start)
            samples = self.file.read(stop - start, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise DataError(f"{self.name}: broken or cut off: {_reason(error)}") from None
        if len(samples) < stop - start:
            raise _cut_off(self.name, f"{self.file.frames} samples", start + len(samples))
        wave = samples.mean(1) if self.channel is None else samples[:, self.channel]
        if stop > start and not math.isfinite(peak(wave)):
            place = int(np.argmin(np.isfinite(wave)))
            raise DataError(f"{self.name}: expected finite samples, got {wave[place]} at sample {start + place}")
        return wave * np.float32(FULL_SCALE)

    def _go_to(self, start: int) -> None:
        """Seeks so that the next samples are those of a file that is read from its beginning."""
        here = self.file.tell()
        if here == start:
            return
        anchor = start
        if self.file.subtype == "OPUS":
            anchor = max(0, start - int(OPUS_PREROLL_S * self.file.samplerate))
        elif self.file.subtype == "VORBIS":  # libsndfile seeks to a wrong place at some block boundaries
            anchor = 0
        if not anchor <= here <= start:
            self.file.seek(anchor)
        block = int(SKIP_S * self.file.samplerate)
        for at in range(self.file.tell(), start, block):
            self.file.read(min(block, start - at), dtype="float32")

    def _make_resampler(self) -> Resampler:
        try:
            return Resampler(self.file.samplerate, self.sample_rate)
        except ValueError as error:
            self.file.close()
            raise DataError(f"{self.name}: {error}") from None

    def _check(self, source: AudioFile) -> None:
        _check_complete(source, self.file, self.name)
        if self.file.frames == 0:
            raise DataError(f"{self.name}: expected audio, got a {self.file.format} file with 0 samples")
        if self.channel is not None and not 0 <= self.channel < self.file.channels:
            channels = f"0 to {self.file.channels - 1}" if self.file.channels > 1 else "0"
            raise DataError(f"{self.name}: expected a channel of the file ({channels}), got {self.channel}")


def peak(wave: np.ndarray) -> float:
    """The largest magnitude of a waveform; not finite if a sample is not."""
    return max(abs(float(wave.max())), abs(float(wave.min())))


def _name(source: AudioFile) -> str:
    if isinstance(source, str | os.PathLike):
        return os.fspath(source)
    return str(getattr(source, "name", "audio stream"))


def _open(source: AudioFile, name: str) -> soundfile.SoundFile:
    if not isinstance(source, str | os.PathLike):
        source.seek(0)  # where another reader may have left it
    elif needs_ffmpeg(source):
        _check_readable(source)
        source = decode(source)
    try:
        return soundfile.SoundFile(source)
    except soundfile.LibsndfileError as error:
        if isinstance(source, str | os.PathLike):
            _check_readable(source)
        reason = f"expected an audio file, got something else or a broken one: {_reason(error)}"
        raise DataError(f"{name}: {reason}") from None


def _check_readable(path: str | os.PathLike[str]) -> None:
    """Says why a file does not open: libsndfile calls a missing file a system error, an empty one a format."""
    try:
        with Path(path).open("rb") as file:
            if not file.read(1):
                raise DataError(f"{os.fspath(path)}: expected audio, got an empty file")
    except OSError as reason:
        raise DataError(f"{os.fspath(path)}: cannot read the file: {reason.strerror}") from None


def _reason(error: soundfile.LibsndfileError) -> str:
    return str(error.error_string).removeprefix("Error : ")


def _check_complete(source: AudioFile, file: soundfile.SoundFile, name: str) -> None:
    """Libsndfile reads what there is of a file that was cut off, so that speech would be missing silently.

    FLAC and MP3 are found out when the samples that are missing are read.
    """
    n_bytes = SHORT_CHUNK.search(file.extra_info)  # WAV, AIFF, AU, W64, RF64
    if n_bytes and int(n_bytes[2]) < int(n_bytes[1]) < STREAMED_BYTES:
        raise _cut_off(name, f"{n_bytes[1]} bytes of samples", n_bytes[2])
    if file.format in ("OGG", "NIST"):
        start, tail = _ends(source)
        if file.format == "OGG":
            _check_last_ogg_page(tail, name)
        elif (count := re.search(rb"\nsample_count -i (\d+)", start)) and file.frames < int(count[1]):
            raise _cut_off(name, f"{int(count[1])} samples", file.frames)


def _ends(source: AudioFile) -> tuple[bytes, bytes]:
    """The first bytes of a file, and the last: at least one page of Ogg."""
    if isinstance(source, str | os.PathLike):
        with Path(source).open("rb") as stream:
            return _ends(stream)
    position = source.tell()
    source.seek(0)
    start = source.read(1024)
    size = source.seek(0, os.SEEK_END)
    source.seek(max(0, size - 2 * MAX_OGG_PAGE_BYTES))
    tail = source.read()
    source.seek(position)
    return start, tail


def _check_last_ogg_page(tail: bytes, name: str) -> None:
    """The last page must be whole: 27 bytes, a table of segment sizes, the segments (RFC 3533, section 6)."""
    page = tail[tail.rfind(b"OggS\0") :]
    n_segments = page[26] if len(page) > 26 else 0
    expected = 27 + n_segments + sum(page[27 : 27 + n_segments])
    if len(page) < expected:
        raise _cut_off(name, f"a last Ogg page of at least {expected} bytes", len(page))


def _cut_off(name: str, expected: str, got: object) -> DataError:
    return DataError(f"{name}: cut off: expected {expected}, got {got}")
