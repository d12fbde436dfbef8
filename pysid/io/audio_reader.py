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

FULL_SCALE = 32768.0
PREROLL_S = 0.5  # Ogg: an Opus decoder takes some of the past to settle after a seek
FILTER_ZEROS = 6  # torchaudio's defaults: zero crossings of the resampling filter on each side,
FILTER_ROLLOFF = 0.99  # and its cut-off as a share of the lower Nyquist frequency
STREAMED_BYTES = 0x7FFF0000  # from here on, a size in a WAV header means that the writer did not know it
MAX_OGG_PAGE_BYTES = 65307

Source = str | os.PathLike[str] | BinaryIO


class AudioReader:
    """One channel of an audio file, or the mean of all (channel None), float32 at int16 scale.

    A context manager. `n_samples` and the slices of `read` count at `sample_rate`, which is the file's own
    where none is given.

    Raises:
        DataError: the file is missing, empty, not audio, or cut off, or lacks samples or the channel.
    """

    def __init__(self, source: Source, sample_rate: int | None = None, channel: int | None = 0) -> None:
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
        common = math.gcd(self.sample_rate, self.file.samplerate)
        self._step = self.file.samplerate // common  # this many samples of the file
        self._new_step = self.sample_rate // common  # become this many
        self.n_samples = -(-self.file.frames * self._new_step // self._step)

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
        if self._step == self._new_step:
            return self._read_own(start, stop)
        # Both ends of the piece move outwards, to whole steps and by the reach of the filter.
        reach = math.ceil(FILTER_ZEROS * self._step / min(self._step, self._new_step) / FILTER_ROLLOFF)
        n_steps = -(-reach // self._step) + 1
        first = max(0, start // self._new_step - n_steps)
        last = -(-stop // self._new_step) + n_steps
        own = self._read_own(first * self._step, min(last * self._step, self.file.frames))
        skip = start - first * self._new_step
        return _resample(own, self._step, self._new_step)[skip : skip + stop - start]

    def _read_own(self, start: int, stop: int) -> np.ndarray:
        """The samples [start, stop) at the file's own rate."""
        try:
            self._go_to(start)
            samples = self.file.read(stop - start, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise DataError(f"{self.name}: broken or cut off: {_reason(error)}") from None
        if len(samples) < stop - start:
            raise _cut_off(self.name, f"{self.file.frames} samples", start + len(samples))
        wave = samples.mean(1) if self.channel is None else samples[:, self.channel]
        if not math.isfinite(peak(wave)):
            place = int(np.argmin(np.isfinite(wave)))
            raise DataError(
                f"{self.name}: expected finite samples, got {wave[place]} at sample {start + place}"
            )
        return wave * np.float32(FULL_SCALE)

    def _go_to(self, start: int) -> None:
        if self.file.tell() == start:
            return
        preroll = min(start, int(PREROLL_S * self.file.samplerate)) if self.file.format == "OGG" else 0
        self.file.seek(start - preroll)
        self.file.read(preroll, dtype="float32")

    def _check(self, source: Source) -> None:
        if self.file.frames == 0:
            raise DataError(f"{self.name}: expected audio, got a {self.file.format} file with 0 samples")
        if self.channel is not None and not 0 <= self.channel < self.file.channels:
            channels = f"0 to {self.file.channels - 1}" if self.file.channels > 1 else "0"
            raise DataError(f"{self.name}: expected a channel of the file ({channels}), got {self.channel}")
        _check_complete(source, self.file, self.name)


def peak(wave: np.ndarray) -> float:
    """The largest magnitude of a waveform; not finite if a sample is not."""
    return max(abs(float(wave.max())), abs(float(wave.min())))


def _resample(wave: np.ndarray, rate: int, new_rate: int) -> np.ndarray:
    import torch

    from pysid._torchaudio import functional

    resampled = functional.resample(
        torch.from_numpy(wave), rate, new_rate, lowpass_filter_width=FILTER_ZEROS, rolloff=FILTER_ROLLOFF
    )
    return np.asarray(resampled.numpy())


def _name(source: Source) -> str:
    if isinstance(source, str | os.PathLike):
        return os.fspath(source)
    return str(getattr(source, "name", "audio stream"))


def _open(source: Source, name: str) -> soundfile.SoundFile:
    try:
        return soundfile.SoundFile(source)
    except soundfile.LibsndfileError as error:
        raise DataError(f"{name}: {_diagnosis(source, error)}") from None


def _diagnosis(source: Source, error: soundfile.LibsndfileError) -> str:
    """Why a file does not open: libsndfile calls a missing file a system error, an empty one a format."""
    if isinstance(source, str | os.PathLike):
        try:
            with Path(source).open("rb") as file:
                if not file.read(1):
                    return "expected audio, got an empty file"
        except OSError as reason:
            return f"cannot read the file: {reason.strerror}"
    return f"expected an audio file, got something else or a broken one: {_reason(error)}"


def _reason(error: soundfile.LibsndfileError) -> str:
    return str(error.error_string).removeprefix("Error : ")


def _check_complete(source: Source, file: soundfile.SoundFile, name: str) -> None:
    """Libsndfile reads what there is of a file that was cut off, so that speech would be missing silently."""
    promised = re.search(r"^ *(?:data|SSND) *: (\d+) \(should be (\d+)\)", file.extra_info, re.MULTILINE)
    if promised and int(promised[2]) < int(promised[1]) < STREAMED_BYTES:
        raise _cut_off(name, f"{promised[1]} bytes of samples", promised[2])
    if file.format == "OGG":
        if isinstance(source, str | os.PathLike):
            with Path(source).open("rb") as stream:
                _check_last_ogg_page(stream, name)
        else:
            position = source.tell()
            _check_last_ogg_page(source, name)
            source.seek(position)


def _check_last_ogg_page(stream: BinaryIO, name: str) -> None:
    """The last page must be whole: 27 bytes, a table of segment sizes, the segments (RFC 3533, section 6)."""
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, size - 2 * MAX_OGG_PAGE_BYTES))
    tail = stream.read()
    page = tail[tail.rfind(b"OggS\0") :]
    n_segments = page[26] if len(page) > 26 else 0
    expected = 27 + n_segments + sum(page[27 : 27 + n_segments])
    if len(page) < expected:
        raise _cut_off(name, f"a last Ogg page of at least {expected} bytes", len(page))


def _cut_off(name: str, expected: str, got: object) -> DataError:
    return DataError(f"{name}: cut off: expected {expected}, got {got}")
