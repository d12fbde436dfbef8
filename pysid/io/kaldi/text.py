"""Kaldi's text format: numbers with 7 digits, vectors as `[ 1 2 3 ]`, matrices with one row a line.

Source: kaldi/src/base/io-funcs-inl.h, matrix/kaldi-vector.cc, matrix/kaldi-matrix.cc.
"""

import math
import re
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from pysid.io.kaldi.reader import Floats, Reader, Real, Writer, unpacked

_ROW_END = re.compile(rb"[\n;]")


class TextReader(Reader):
    """Reads the text format. Places in messages are lines of the file.

    >>> reader = TextReader(b"<Dim> 2 <Bias> [ 0.5 1.5 ]\\n<Dim> x", "a.txt")
    >>> reader.expect("<Dim>"), reader.integer(), reader.expect("<Bias>"), reader.vector().tolist()
    ('<Dim>', 2, '<Bias>', [0.5, 1.5])
    >>> reader.expect("<Dim>") and reader.integer()
    Traceback (most recent call last):
    pysid.errors.DataError: a.txt:2: expected an integer, got 'x'
    """

    _counted = (0, 1)  # a position and its line: places are mostly asked for in the order of the file

    def where(self, position: int) -> str:
        """The place for messages: file and line."""
        start, line = self._counted if self._counted[0] <= position else (0, 1)
        line += self.data.count(b"\n", start, position)
        self._counted = position, line
        return f"{self.name}:{line}"

    def integer(self) -> int:
        """An integer.

        Raises:
            DataError: something else comes, or it does not fit into 32 bits.
        """
        start = self.position
        value = int(self._number(int, "an integer"))
        if not -(2**31) <= value < 2**31:
            raise self.error("an integer of 32 bits", start)
        return value

    def real(self, dtype: DTypeLike = np.float32) -> Real:
        """A number, rounded to `dtype`.

        Raises:
            DataError: something else comes.
        """
        value = np.float64(self._number(float, "a number"))
        with np.errstate(over="ignore"):
            return value if np.dtype(dtype) == np.float64 else np.float32(value)

    def boolean(self) -> bool:
        """T or F.

        Raises:
            DataError: something else comes.
        """
        self._skip_space()
        letter = self.data[self.position : self.position + 1]
        if letter not in (b"T", b"F"):
            raise self.error("T or F")
        self.position += 1
        return letter == b"T"

    def integers(self) -> NDArray[np.int32]:
        """(n,) int32 out of [ 1 2 3 ].

        Raises:
            DataError: something else comes, or one does not fit into 32 bits.
        """
        start, body = self._bracketed("a vector of integers")
        values = self._parse(body, int, np.int64, "integers", start)
        if values.size and (values.min() < -(2**31) or values.max() >= 2**31):
            raise self.error("integers of 32 bits", start)
        return values.astype(np.int32)

    def vector(self, dtype: DTypeLike = np.float32) -> Floats:
        """(n,) of `dtype` out of [ 1 2 3 ].

        Raises:
            DataError: something else comes.
        """
        start, body = self._bracketed("a vector")
        return self._parse(body, float, dtype, "numbers", start)

    def matrix(self, dtype: DTypeLike = np.float32) -> Floats:
        """(rows, columns) of `dtype`, one row per line; (0, 0) out of [ ].

        Raises:
            DataError: something else comes, or rows of several lengths.
        """
        start, body = self._bracketed("a matrix")
        rows, position = [], start
        for text in _ROW_END.split(body):
            row = self._parse(text, float, dtype, "numbers", position)
            if row.size:
                rows.append(row)
            if len(row) not in (0, len(rows[0]) if rows else 0):
                raise self.error(f"a row of {len(rows[0])} numbers and not {len(row)}", position)
            position += len(text) + 1
        return np.stack(rows) if rows else np.empty((0, 0), dtype)

    def packed(self, dtype: DTypeLike = np.float32) -> Floats:
        """A symmetric matrix (n, n), of which the lower triangle is written.

        Raises:
            DataError: something else comes, or no triangle.
        """
        start, body = self._bracketed("a symmetric matrix")
        values: Floats = self._parse(body, float, dtype, "numbers", start)
        n = math.isqrt(2 * len(values))
        if n * (n + 1) // 2 != len(values):
            raise self.error(f"the lower triangle of a matrix and not {len(values)} numbers", start)
        return unpacked(values, n)

    def uint16(self) -> int:
        """An integer.

        Raises:
            DataError: something else comes, or it does not fit into 16 bits.
        """
        start, value = self.position, self.integer()
        if not 0 <= value < 2**16:
            raise self.error("an integer of 16 bits", start)
        return value

    def _number(self, convert: type[int] | type[float], what: str) -> float:
        self._skip_space()
        start = self.position
        try:
            return convert(self.token())
        except ValueError:  # of `convert`; a DataError is one too and says the same
            raise self.error(what, start) from None

    def _bracketed(self, what: str) -> tuple[int, bytes]:
        """Where the text between brackets begins, and that text."""
        self._skip_space()
        if self.data[self.position : self.position + 1] != b"[":
            raise self.error(f"{what} in brackets")
        start = self.position + 1
        end = self.data.find(b"]", start)
        if end < 0:
            raise self.error(f"the bracket that closes {what}", len(self.data))
        self.position = end + 1
        return start, self.data[start:end]

    def _parse(
        self, text: bytes, convert: type[int] | type[float], dtype: DTypeLike, what: str, position: int
    ) -> NDArray[Any]:
        try:
            with np.errstate(over="ignore"):
                return np.fromiter(map(convert, text.split()), dtype)
        except (ValueError, OverflowError):
            raise self.error(what, position + len(text) - len(text.lstrip())) from None


