"""One vector or matrix of a Kaldi archive: reading it from a stream, and finding its end without reading it.

kaldiio decodes the binary forms. Text is read here, because kaldiio takes a vector for one of integers when
its first number has no point. kaldiio also unpickles what claims to be a pickle, so it is given nothing else.
Formats: Kaldi matrix/kaldi-matrix.cc, kaldi-vector.cc, compressed-matrix.cc, util/kaldi-holder-inl.h.
"""

import io
import math
import os
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import kaldiio.matio
import numpy as np
from numpy.typing import DTypeLike

from pysid.io.text import shorten

BINARY = b"\0B"
FLOAT_VECTOR = BINARY + b"FV \4"  # the number of values and these, 4 bytes each, follow
INTEGERS = b"\4"  # a vector of integers begins with the size of one

MOST_KEY_BYTES = 1 << 16  # a file without white space is no archive
MOST_COLUMNS = 1 << 16  # a broken size must not make us seek for hours

_KEY = re.compile(rb"\s*(\S+)(\s)")
_INTEGER = np.dtype([("size", "u1"), ("value", "<i4")])
_PIECE = 1 << 20  # bytes to read at once: a broken size must not take memory that the file does not fill


def read_key(file: BinaryIO) -> tuple[str | None, bytes]:
    """The next key of an archive, None at its end; and the byte that ended it.

    Raises:
        ValueError: the archive ends within the key, or the key is not UTF-8, or too long.
    """
    if isinstance(file, io.BufferedReader) and (whole := _KEY.match(file.peek(1))):  # not byte by byte
        file.read(whole.end())
        return _decoded(whole[1]), whole[2]
    key = b""
    while byte := file.read(1):
        if not byte.isspace():
            key += byte
            if len(key) > MOST_KEY_BYTES:
                raise ValueError(f"expected a key of at most {MOST_KEY_BYTES} bytes, got {shorten(key)}")
        elif key:
            return _decoded(key), byte
    if key:
        raise ValueError(f"cut off: expected a key and a value, got {shorten(key)} and the end of the file")
    return None, b""


def read_array(file: BinaryIO, separator: bytes = b" ", dtype: DTypeLike = np.float32) -> np.ndarray:
    """The vector or matrix at the stream's position, of type `dtype`.

    Args:
        file: a binary stream after a key and its separator, or at the start of a file with one object.
        separator: the byte that ended the key; a line break means that nothing follows on the line.
    Raises:
        ValueError: what is there is not a vector or matrix, or it is broken or cut off.
    """
    if separator == b"\n":
        return np.zeros(0, dtype)
    start = file.read(len(BINARY))
    if not start:
        raise ValueError("cut off: expected a vector or matrix, got the end of the file")
    if start != BINARY:
        return _read_text(file, start, dtype)
    start += file.read(1)
    vector, start = _read_float_vector(file, start)
    if vector is not None:
        return vector.astype(dtype, copy=False)
    exact = _Exact(file, start)
    try:
        if start.endswith(INTEGERS):
            return _read_integers(exact)
        with np.errstate(over="ignore"):  # a double beyond float32 is infinity, as in Kaldi
            return np.asarray(kaldiio.matio.read_matrix_or_vector(exact), dtype)
    except EOFError as error:
        raise ValueError(str(error)) from None
    except (AssertionError, RuntimeError, ValueError, MemoryError) as error:
        reason = str(error).encode("unicode_escape").decode() or "a size is not where it should be"
        raise ValueError(f"expected a vector or matrix, got broken data ({reason})") from None


