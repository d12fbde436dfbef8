"""16-bit PCM WAV files as Kaldi reads and writes them, also one after another in an archive.

Source: kaldi/src/feat/wave-reader.cc.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from pysid.errors import DataError

STREAMED = (0, 0x7FFFFFFF, 0xFFFFFFFF)  # sizes that mean that the writer did not know it (the second is SoX's)

_PCM, _EXTENSIBLE = 1, 0xFFFE
_PCM_GUID = bytes.fromhex("0100000000001000800000aa00389b71")


@dataclass(frozen=True)
class WaveHeader:
    """What precedes the samples; there are `n_bytes` of them, None where they go on to the end of the stream."""

    sample_rate: int
    n_channels: int
    n_bytes: int | None
    byte_order: str  # "<" or ">"


@dataclass(frozen=True)
class Wave:
    """Samples (n_channels, S), float32 at int16 scale, and their rate in Hz."""

    sample_rate: int
    samples: np.ndarray

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.samples.shape[1] / self.sample_rate


def read_wave(stream: BinaryIO, warn: Callable[[str], None]) -> Wave:
    """The WAV file at a stream's position.

    Args:
        warn: is called for a file that is cut off; the samples that are there count, as in Kaldi.
    Raises:
        DataError: it is not a WAV file of 16-bit PCM, or has no samples.
    """
    header = read_header(stream)
    data = stream.read() if header.n_bytes is None else stream.read(header.n_bytes)
    if not data:
        raise DataError("expected samples, got a WAV file without any")
    if header.n_bytes is not None and len(data) < header.n_bytes:
        warn(f"Expected {header.n_bytes} bytes of wave data, but read only {len(data)} bytes. Truncated file?")
    n_values = len(data) // (2 * header.n_channels) * header.n_channels
    values = np.frombuffer(data, f"{header.byte_order}i2", n_values)
    return Wave(header.sample_rate, values.reshape(-1, header.n_channels).T.astype(np.float32))


def read_header(stream: BinaryIO) -> WaveHeader:
    """Everything before the samples. Raises DataError as `read_wave`."""
    order = {b"RIFF": "<", b"RIFX": ">"}.get(riff := _read_exactly(stream, 4))
    if order is None:
        raise DataError(f"expected a WAV file (RIFF), got {riff!r}")
    (riff_size,) = struct.unpack(f"{order}I", _read_exactly(stream, 4))
    if (form := _read_exactly(stream, 4)) != b"WAVE":
        raise DataError(f"expected a RIFF file of the form WAVE, got {form!r}")
    sample_rate, n_channels = _parse_format(_read_exactly(stream, _skip_to(stream, b"fmt ", order)), order)
    n_bytes = _skip_to(stream, b"data", order)
    is_streamed = n_bytes in STREAMED or riff_size in (0, 0xFFFFFFFF)
    return WaveHeader(sample_rate, n_channels, None if is_streamed else n_bytes, order)


def wave_bytes(wave: Wave, warn: Callable[[str], None]) -> bytes:
    """A WAV file of the samples, rounded towards zero to whole numbers; `warn` is called when samples are clipped.

    Raises:
        DataError: there are no channels.
    """
    n_channels = len(wave.samples)
    if n_channels == 0:
        raise DataError("expected a channel to write, got an empty waveform")
    whole = np.trunc(wave.samples.T)
    clipped = np.clip(whole, -32768, 32767)
    if n_clipped := int((whole != clipped).sum()):
        warn(f"WARNING: clipped {n_clipped} samples out of total {whole.size}. Reduce volume?")
    n_bytes = 2 * whole.size
    header = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        36 + n_bytes,
        b"WAVE",
        b"fmt ",
        16,
        _PCM,
        n_channels,
        wave.sample_rate,
        wave.sample_rate * n_channels * 2,
        2 * n_channels,
        16,
        b"data",
        n_bytes,
    )
    return header + clipped.astype("<i2").tobytes()


def _skip_to(stream: BinaryIO, wanted: bytes, order: str) -> int:
    """Skips chunks up to the wanted one, and gives its size."""
    while True:
        name = _read_exactly(stream, 4)
        (size,) = struct.unpack(f"{order}I", _read_exactly(stream, 4))
        if name == wanted:
            return int(size)
        _read_exactly(stream, size)


def _parse_format(chunk: bytes, order: str) -> tuple[int, int]:
    """Sample rate and channels, from the chunk `fmt `."""
    if len(chunk) < 16:
        raise DataError(f"expected a WAV format of at least 16 bytes, got {len(chunk)}")
    code, n_channels, rate, byte_rate, block, n_bits = struct.unpack(f"{order}HHIIHH", chunk[:16])
    if code != _PCM and not (code == _EXTENSIBLE and chunk[24:40] == _PCM_GUID):
        raise DataError(f"expected a WAV file of PCM samples, got the format {code}")
    if n_bits != 16:
        raise DataError(f"expected 16 bits a sample, got {n_bits}")
    if n_channels == 0 or rate == 0:
        raise DataError(f"expected channels and a sample rate, got {n_channels} at {rate} Hz")
    if block != 2 * n_channels or byte_rate != rate * block:
        raise DataError(f"expected {2 * n_channels} bytes a frame, got {block}, and {byte_rate} bytes a second")
    return rate, n_channels


def _read_exactly(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise DataError(f"expected {size} more bytes of a WAV file, got {len(data)}")
    return data
