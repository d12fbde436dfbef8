"""Audio files as waveforms at int16 scale: float32, full scale 32768, as Kaldi reads them.

Any format of libsndfile (WAV, FLAC, Ogg Opus and Vorbis, MP3, AIFF, ...). A piece is read by seeking and equals the
same slice of the whole file, resampled or not.
"""

import math
import os
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np
import soundfile

from pysid.errors import DataError, PysidWarning
from pysid.io.atomic import atomic_path

FULL_SCALE = 32768.0
LOWEST_CREDIBLE_PEAK = 2.0  # int16 scale: a louder file than this that still peaks below it was scaled to 1.0
MAX_OVERSHOOT_S = (
    0.5  # an end so far behind the recording's end is cut, as in Kaldi's featbin/extract-segments.cc
)
PREROLL_S = 0.5  # an Opus decoder needs some of the past to settle after a seek
STREAMED_BYTES = 0x7FFF0000  # from here on, a size in a WAV header means that the writer did not know it

Source = str | os.PathLike[str] | BinaryIO


@dataclass(frozen=True)
class AudioInfo:
    """What the header of an audio file says: samples a second, samples of each channel, channels."""

    sample_rate: int
    n_samples: int
    n_channels: int

    @property
    def duration_s(self) -> float:
        return self.n_samples / self.sample_rate


def audio_info(path: Source) -> AudioInfo:
    """Reads the header only.

    Raises:
        DataError: the file is missing, empty, cut off, not audio, or has no samples.
    """
    with _Reader(path) as reader:
        return reader.info


def read_audio(
    path: Source,
    *,
    sample_rate: int | None = None,
    channel: int | None = 0,
    start_s: float = 0.0,
    end_s: float | None = None,
) -> tuple[np.ndarray, int]:
    """Reads a file or a piece of it.

    Args:
        path: an audio file, or a seekable binary stream of one.
        sample_rate: Hz; resampled to it where the file has another one. None keeps the file's.
        channel: counted from 0; None takes the mean of all.
        start_s: seconds; the piece starts at sample int(start_s * rate), as in Kaldi.
        end_s: seconds, exclusive; None or infinity is the end of the file. An end less than 0.5 s behind it is cut.
    Returns:
        wave: (S,) float32 at int16 scale; a 16-bit file gives exactly its integers.
        rate: Hz, of `wave`.
    Raises:
        DataError: as `audio_info`, and: the channel or the piece does not exist, a sample is not finite.
    Warns:
        PysidWarning: the waveform is not silent but peaks below 2.0, so its scale is wrong.
    """
    with _Reader(path, sample_rate, channel) as reader:
        wave = reader.read(*reader.span(start_s, end_s))
    peak = _peak(wave)
    if 0 < peak < LOWEST_CREDIBLE_PEAK:
        message = f"{reader.name}: waveform peaks at {peak:.2g}, expected int16 scale (full scale 32768)"
        warnings.warn(message, PysidWarning, stacklevel=2)
    return wave, reader.sample_rate


def iter_blocks(
    path: Source,
    block_s: float,
    *,
    sample_rate: int | None = None,
    channel: int | None = 0,
    start_s: float = 0.0,
    end_s: float | None = None,
) -> Iterator[np.ndarray]:
    """Reads a long file in blocks of `block_s` seconds, the last one shorter; together they equal `read_audio`.

    Arguments, shapes and errors are those of `read_audio`.
    """
    with _Reader(path, sample_rate, channel) as reader:
        start, stop = reader.span(start_s, end_s)
        block = int(block_s * reader.sample_rate)
        if block < 1:
            raise ValueError(f"block_s must hold at least one sample, got {block_s}")
        for at in range(start, stop, block):
            yield reader.read(at, min(at + block, stop))


def write_audio(path: str | os.PathLike[str], wave: np.ndarray, rate: int) -> None:
    """Writes 16-bit WAV or FLAC, by the ending of `path`; the file appears when it is complete.

    Args:
        wave: (S,) or (S, channels) at int16 scale; rounded to the nearest integer and clipped to int16.
        rate: Hz.
    Raises:
        DataError: the ending is neither .wav nor .flac, or a sample is not finite.
    """
    formats = {".wav": "WAV", ".flac": "FLAC"}
    ending = Path(path).suffix.lower()
    if ending not in formats:
        raise DataError(f"{path}: expected a name that ends in .wav or .flac")
    if not np.isfinite(wave).all():
        raise DataError(f"{path}: expected finite samples to write, got NaN or infinity")
    samples = np.clip(np.rint(wave), -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)
    with atomic_path(path) as temporary:
        soundfile.write(temporary, samples, rate, subtype="PCM_16", format=formats[ending])