def read_rows(file: BinaryIO, first: int, stop: int) -> np.ndarray:
    """The rows [first, stop) of the matrix at the stream's position, as far as there are: (n, D) float32.

    Of a binary matrix no others are read.

    Args:
        file: seekable, at the start of a matrix.
        first, stop: from 0.
    Raises:
        ValueError: as `read_array`.
    """
    start = file.tell()
    layout = _layout(file.read(25))
    if layout is None:
        file.seek(start)
        return read_array(file)[first:stop]
    step = layout.row_bytes * layout.n_rows  # from one column to the next, where the matrix is stored by columns
    expected, got = layout.head_bytes + step * layout.n_columns, file.seek(0, os.SEEK_END) - start
    if got < expected:
        raise ValueError(f"cut off: expected {expected} bytes, got {got}")
    n = max(0, min(stop, layout.n_rows) - first)
    file.seek(start)
    head = bytearray(file.read(layout.head_bytes))
    struct.pack_into("<i", head, layout.count_at, n)
    data = b""
    for column in range(layout.n_columns):
        file.seek(start + layout.head_bytes + column * step + first * layout.row_bytes)
        data += file.read(n * layout.row_bytes)
    return read_array(io.BytesIO(bytes(head) + data))


@dataclass(frozen=True)
class _Layout:
    """How a binary matrix is stored.

    Attributes:
        head_bytes: before its values.
        count_at: where in the head the number of rows is.
        n_rows: that number.
        n_columns: columns that are stored one after the other; 1 where it is rows that are.
        row_bytes: from one row to the next.
    """

    head_bytes: int
    count_at: int
    n_rows: int
    n_columns: int
    row_bytes: int


def _layout(header: bytes) -> _Layout | None:
    """That of a matrix that begins so; None where it is text, or anything else."""
    token = header[2:6].partition(b" ")[0]
    at = 3 + len(token)
    if header[:2] != BINARY or token not in (b"FM", b"DM", b"CM", b"CM2", b"CM3") or len(header) < at + 16:
        return None
    if token in (b"FM", b"DM"):
        _, n_rows, _, n_columns = struct.unpack_from("<bibi", header, at)
        layout = _Layout(at + 10, at + 1, n_rows, 1, (4 if token == b"FM" else 8) * n_columns)
    else:
        _, _, n_rows, n_columns = struct.unpack_from("<ffii", header, at)
        if token == b"CM":  # 8 bytes about each column come first
            layout = _Layout(at + 16 + 8 * n_columns, at + 8, n_rows, n_columns, 1)
        else:
            layout = _Layout(at + 16, at + 8, n_rows, 1, (2 if token == b"CM2" else 1) * n_columns)
    return layout if n_rows >= 0 and 0 <= n_columns <= MOST_COLUMNS else None


def _decoded(key: bytes) -> str:
    try:
        return key.decode()
    except UnicodeDecodeError:
        raise ValueError(f"expected a key in UTF-8, got {shorten(key)}") from None


class _Exact:
    """A stream that hands out some bytes again first, and never fewer bytes than were asked for."""

    def __init__(self, file: BinaryIO, again: bytes) -> None:
        self.file = file
        self.again = again

    def read(self, size: int) -> bytes:
        if size < 0:
            raise ValueError(f"a size of {size}")
        data, self.again = self.again[:size], self.again[size:]
        missing = size - len(data)
        if missing <= _PIECE:
            data += self.file.read(missing)
        else:
            data = b"".join(self._pieces(data, missing))
        if len(data) < size:
            raise EOFError(f"cut off: expected {size} bytes, got {len(data)}")
        return data

    def _pieces(self, first: bytes, missing: int) -> Iterator[bytes]:
        yield first
        while missing and (piece := self.file.read(min(missing, _PIECE))):
            missing -= len(piece)
            yield piece


def _read_float_vector(file: BinaryIO, start: bytes) -> tuple[np.ndarray | None, bytes]:
    """The vector, if a whole and short one of float32 follows; and what has been read by now.

    This is by far the most frequent case in archives of embeddings, and kaldiio takes ten times as long.
    """
    if not FLOAT_VECTOR.startswith(start):
        return None, start
    start += file.read(len(FLOAT_VECTOR) - len(start) + 4)  # no record of float32 is shorter
    n_bytes = 4 * int.from_bytes(start[len(FLOAT_VECTOR) :], "little", signed=True)
    if not (start.startswith(FLOAT_VECTOR) and 0 <= n_bytes <= _PIECE):
        return None, start
    data = file.read(n_bytes)
    return (np.frombuffer(data, "<f4"), b"") if len(data) == n_bytes else (None, start + data)


