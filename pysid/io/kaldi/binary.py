"""Kaldi's binary format.

    number    one byte with its size (4 or 8), then the number, little-endian
    bool      the letter T or F
    vector    "FV " or "DV " (float, double), the length as a number, the values
    matrix    "FM " or "DM ", rows and columns as numbers, the values row by row
              compressed "CM " (one byte a value, spread by the percentiles 0, 25, 75 and 100 of each column;
              column by column), "CM2 " (two bytes, evenly from the minimum of the matrix to its maximum; row by
              row), "CM3 " (one byte, likewise)
    packed    "FP " or "DP ", the rows as a number, the values of the lower triangle row by row
    uint16    one byte with its size below zero (-2), then the number
    integers  the size of one (4), the length as a plain int32, the values

Source: kaldi/src/base/io-funcs-inl.h, matrix/kaldi-vector.cc, matrix/kaldi-matrix.cc,
matrix/compressed-matrix.cc.
"""

import io
from typing import Any

import kaldiio.matio
import numpy as np
from numpy.typing import DTypeLike, NDArray

from pysid.io.kaldi.reader import Floats, Reader, Real, Writer, unpacked

BINARY_HEADER = b"\0B"

_INT32: np.dtype[Any] = np.dtype("<i4")
_REALS: dict[int, np.dtype[Any]] = {4: np.dtype("<f4"), 8: np.dtype("<f8")}
_VECTORS = {"FV": _REALS[4], "DV": _REALS[8]}
_MATRICES = {"FM": _REALS[4], "DM": _REALS[8]}
_PACKED = {"FP": _REALS[4], "DP": _REALS[8]}
_UINT16 = b"\xfe"
_COMPRESSED_HEADER = np.dtype([("minimum", "<f4"), ("range", "<f4"), ("n_rows", "<i4"), ("n_columns", "<i4")])
_COMPRESSED: dict[str, tuple[int, np.dtype[Any]]] = {  # percentiles of a column, two bytes each; a value
    "CM": (4, np.dtype("<u1")),
    "CM2": (0, np.dtype("<u2")),
    "CM3": (0, np.dtype("<u1")),
}


