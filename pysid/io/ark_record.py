"""One vector or matrix of a Kaldi archive: reading it from a stream, and finding its end without reading it.

kaldiio decodes the binary forms. Two things are done here: text, because kaldiio takes a vector for one of integers
when its first number has no point, and the refusal of what is not a vector or matrix, because kaldiio unpickles.
Source of the formats: Kaldi matrix/kaldi-matrix.cc, kaldi-vector.cc, compressed-matrix.cc, util/kaldi-holder-inl.h.
"""

import struct
from typing import BinaryIO

import kaldiio.matio
import numpy as np

from pysid.io.text import shorten

BINARY = b"\0B"
INTEGERS = b"\4"  # a vector of integers begins with the size of one
SPACE = b" \t"


def read_key(file: BinaryIO) -> tuple[str | None, bytes]:
    """The next key of an archive, None at its end, and the byte that ended it.

    Raises:
        ValueError: the archive ends within the key, or the key is not UTF-8.
    """
    key = b""
    while byte := file.read(1):
        if byte == b"\n" and not key:
            continue  # the end of a text record
        if byte in SPACE or byte == b"\n":
            return key.decode(), byte
        key += byte
    if key:
        raise ValueError(f"expected a key and a space, got {shorten(key)} and the end of the file")
    return None, b""


def read_array(file: BinaryIO, separator: bytes = b" ") -> np.ndarray:
    """The vector or matrix at the stream's position, float32.

    Args:
        file: a binary stream behind a key and its separator, or at the start of a file with one object.
        separator: the byte that ended the key; a line break means that nothing follows on the line.
    Raises:
        ValueError: what is there is not a vector or matrix, or it is broken or cut off.
    """
    if separator == b"\n":
        return np.zeros(0, np.float32)
    start = file.read(len(BINARY))
    if start != BINARY:
        return _read_text(file, start)
    start += file.read(1)
    exact = _Exact(file, start)
    try:
        read = (
            kaldiio.matio.read_int32vector if start[-1:] == INTEGERS else kaldiio.matio.read_matrix_or_vector
        )
        return np.asarray(read(exact), np.float32)
    except (AssertionError, EOFError, struct.error, RuntimeError, MemoryError, UnicodeDecodeError) as error:
        raise ValueError(f"broken or cut off: {error or 'unexpected bytes'}") from None


class _Exact:
    """A stream that hands out some bytes again first, and never fewer bytes than were asked for."""

    def __init__(self, file: BinaryIO, again: bytes) -> None:
        self.file = file
        self.again = again

    def read(self, size: int) -> bytes:
        if size < 0:
            raise EOFError(f"a size of {size} bytes")
        head, self.again = self.again[:size], self.again[size:]
        data = head + self.file.read(size - len(head)) if len(head) < size else head
        if len(data) < size:
            raise EOFError(f"expected {size} bytes, got {len(data)}")
        return data


def _read_text(file: BinaryIO, start: bytes) -> np.ndarray:
    line = start if start.endswith(b"\n") else start + file.readline()
    before, bracket, text = line.partition(b"[")
    if not bracket:
        return _numbers(line)
    if before.strip():
        raise ValueError(f"expected a vector or matrix, got {shorten(line)}")
    while b"]" not in text:
        line = file.readline()
        if not line:
            raise ValueError("cut off: expected a closing ']', got the end of the file")
        text += line
    rows = text[: text.index(b"]")].split(b"\n")
    if len(rows) == 1:
        return _numbers(rows[0])
    matrix = [_numbers(row) for row in rows if row.strip()]
    if len({len(row) for row in matrix}) > 1:
        raise ValueError(f"expected rows of one length, got {sorted({len(row) for row in matrix})}")
    return np.stack(matrix) if matrix else np.zeros((0, 0), np.float32)


def _numbers(text: bytes) -> np.ndarray:
    try:
        return np.array([float(word) for word in text.split()], np.float32)
    except ValueError:
        raise ValueError(f"expected a vector or matrix, got {shorten(text)}") from None


def record_end(data: memoryview, start: int) -> int | None:
    """Where the binary record ends whose `\\0B` stands at `start`; None if it is not whole or not known."""
    header = bytes(data[start : start + 25])
    token = header[2:6].partition(b" ")[0].decode("latin-1")
    body = start + 3 + len(token)
    sizes = header[3 + len(token) :]
    if header[:2] != BINARY or token not in _LENGTHS:
        return None
    try:
        end = body + _LENGTHS[token](sizes)
    except struct.error:
        return None
    return end if body < end <= len(data) else None


def _vector_bytes(sizes: bytes) -> int:
    _, n = struct.unpack_from("<bi", sizes)
    return 5 + 4 * int(n)


def _matrix_bytes(sizes: bytes) -> int:
    _, rows, _, columns = struct.unpack_from("<bibi", sizes)
    return 10 + 4 * int(rows) * int(columns)


def _compressed_bytes(sizes: bytes, per_column: int, per_value: int) -> int:
    _, _, rows, columns = struct.unpack_from("<ffii", sizes)
    return 16 + per_column * int(columns) + per_value * int(rows) * int(columns)


_LENGTHS = {
    "FV": _vector_bytes,
    "FM": _matrix_bytes,
    "CM": lambda sizes: _compressed_bytes(sizes, 8, 1),
    "CM2": lambda sizes: _compressed_bytes(sizes, 0, 2),
    "CM3": lambda sizes: _compressed_bytes(sizes, 0, 1),
}