def _read_integers(file: _Exact) -> np.ndarray:
    """A vector of int32: kaldiio would trust its length, whatever follows."""
    (n,) = struct.unpack("<i", file.read(len(BINARY + INTEGERS) + 4)[-4:])
    records = np.frombuffer(file.read(_INTEGER.itemsize * n), _INTEGER)
    if (records["size"] != 4).any():
        raise ValueError("expected integers of 4 bytes")
    return records["value"].astype(np.float32)


def _read_text(file: BinaryIO, start: bytes, dtype: DTypeLike) -> np.ndarray:
    line = start if start.endswith(b"\n") else start + file.readline()
    before, bracket, text = line.partition(b"[")
    if not bracket and line.endswith(b"\n"):
        return _numbers(line, dtype)  # integers stand without brackets
    if not bracket:
        raise ValueError(f"cut off: expected a line end, got {shorten(line)} and the end of the file")
    if before.strip():
        raise ValueError(f"expected a vector or matrix, got {shorten(line)}")
    lines = [text]
    while b"]" not in lines[-1]:
        lines.append(file.readline())
        if not lines[-1]:
            raise ValueError("cut off: expected a closing ']', got the end of the file")
    text = b"".join(lines)
    rows = text[: text.index(b"]")].split(b"\n")
    if len(rows) == 1:
        return _numbers(rows[0], dtype)
    matrix = [_numbers(row, dtype) for row in rows if row.strip()]
    widths = sorted({len(row) for row in matrix})
    if len(widths) > 1:
        raise ValueError(f"expected rows of one width, got the widths {widths}")
    return np.stack(matrix) if matrix else np.zeros((0, 0), dtype)


def _numbers(text: bytes, dtype: DTypeLike) -> np.ndarray:
    try:
        with np.errstate(over="ignore"):  # beyond float32 is infinity, as in Kaldi
            return np.array([float(word) for word in text.split()], dtype)
    except ValueError:
        raise ValueError(f"expected a vector or matrix, got {shorten(text)}") from None


def record_end(data: memoryview, start: int) -> int | None:
    """The end of the binary record that starts at `start`; None if it is not whole or of another form."""
    header = bytes(data[start : start + 25])
    token = header[2:6].partition(b" ")[0]
    sizes = header[3 + len(token) :]
    if header[:2] != BINARY or token not in _BODY_BYTES:
        return None
    try:
        n_bytes = _BODY_BYTES[token](sizes)
    except struct.error:
        return None
    end = start + 3 + len(token) + n_bytes
    return end if n_bytes > 0 and end <= len(data) else None


def _vector_bytes(sizes: bytes, width: int) -> int:
    _, n = struct.unpack_from("<bi", sizes)
    return 5 + width * _product(n)


def _matrix_bytes(sizes: bytes, width: int) -> int:
    _, n_rows, _, n_columns = struct.unpack_from("<bibi", sizes)
    return 10 + width * _product(n_rows, n_columns)


def _compressed_bytes(sizes: bytes, width: int, column_header: int = 0) -> int:
    _, _, n_rows, n_columns = struct.unpack_from("<ffii", sizes)
    return 16 + column_header * _product(n_columns) + width * _product(n_rows, n_columns)


def _product(*sizes: int) -> int:
    if min(sizes) < 0:
        raise struct.error(f"a size of {min(sizes)}")
    return math.prod(sizes)


_BODY_BYTES = {
    b"FV": lambda sizes: _vector_bytes(sizes, 4),
    b"DV": lambda sizes: _vector_bytes(sizes, 8),
    b"FM": lambda sizes: _matrix_bytes(sizes, 4),
    b"DM": lambda sizes: _matrix_bytes(sizes, 8),
    b"CM": lambda sizes: _compressed_bytes(sizes, 1, column_header=8),
    b"CM2": lambda sizes: _compressed_bytes(sizes, 2),
    b"CM3": lambda sizes: _compressed_bytes(sizes, 1),
}