class _Reader:
    """An open audio file that gives slices of one channel at one rate."""

    def __init__(self, source: Source, sample_rate: int | None = None, channel: int | None = 0) -> None:
        self.name = str(getattr(source, "name", source)) if hasattr(source, "read") else os.fspath(source)
        self.file = _open(source, self.name)
        self.info = AudioInfo(self.file.samplerate, self.file.frames, self.file.channels)
        self.sample_rate = sample_rate or self.info.sample_rate
        self.channel = channel
        try:
            self._check(source)
        except DataError:
            self.file.close()
            raise
        common = math.gcd(self.sample_rate, self.info.sample_rate)
        self.step = self.info.sample_rate // common  # so many samples of the file
        self.new_step = self.sample_rate // common  # become so many
        self.n_samples = -(-self.info.n_samples * self.new_step // self.step)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.file.close()

    def _check(self, source: Source) -> None:
        if self.info.n_samples == 0:
            raise DataError(f"{self.name}: expected audio, got a {self.file.format} file with 0 samples")
        if self.channel is not None and not 0 <= self.channel < self.info.n_channels:
            raise DataError(
                f"{self.name}: expected a channel numbered {self.channel}, got a file of {self.info.n_channels}"
            )
        _check_complete(source, self.file, self.name)

    def span(self, start_s: float, end_s: float | None) -> tuple[int, int]:
        """The samples [start, stop) of a piece given in seconds, at the reader's rate."""
        rate, duration_s = self.sample_rate, self.n_samples / self.sample_rate
        start = int(start_s * rate)
        stop = self.n_samples if end_s is None or end_s == math.inf else int(end_s * rate)
        piece = f"the piece [{start_s:g}, {'end' if end_s is None else format(end_s, 'g')})"
        if start < 0 or start >= self.n_samples or stop >= self.n_samples + int(MAX_OVERSHOOT_S * rate):
            raise DataError(f"{self.name}: expected a piece of its {duration_s:g} s, got {piece}")
        if stop <= start:
            raise DataError(f"{self.name}: expected a start before the end, got {piece}")
        return start, min(stop, self.n_samples)

    def read(self, start: int, stop: int) -> np.ndarray:
        """The samples [start, stop) at the reader's rate, (stop - start,)."""
        if self.step == self.new_step:
            return self._read_own(start, stop)
        # Both ends of the piece move outwards to whole steps and by the reach of the resampling filter.
        reach = math.ceil(FILTER_ZEROS * self.step / min(self.step, self.new_step) / FILTER_ROLLOFF)
        n_steps = -(-reach // self.step) + 1
        first = max(0, start // self.new_step - n_steps)
        last = -(-stop // self.new_step) + n_steps
        piece = self._read_own(first * self.step, min(last * self.step, self.info.n_samples))
        skip = start - first * self.new_step
        return _resample(piece, self.step, self.new_step)[skip : skip + stop - start]

    def _read_own(self, start: int, stop: int) -> np.ndarray:
        """The samples [start, stop) at the file's own rate."""
        preroll = 0
        if self.file.tell() != start:
            preroll = min(start, int(PREROLL_S * self.info.sample_rate)) if self.file.format == "OGG" else 0
        try:
            if self.file.tell() != start - preroll:
                self.file.seek(start - preroll)
            samples = self.file.read(preroll + stop - start, dtype="float32", always_2d=True)[preroll:]
        except soundfile.LibsndfileError as error:
            raise DataError(f"{self.name}: broken or cut off: {_reason(error)}") from None
        if len(samples) < stop - start:
            raise _cut_off(self.name, f"{self.info.n_samples} samples", f"{start + len(samples)}")
        wave = samples.mean(1) if self.channel is None else samples[:, self.channel]
        if not math.isfinite(_peak(wave)):
            place = start + int(np.argmin(np.isfinite(wave)))
            raise DataError(
                f"{self.name}: expected finite samples, got {wave[place - start]} at sample {place}"
            )
        return np.ascontiguousarray(wave) * np.float32(FULL_SCALE)


FILTER_ZEROS = 6  # torchaudio's defaults: zero crossings of the filter on each side,
FILTER_ROLLOFF = 0.99  # and its cut-off as a share of the lower Nyquist frequency


def _resample(wave: np.ndarray, rate: int, new_rate: int) -> np.ndarray:
    import torch

    from pysid._torchaudio import functional

    resampled = functional.resample(
        torch.from_numpy(wave), rate, new_rate, lowpass_filter_width=FILTER_ZEROS, rolloff=FILTER_ROLLOFF
    )
    return resampled.numpy()


def _open(source: Source, name: str) -> soundfile.SoundFile:
    if not hasattr(source, "read"):
        _check_file(Path(name), name)
    try:
        return soundfile.SoundFile(source)
    except soundfile.LibsndfileError as error:
        raise DataError(
            f"{name}: expected an audio file, got one that libsndfile rejects: {_reason(error)}"
        ) from None


def _check_file(path: Path, name: str) -> None:
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except OSError as error:
        raise DataError(f"{name}: cannot read the file: {error.strerror}") from None
    if empty:
        raise DataError(f"{name}: expected audio, got an empty file")


def _check_complete(source: Source, file: soundfile.SoundFile, name: str) -> None:
    """Libsndfile reads what there is of a file that was cut off; a piece of speech would be missing silently."""
    promised = re.search(r"^ *(?:data|SSND) *: (\d+) \(should be (\d+)\)", file.extra_info, re.MULTILINE)
    if promised and int(promised[1]) > int(promised[2]) and int(promised[1]) < STREAMED_BYTES:
        raise _cut_off(name, f"{promised[1]} bytes of samples", promised[2])
    if file.format == "OGG" and not hasattr(source, "read"):
        _check_last_ogg_page(Path(name))


def _check_last_ogg_page(path: Path) -> None:
    """The last page of an Ogg file must be whole (RFC 3533, section 6)."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 2 * 65307))  # a page has at most 65307 bytes
        tail = file.read()
    page = tail[tail.rfind(b"OggS\0") :]
    n_segments = page[26] if len(page) > 26 else 255
    expected = 27 + n_segments + sum(page[27 : 27 + n_segments])
    if len(page) < expected:
        raise _cut_off(str(path), f"a last Ogg page of {expected} bytes", str(len(page)))


def _cut_off(name: str, expected: str, got: str) -> DataError:
    return DataError(f"{name}: cut off: expected {expected}, got {got}")


def _reason(error: soundfile.LibsndfileError) -> str:
    return str(error.error_string).removeprefix("Error : ")


def _peak(wave: np.ndarray) -> float:
    """The largest magnitude; not finite if a sample is not."""
    return max(abs(float(wave.max())), abs(float(wave.min())))