class TextWriter(Writer):
    """Writes the text format, byte for byte as Kaldi does.

    >>> writer = TextWriter()
    >>> writer.token("<Bias>")
    >>> writer.vector(np.array([0.1, 2], np.float32))
    >>> writer.content()
    b'<Bias>  [ 0.1 2 ]\\n'
    """

    def content(self) -> bytes:
        """The whole file."""
        return b"".join(self.parts)

    def integer(self, value: int) -> None:
        """The number and a space."""
        self.parts.append(b"%d " % value)

    def real(self, value: Real) -> None:
        """The number with 7 digits, and a space."""
        self.parts.append(f"{value:.7g} ".encode())

    def boolean(self, value: bool) -> None:
        """T or F, and a space."""
        self.parts.append(b"T " if value else b"F ")

    def integers(self, values: NDArray[np.int32]) -> None:
        """[ 1 2 3 ] and the end of the line."""
        self.parts.append(b"[ " + b"".join(b"%d " % x for x in values.tolist()) + b"]\n")

    def vector(self, values: Floats) -> None:
        """[ 1 2 3 ] with 7 digits, and the end of the line."""
        self.parts.append(b" [ " + _numbers(values) + b"]\n")

    def matrix(self, values: Floats) -> None:
        """One row per line, with 7 digits, between brackets."""
        if values.size == 0:
            self.parts.append(b" [ ]\n")
            return
        rows = b"".join(b"\n  " + _numbers(row) for row in values)
        self.parts.append(b" [" + rows + b"]\n")

    def packed(self, values: Floats) -> None:
        """The lower triangle of a symmetric matrix, one row per line."""
        rows = b"\n".join(_numbers(row[: i + 1]) for i, row in enumerate(values))
        self.parts.append(b"[\n" + rows + b"]\n" if len(values) else b"[ ]\n")

    def uint16(self, value: int) -> None:
        """As `integer`."""
        self.integer(value)

    def newline(self) -> None:
        """The end of the line."""
        self.parts.append(b"\n")


def _numbers(values: Floats) -> bytes:
    """Seven significant digits each, as a C++ stream of precision 7 prints them."""
    return "".join([f"{x:.7g} " for x in values.tolist()]).encode()
