"""The bytes of a file by their place, and files put together from pieces of it and other bytes."""

import bisect
import io
import os
from itertools import accumulate
from typing import BinaryIO

WINDOW = 1 << 20  # bytes that are kept for the next look at them

Piece = bytes | tuple[int, int]  # the bytes themselves, or those [start, stop) of the file


class Bytes:
    """A seekable binary file whose bytes are asked for by their place.

    >>> Bytes(io.BytesIO(b"RIFF....WAVE")).at(8, 4)
    b'WAVE'
    """

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.size = stream.seek(0, os.SEEK_END)
        self._window, self._start = b"", 0

    def at(self, start: int, n: int) -> bytes:
        """`n` bytes from `start` on, fewer where the file ends."""
        if not self._start <= start <= start + n <= self._start + len(self._window):
            self._window, self._start = self.read(start, max(n, WINDOW)), start
        return self._window[start - self._start : start - self._start + n]

    def read(self, start: int, n: int) -> bytes:
        """As `at`, but nothing is kept."""
        if start >= self.size:  # by a header that does not know its sizes: farther than can be sought
            return b""
        self.stream.seek(start)
        return self.stream.read(n)

    def find(self, what: bytes, start: int, stop: int) -> int:
        """The first place in [start, stop) where some bytes begin, or -1.

        Args:
            what: to look for.
            start, stop: where it may begin.
        """
        for at in range(start, stop, WINDOW):
            found = self.at(at, min(WINDOW, stop - at) + len(what) - 1).find(what)
            if found >= 0:
                return at + found
        return -1


class Joined(io.RawIOBase):
    """A file of pieces, one after the other. A piece that cannot be read ends it: `failure` then says why."""

    def __init__(self, source: Bytes, pieces: list[Piece]) -> None:
        self.source = source
        self.pieces = [piece for piece in pieces if _length(piece)]
        self.failure: OSError | None = None
        self._ends = list(accumulate(map(_length, self.pieces)))
        self._at = 0

    def readable(self) -> bool:
        """True, as `io.RawIOBase` asks."""
        return True

    def seekable(self) -> bool:
        """True, as `io.RawIOBase` asks."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Moves to a place, past the end if need be; gives the new one."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._ends[-1] if self._ends else 0}[whence]
        self._at = max(0, start + offset)
        return self._at

    def tell(self) -> int:
        """The place of the next byte that is read."""
        return self._at

    def readinto(self, buffer: object) -> int:  # called by libsndfile, through which no error passes
        """Fills a buffer as far as bytes can be read; gives how many. An OSError becomes `failure`."""
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        n_done = 0
        try:
            while n_done < len(view) and (data := self._next(len(view) - n_done)):
                view[n_done : n_done + len(data)] = data
                n_done += len(data)
        except OSError as error:
            self.failure = error
        return n_done

    def _next(self, n: int) -> bytes:
        index = bisect.bisect_right(self._ends, self._at)
        if index == len(self.pieces):
            return b""
        piece = self.pieces[index]
        skip = self._at - self._ends[index] + _length(piece)
        if isinstance(piece, bytes):
            data = piece[skip : skip + n]
        else:
            data = self.source.read(piece[0] + skip, min(n, piece[1] - piece[0] - skip))
        self._at += len(data)
        return data


def patched(size: int, changes: dict[int, bytes]) -> list[Piece]:
    """The pieces of a file of that size with other bytes at some places.

    >>> patched(10, {4: b"ab"})
    [(0, 4), b'ab', (6, 10)]
    """
    pieces: list[Piece] = []
    at = 0
    for start, data in sorted(changes.items()):
        pieces += [(at, start), data]
        at = start + len(data)
    return [*pieces, (at, size)]


def _length(piece: Piece) -> int:
    return len(piece) if isinstance(piece, bytes) else piece[1] - piece[0]
