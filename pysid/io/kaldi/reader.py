"""What Kaldi's binary and text formats have in common: a cursor over bytes that knows where it is.

Kaldi tells its two formats apart by the first bytes of a file: a binary file starts with NUL and "B". Tokens
such as `<Nnet3>` look the same in both; numbers, vectors and matrices do not.
Source: kaldi/src/base/io-funcs.cc.
"""

import re
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from pysid.errors import DataError
from pysid.io.text import shorten

Floats = NDArray[np.floating[Any]]
Real = np.float32 | np.float64

_SPACE = re.compile(rb"\s*")
_WORD = re.compile(rb"\S+")


class Reader(ABC):
    """A cursor over the content of a Kaldi file, without the binary header.

    Every method reads one object and moves past it; if something else is there, it raises a `DataError`
    with the file, the place, what was expected and what is there. No method allocates more than a small
    multiple of the bytes that are left.

    Args:
        data: the whole file.
        name: what to call the file in a message.
        start: where to begin.
    """

    def __init__(self, data: bytes, name: str, start: int = 0) -> None:
        self.data = data
        self.name = name
        self.position = start

    @abstractmethod
    def where(self, position: int) -> str:
        """The file and a place in it, as messages show it."""

    @abstractmethod
    def integer(self) -> int:
        """An int32."""

    @abstractmethod
    def real(self, dtype: DTypeLike = np.float32) -> Real:
        """A floating-point number: of the width it is stored with, or `dtype` from text."""

    @abstractmethod
    def boolean(self) -> bool:
        """T or F."""

    @abstractmethod
    def integers(self) -> NDArray[np.int32]:
        """A vector of int32, (n,)."""

    @abstractmethod
    def vector(self, dtype: DTypeLike = np.float32) -> Floats:
        """A vector of numbers, (n,): of the width it is stored with, or `dtype` from text."""

    @abstractmethod
    def matrix(self, dtype: DTypeLike = np.float32) -> Floats:
        """A matrix, (rows, columns): of the width it is stored with, or `dtype` from text."""

    @abstractmethod
    def packed(self, dtype: DTypeLike = np.float32) -> Floats:
        """A symmetric matrix, (n, n), of which the lower triangle is stored; as `matrix`."""

    @abstractmethod
    def uint16(self) -> int:
        """An unsigned integer of 16 bits."""

    def error(self, expected: str, position: int | None = None) -> DataError:
        """The error that `expected` should be at `position` (default: here), and what is there instead."""
        at = self.position if position is None else position
        found = shorten(self.data[at : at + 40]) if at < len(self.data) else "the end of the file"
        return DataError(f"{self.where(at)}: expected {expected}, got {found}")

    def token(self) -> str:
        """The next word, such as `<Nnet3>`; the one white-space character after it is skipped too."""
        self._skip_space()
        word = _WORD.match(self.data, self.position)
        if word is None:
            raise self.error("a token")
        self.position = min(word.end() + 1, len(self.data))
        return word.group().decode("latin-1")

    def peek_token(self) -> str:
        """The next word, which stays unread; empty at the end of the file."""
        start = self.position
        self._skip_space()
        word = _WORD.match(self.data, self.position)
        self.position = start
        return "" if word is None else word.group().decode("latin-1")

    def expect(self, *tokens: str) -> str:
        """Reads a token that must be one of `tokens`, and returns it."""
        self._skip_space()
        start = self.position
        if self.peek_token() not in tokens:
            raise self.error(f"the token {' or '.join(tokens)}", start)
        return self.token()

    def line(self) -> str:
        """The rest of the line, without its end."""
        start = self.position
        end = self.data.find(b"\n", start)
        if end < 0:
            raise self.error("a line", start if start < len(self.data) else len(self.data))
        self.position = end + 1
        try:
            return self.data[start:end].decode().removesuffix("\r")
        except UnicodeDecodeError:
            raise self.error("a line of UTF-8 text", start) from None

    def _skip_space(self) -> None:
        space = _SPACE.match(self.data, self.position)
        if space is not None:
            self.position = space.end()


def unpacked(values: Floats, n: int) -> Floats:
    """The symmetric matrix (n, n) whose lower triangle, row by row, is `values`."""
    full = np.empty((n, n), values.dtype)
    rows, columns = np.tril_indices(n)
    full[rows, columns] = values
    full[columns, rows] = values
    return full


class Writer(ABC):
    """Builds the content of a Kaldi file; the counterpart of `Reader`, method by method."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    @abstractmethod
    def content(self) -> bytes:
        """The whole file."""

    @abstractmethod
    def integer(self, value: int) -> None:
        """Writes an int32."""

    @abstractmethod
    def real(self, value: Real) -> None:
        """Writes a float, or a double where `value` is float64."""

    @abstractmethod
    def boolean(self, value: bool) -> None:
        """Writes T or F."""

    @abstractmethod
    def integers(self, values: NDArray[np.int32]) -> None:
        """Writes a vector (n,) of int32."""

    @abstractmethod
    def vector(self, values: Floats) -> None:
        """Writes (n,) floats, or doubles where they are float64."""

    @abstractmethod
    def matrix(self, values: Floats) -> None:
        """Writes (rows, columns) floats, or doubles where they are float64."""

    @abstractmethod
    def packed(self, values: Floats) -> None:
        """Writes the lower triangle of a symmetric matrix (n, n)."""

    @abstractmethod
    def uint16(self, value: int) -> None:
        """Writes a uint16."""

    @abstractmethod
    def newline(self) -> None:
        """Ends a line in the text format; nothing in the binary one."""

    def token(self, word: str) -> None:
        """Writes a word such as `<Dim>`, and a space."""
        self.parts.append(word.encode("latin-1") + b" ")

    def line(self, text: str) -> None:
        """Writes a line of text; both formats have some."""
        self.parts.append(text.encode() + b"\n")

    def raw(self, data: bytes) -> None:
        """Bytes as they are."""
        self.parts.append(data)