class BinaryReader(Reader):
    """Reads the binary format. Places in messages are byte offsets in the file.

    >>> reader = BinaryReader(b"<Dim> \\x04\\x02\\0\\0\\0FV \\x04\\x09\\0\\0\\0", "a.raw")
    >>> reader.expect("<Dim>"), reader.integer()
    ('<Dim>', 2)
    >>> reader.vector()
    Traceback (most recent call last):
    pysid.errors.DataError: a.raw: byte 19: expected 9 x 4 bytes of values, got the end of the file
    """

    def where(self, position: int) -> str:
        """The place for messages: file and byte."""
        return f"{self.name}: byte {position}"

    def integer(self) -> int:
        """An int32.

        Raises:
            DataError: something else comes.
        """
        return self._sized_integer("an int32")

    def real(self, dtype: DTypeLike = np.float32) -> Real:
        """A float or a double, as it is stored; `dtype` plays no part.

        Raises:
            DataError: something else comes.
        """
        size = self.data[self.position] if self.position < len(self.data) else 0
        if size not in _REALS:
            raise self.error("a float or a double")
        self.position += 1
        return self._values(1, _REALS[size])[0]

    def boolean(self) -> bool:
        """T or F.

        Raises:
            DataError: something else comes.
        """
        letter = self.data[self.position : self.position + 1]
        if letter not in (b"T", b"F"):
            raise self.error("T or F")
        self.position += 1
        return letter == b"T"

    def integers(self) -> NDArray[np.int32]:
        """(n,) int32.

        Raises:
            DataError: something else comes, or the file ends.
        """
        if self.data[self.position : self.position + 1] != b"\4":
            raise self.error("a vector of int32")
        self.position += 1
        start = self.position
        n = int(self._values(1, _INT32)[0])
        if n < 0:
            raise self.error("a length >= 0", start)
        return self._values(n, _INT32)

    def vector(self, dtype: DTypeLike = np.float32) -> Floats:
        """(n,) float32 or float64, as it is stored.

        Raises:
            DataError: something else comes, or the file ends.
        """
        width = _VECTORS[self.expect(*_VECTORS)]
        return self._values(self._dimension(), width)

    def matrix(self, dtype: DTypeLike = np.float32) -> Floats:
        """(rows, columns) float32 or float64; compressed ones are unpacked.

        Raises:
            DataError: something else comes, or the file ends.
        """
        kind = self.expect(*_MATRICES, *_COMPRESSED)
        if kind in _COMPRESSED:
            return self._compressed(kind)
        n_rows, n_columns = self._dimension(), self._dimension()
        if (n_rows == 0) != (n_columns == 0):
            raise self.error(f"a matrix that is not {n_rows} x {n_columns}")
        return self._values(n_rows * n_columns, _MATRICES[kind]).reshape(n_rows, n_columns)

    def packed(self, dtype: DTypeLike = np.float32) -> Floats:
        """A symmetric matrix (n, n), of which the lower triangle is stored.

        Raises:
            DataError: something else comes, or the file ends.
        """
        width = _PACKED[self.expect(*_PACKED)]
        n = self._dimension()
        return unpacked(self._values(n * (n + 1) // 2, width), n)

    def uint16(self) -> int:
        """A uint16.

        Raises:
            DataError: something else comes.
        """
        if self.data[self.position : self.position + 1] != _UINT16:
            raise self.error("a uint16")
        self.position += 1
        return int(self._values(1, np.dtype("<u2"))[0])

    def _compressed(self, kind: str) -> NDArray[np.float32]:
        """The matrix after that token, decoded by kaldiio once it is known to be whole."""
        start = self.position
        header = self._values(1, _COMPRESSED_HEADER)[0]
        n_rows, n_columns = int(header["n_rows"]), int(header["n_columns"])
        if n_rows < 0 or n_columns < 0:
            raise self.error(f"dimensions >= 0 and not {n_rows} x {n_columns}", start)
        n_percentiles, value = _COMPRESSED[kind]
        self._values(n_percentiles * n_columns, np.dtype("<u2"))
        self._values(n_rows * n_columns, value)
        record = BINARY_HEADER + f"{kind} ".encode() + self.data[start : self.position]
        with np.errstate(invalid="ignore", over="ignore"):  # a damaged header may hold infinities
            return np.asarray(kaldiio.matio.read_matrix_or_vector(io.BytesIO(record)), np.float32)

    def _values(self, n: int, dtype: np.dtype[Any]) -> NDArray[Any]:
        start, size = self.position, n * dtype.itemsize
        if size > len(self.data) - start:
            raise self.error(f"{n} x {dtype.itemsize} bytes of values", len(self.data))
        self.position = start + size
        return np.frombuffer(self.data, dtype, n, start)

    def _dimension(self) -> int:
        start = self.position
        n = self._sized_integer("a dimension")
        if n < 0:
            raise self.error(f"a dimension >= 0 and not {n}", start)
        return n

    def _sized_integer(self, what: str) -> int:
        if self.data[self.position : self.position + 1] != b"\4":
            raise self.error(what)
        self.position += 1
        return int(self._values(1, _INT32)[0])


class BinaryWriter(Writer):
    """Writes the binary format, float32 as float and float64 as double.

    >>> writer = BinaryWriter()
    >>> writer.vector(np.array([1, 2], np.float32))
    >>> writer.content()[:10]
    b'\\x00BFV \\x04\\x02\\x00\\x00\\x00'
    """

    def content(self) -> bytes:
        """The whole file, with the header of Kaldi's binary files."""
        return BINARY_HEADER + b"".join(self.parts)

    def integer(self, value: int) -> None:
        """An int32 after its size."""
        self.parts.append(b"\4" + np.array(value, "<i4").tobytes())

    def real(self, value: Real) -> None:
        """A float or a double, as the type of `value` is, after its size."""
        self.parts.append(bytes([value.dtype.itemsize]) + _little_endian(np.asarray(value)))

    def boolean(self, value: bool) -> None:
        """T or F."""
        self.parts.append(b"T" if value else b"F")

    def integers(self, values: NDArray[np.int32]) -> None:
        """(n,) int32 after their size and number."""
        self.parts.append(b"\4" + np.array(len(values), "<i4").tobytes() + values.astype("<i4").tobytes())

    def vector(self, values: Floats) -> None:
        """(n,) after FV or DV, as their type is, and their number."""
        self.token("FV" if values.dtype.itemsize == 4 else "DV")
        self.integer(len(values))
        self.parts.append(_little_endian(values))

    def matrix(self, values: Floats) -> None:
        """(rows, columns) after FM or DM, as their type is; not compressed."""
        self.token("FM" if values.dtype.itemsize == 4 else "DM")
        self.integer(values.shape[0])
        self.integer(values.shape[1])
        self.parts.append(_little_endian(values))

    def packed(self, values: Floats) -> None:
        """The lower triangle of a symmetric matrix, after FP or DP."""
        self.token("FP" if values.dtype.itemsize == 4 else "DP")
        self.integer(len(values))
        self.parts.append(_little_endian(values[np.tril_indices(len(values))]))

    def uint16(self, value: int) -> None:
        """A uint16 after its size."""
        self.parts.append(_UINT16 + np.array(value, "<u2").tobytes())

    def newline(self) -> None:
        """Nothing: the binary format has no lines."""
        pass


def _little_endian(values: Floats) -> bytes:
    return values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()
