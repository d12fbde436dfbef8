"""An open audio file as slices of one waveform, at any sample rate."""

import math
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from types import TracebackType
from typing import Self

import numpy as np
import soundfile

from pysid.errors import DataError, PysidWarning
from pysid.io.audio.channels import Mix, choose_mix, only
from pysid.io.audio.resampler import Resampler
from pysid.io.audio.sound import BLOCK_SAMPLES, DECODED, FileState, Sound, open_sound
from pysid.io.audio.streams import AudioFile, name_of, open_stream, spooled

FULL_SCALE = 32768.0
MAX_HOURS = 24.0  # of a recording, unless more is asked for
HIGHEST_SAMPLE = 65536.0  # at a full scale of 1: even integers that somebody took for floats are lower
MIXES_KEPT = 1000  # of files of which one piece after the other is read
DECODED_MORE_S = 10.0  # than is allowed: so it is seen to be too much
LOOK_S, LOOKS = 10.0, 60  # of a longer recording so many pieces of this length tell how its channels are mixed

__all__ = ["FULL_SCALE", "MAX_HOURS", "AudioFile", "AudioReader", "peak", "reading", "rereadable"]


_mixes: dict[FileState, Mix] = {}  # the oldest first


class AudioReader:
    """One channel of an audio file, or all of them made one (channel None), float32 at int16 scale.

    A context manager. `n_samples` and the slices of `read` count at `sample_rate`, which is the file's own
    where none is given. Slices that follow or overlap one another are cheap: nothing is decoded twice.

    Args:
        source: a path, "-" for standard input, bytes, or a binary stream; what is not a file is spooled to disk.
        sample_rate: Hz; None keeps the file's.
        channel: counted from 0; None takes the mean as `channels` has it.
        max_hours: a longer recording is refused.
    Raises:
        DataError: the file is missing, empty, not audio, cut off or too long, or lacks samples or the channel.
    """

    def __init__(
        self,
        source: AudioFile,
        sample_rate: int | None = None,
        channel: int | None = None,
        max_hours: float = MAX_HOURS,
    ) -> None:
        if sample_rate is not None and sample_rate < 1:
            raise ValueError(f"sample_rate must be at least 1 Hz, got {sample_rate}")
        self.name = name_of(source)
        with reading(self.name):
            self.file: Sound = open_sound(open_stream(source), self.name, most_s=3600 * max_hours + DECODED_MORE_S)
        self.channel = channel
        self.sample_rate = sample_rate or self.file.samplerate
        self._mix: Mix | None = None
        try:
            self._check(max_hours)
            self._resampler = self._make_resampler()
        except DataError:
            self.file.close()
            raise
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
        Warns:
            PysidWarning: the channels hold different things, or cancel each other out.
        """
        if self._resampler is None:
            return self._read_own(start, stop)
        first, last = self._resampler.needs(start, stop)
        return self._resampler(self._read_own(first, min(last, self.file.frames)), first, start, stop)

    def take_channel(self, channel: int | None) -> None:
        """Switches to one channel of a recording that has several, before anything is read; a single channel is kept.

        Raises:
            DataError: there is no such channel.
        """
        if channel is not None and self.file.channels > 1:
            self._check_channel(channel)
            self.channel = channel

    def blocks(self, block_s: float, start: int = 0, stop: int | None = None) -> Iterator[np.ndarray]:
        """The samples [start, stop), by default all, in blocks (S,) of `block_s` seconds, the last one shorter.

        Args:
            block_s: seconds a block.
            start, stop: samples at `sample_rate`; a `stop` of None is the end.
        """
        size = int(block_s * self.sample_rate)
        if size < 1:
            raise ValueError(f"block_s must hold at least one sample, got {block_s}")
        stop = self.n_samples if stop is None else stop
        for at in range(start, stop, size):
            yield self.read(at, min(at + size, stop))

    def _read_own(self, start: int, stop: int) -> np.ndarray:
        """The samples [start, stop) at the file's own rate, reusing those of the last call as far as possible."""
        if self._start <= start < self._stop <= stop:
            overlap = self._last[start - self._start :]
            wave = np.concatenate([overlap, self._decode(self._stop, stop)])
        else:
            wave = self._decode(start, stop)
        self._last, self._start, self._stop = wave, start, stop
        return wave

    def _decode(self, start: int, stop: int) -> np.ndarray:
        mix = self._mix or self._choose_mix()
        size = max(1, BLOCK_SAMPLES // self.file.channels)
        with reading(self.name):
            wave = np.empty(stop - start, np.float32)
            for at in range(start, stop, size):
                samples = self.file.read(at, min(size, stop - at))
                if len(samples) < min(size, stop - at):
                    raise cut_off(self.name, f"{self.file.frames} samples", at + len(samples))
                with np.errstate(invalid="ignore", over="ignore"):  # what is not finite is refused below
                    wave[at - start : at - start + len(samples)] = mix(samples)
        if stop > start and not peak(wave) <= HIGHEST_SAMPLE:
            place = int(np.argmin(np.abs(wave) <= HIGHEST_SAMPLE))
            expected = "a full scale of 1" if math.isfinite(wave[place]) else "finite samples"
            raise DataError(f"{self.name}: expected {expected}, got {wave[place]:g} at sample {start + place}")
        wave *= np.float32(FULL_SCALE)
        return wave

    def _choose_mix(self) -> Mix:
        n_channels = self.file.channels
        if self.channel is not None or n_channels == 1:
            self._mix = only(self.channel or 0, n_channels)
        else:
            state = self.file.state()
            self._mix = None if state is None else _mixes.get(state)
            if self._mix is None:
                with reading(self.name):
                    self._mix = choose_mix(self._looks(), n_channels)
                if state is not None:
                    _keep(state, self._mix)
            if self._mix.warning:
                warnings.warn(f"{self.name}: {self._mix.warning}", PysidWarning, stacklevel=2)
        return self._mix

    def _looks(self) -> Iterator[np.ndarray]:
        """Pieces of the recording, at even distances where it is long."""
        size = int(LOOK_S * self.file.samplerate)
        step = max(size, self.file.frames // LOOKS)
        for at in range(0, self.file.frames, step):
            yield self.file.read(at, min(size, self.file.frames - at, max(1, BLOCK_SAMPLES * 8 // self.file.channels)))

    def _make_resampler(self) -> Resampler | None:
        if self.sample_rate == self.file.samplerate:
            return None
        try:
            return Resampler(self.file.samplerate, self.sample_rate)
        except ValueError as error:
            raise DataError(f"{self.name}: {error}") from None

    def _check(self, max_hours: float) -> None:
        file = self.file
        if file.frames <= 0:
            raise DataError(f"{self.name}: expected audio, got a {file.format} file with 0 samples")
        if not 0 < file.samplerate < 1 << 31:
            raise DataError(f"{self.name}: expected a sample rate, got {file.samplerate} Hz")
        hours = file.frames / file.samplerate / 3600
        if hours > max_hours:
            got = "more" if file.format == DECODED else f"{_beyond(hours, max_hours)} by its header"
            raise DataError(f"{self.name}: expected at most {max_hours:g} hours, got {got}; --max-hours allows more")
        if self.channel is not None:
            self._check_channel(self.channel)

    def _check_channel(self, channel: int) -> None:
        last = self.file.channels - 1
        if not 0 <= channel <= last:
            channels = f"0 to {last}" if last else "0"
            raise DataError(f"{self.name}: expected a channel of the file ({channels}), got {channel}")


def _beyond(value: float, limit: float) -> str:
    """A number with as many decimals, one at least, as it takes to see that it is more than the limit.

    >>> _beyond(1234.56, 24), _beyond(24.0004, 24), _beyond(0.0083, 0.001)
    ('1,234.6', '24.0004', '0.008')
    """
    digits = next(n for n in count(1) if math.floor(value * 10**n) > limit * 10**n)
    return f"{value:,.{digits}f}"


def _keep(state: FileState, mix: Mix) -> None:
    while len(_mixes) >= MIXES_KEPT:
        del _mixes[next(iter(_mixes))]
    _mixes[state] = mix


def rereadable(source: AudioFile) -> AudioFile:
    """As `spooled`, with a DataError that names the recording for all that can go wrong."""
    with reading(name_of(source)):
        return spooled(source)


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Turns whatever goes wrong while a recording is read into a DataError that names it."""
    try:
        yield
    except DataError:
        raise
    except soundfile.LibsndfileError as error:
        reason = re.sub(r"^Error : ", "", str(error.error_string))
        raise DataError(f"{name}: broken or cut off: {reason}") from None
    except MemoryError:
        raise DataError(f"{name}: there is not enough memory to read it") from None
    except OSError as error:
        raise DataError(f"{name}: cannot read the file: {error.strerror or error}") from None
    except (ValueError, TypeError, OverflowError, RuntimeError, ArithmeticError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"{name}: cannot read the file: {reason}") from None


def peak(wave: np.ndarray) -> float:
    """The largest magnitude of a waveform; not finite if a sample is not."""
    return max(abs(float(wave.max())), abs(float(wave.min())))


def cut_off(name: str, expected: str, got: object) -> DataError:
    """The error about a file that ends too early.

    Args:
        name: of the file.
        expected: how much there should be, with its unit.
        got: how much there is.
    """
    return DataError(f"{name}: cut off: expected {expected}, got {got}")
