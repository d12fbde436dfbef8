"""The types of value that tables hold, each with its form in binary and in text.

Source: kaldi/src/util/kaldi-holder-inl.h; Kaldi's programs compute with float32, so doubles are read as such.
"""

import io
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO, Generic, TypeVar

import numpy as np

from pysid.io.ark.archive import range_slices, with_axes
from pysid.io.ark.compression import compress
from pysid.io.ark.record import BINARY, read_array
from pysid.io.kaldi.files import new_writer
from pysid.io.text import shorten
from pysid.kaldi.log import Log
from pysid.kaldi.wave import Wave, read_header, read_wave, wave_bytes

V = TypeVar("V")

LINE_END = b"\n"


@dataclass(frozen=True)
class Holder(Generic[V]):
    """How values of one type are read and written.

    Attributes:
        read: from a stream after a key, and the byte that ended the key; raises ValueError.
        write: the bytes of a value, binary or not; raises ValueError. None for types that are only read.
        select: the part of a value within a range such as `0:99`; None where there are no ranges.
    """

    read: Callable[[BinaryIO, bytes, Log], V]
    write: Callable[[V, bool, Log], bytes] | None = None
    select: Callable[[V, str], V] | None = None


def is_binary(file: BinaryIO, separator: bytes) -> tuple[bool, bytes]:
    """Whether a binary value follows; if not, the line that follows."""
    if separator == LINE_END:
        return False, b""
    start = file.read(1)
    if start == BINARY[:1]:
        if (second := file.read(1)) != BINARY[1:]:
            raise ValueError(f"expected a binary value, got {shorten(start + second)}")
        return True, b""
    return False, start if start == LINE_END else start + file.readline()


def _read_matrix(file: BinaryIO, separator: bytes, log: Log) -> np.ndarray:
    return with_axes(read_array(file, separator), 2)


def _read_vector(file: BinaryIO, separator: bytes, log: Log) -> np.ndarray:
    return with_axes(read_array(file, separator), 1)


def _write_matrix(value: np.ndarray, binary: bool, log: Log) -> bytes:
    writer = new_writer(binary)
    writer.matrix(value.astype(np.float32, copy=False))
    return writer.content()


def _write_vector(value: np.ndarray, binary: bool, log: Log) -> bytes:
    writer = new_writer(binary)
    writer.vector(value.astype(np.float32, copy=False))
    return writer.content()


def _read_double_matrix(file: BinaryIO, separator: bytes, log: Log) -> np.ndarray:
    return with_axes(read_array(file, separator, np.float64), 2)


def _write_double_matrix(value: np.ndarray, binary: bool, log: Log) -> bytes:
    writer = new_writer(binary)
    writer.matrix(value.astype(np.float64, copy=False))
    return writer.content()


def _select(value: np.ndarray, bounds: str) -> np.ndarray:
    return value[range_slices(bounds, value.shape)]


MATRIX = Holder(_read_matrix, _write_matrix, _select)
DOUBLE_MATRIX = Holder(_read_double_matrix, _write_double_matrix, _select)
VECTOR = Holder(_read_vector, _write_vector, _select)


def compressed_matrix(method: int) -> Holder[np.ndarray]:
    """Matrices that are written compressed, see `pysid.io.ark.compression`; text has the values after compression."""

    def write(value: np.ndarray, binary: bool, log: Log) -> bytes:
        record = compress(value.astype(np.float32, copy=False), method)
        if binary:
            return BINARY + record
        return _write_matrix(read_array(io.BytesIO(BINARY + record)), False, log)

    return Holder(_read_matrix, write, _select)


def _number(letter: str, kind: type[int] | type[float], text_form: str) -> Holder[Any]:
    """A single number; Kaldi's basic types."""

    def read(file: BinaryIO, separator: bytes, log: Log) -> Any:
        binary, line = is_binary(file, separator)
        if binary:
            data = file.read(5)
            if len(data) < 5 or data[:1] != b"\4":
                raise ValueError(f"expected a number of 4 bytes, got {shorten(data)}")
            return kind(struct.unpack(f"<{letter}", data[1:])[0])
        try:
            return kind(line)
        except ValueError:
            raise ValueError(f"expected {kind.__name__} and a line end, got {shorten(line)}") from None

    def write(value: Any, binary: bool, log: Log) -> bytes:
        if binary:
            return BINARY + b"\4" + struct.pack(f"<{letter}", value)
        return f"{value:{text_form}} \n".encode()

    return Holder(read, write)


INTEGER: Holder[int] = _number("i", int, "d")
FLOAT: Holder[float] = _number("f", float, ".7g")


def _read_integers(file: BinaryIO, separator: bytes, log: Log) -> np.ndarray:
    binary, line = is_binary(file, separator)
    if binary:
        n = int(_sized_integers(file, 1)[0])
        if n < 0:
            raise ValueError(f"expected a number of integers, got {n}")
        return _sized_integers(file, n)
    try:
        return np.array([int(word) for word in line.split()], np.int32)
    except (ValueError, OverflowError):
        raise ValueError(f"expected integers, got {shorten(line)}") from None


def _sized_integers(file: BinaryIO, n: int) -> np.ndarray:
    """Integers, each after a byte with its size."""
    data = file.read(5 * n)
    if len(data) < 5 * n:
        raise ValueError(f"cut off: expected {5 * n} bytes of integers, got {len(data)}")
    table = np.frombuffer(data, np.dtype([("size", "u1"), ("value", "<i4")]))
    if (table["size"] != 4).any():
        raise ValueError("expected integers of 4 bytes")
    return np.asarray(table["value"])


def _write_integers(value: np.ndarray, binary: bool, log: Log) -> bytes:
    if not binary:
        return b"".join(b"%d " % x for x in value.tolist()) + b"\n"
    return BINARY + b"".join(b"\4" + struct.pack("<i", x) for x in [len(value), *value.tolist()])


INTEGERS = Holder(_read_integers, _write_integers)


def _read_words(file: BinaryIO, separator: bytes, log: Log) -> list[str]:
    line = b"" if separator == LINE_END else file.readline()
    try:
        return [word.decode() for word in line.split()]
    except UnicodeDecodeError:
        raise ValueError(f"expected UTF-8 text, got {shorten(line)}") from None


def _read_word(file: BinaryIO, separator: bytes, log: Log) -> str:
    words = _read_words(file, separator, log)
    if len(words) != 1:
        raise ValueError(f"expected one word and a line end, got {shorten(' '.join(words))}")
    return words[0]


WORDS = Holder(_read_words)
WORD = Holder(_read_word)


def _read_duration(file: BinaryIO, separator: bytes, log: Log) -> float | None:
    """Seconds, from the header alone; None where it does not tell how many samples follow."""
    header = read_header(file)
    if header.n_bytes is None:
        return None
    if file.seekable():
        file.seek(header.n_bytes, 1)
    else:
        file.read(header.n_bytes)
    return header.n_bytes // (2 * header.n_channels) / header.sample_rate


WAVE: Holder[Wave] = Holder(
    lambda file, separator, log: read_wave(file, log.warn), lambda value, binary, log: wave_bytes(value, log.warn)
)
WAVE_DURATION: Holder[float | None] = Holder(_read_duration)
