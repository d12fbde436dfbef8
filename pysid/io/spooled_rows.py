"""Rows of a matrix that is too large for memory: they are kept in a temporary file."""

import errno
import tempfile
from collections.abc import Iterator

import numpy as np

from pysid.io.files import naming

BLOCK_BYTES = 4 << 20  # read at a time


class SpooledRows:
    """A matrix (n, dim) that grows by rows. The file is removed once the object is no longer used.

    >>> rows = SpooledRows(2)
    >>> rows.append(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
    >>> rows.shape, rows.read(1, 3)[:, 0].tolist()
    ((3, 2), [3.0, 5.0])
    """

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self._n = 0
        self._file = tempfile.TemporaryFile(prefix="pysid-", buffering=0)  # noqa: SIM115

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self._n, self.dim

    def __len__(self) -> int:
        return self._n

    def append(self, rows: np.ndarray) -> None:
        """Adds rows (m, dim), kept as float32.

        Raises:
            OSError: the disk is full; it names the folder of temporary files.
        """
        if not len(rows):
            return
        self._file.seek(4 * self.dim * self._n)
        data = memoryview(np.ascontiguousarray(rows, np.float32).data).cast("B")
        with naming(tempfile.gettempdir()):
            while data:
                data = data[self._file.write(data) :]
        self._n += len(rows)

    def read(self, start: int, stop: int) -> np.ndarray:
        """The rows [start, stop) as far as there are: (m, dim) float32."""
        width = 4 * self.dim
        n = max(0, min(stop, self._n) - start)
        data, at = bytearray(n * width), 0
        view = memoryview(data)
        self._file.seek(start * width)
        while at < len(data):
            n_read = self._file.readinto(view[at:])
            if not n_read:
                raise OSError(errno.EIO, "the temporary file is cut off", tempfile.gettempdir())
            at += n_read
        return np.frombuffer(data, np.float32).reshape(n, self.dim)

    def close(self) -> None:
        """Removes the file; there are no rows after that."""
        self._file.close()

    def blocks(self) -> Iterator[np.ndarray]:
        """All rows, a few megabytes (m, dim) at a time."""
        size = max(1, BLOCK_BYTES // (4 * max(1, self.dim)))
        for start in range(0, self._n, size):
            yield self.read(start, start + size)

    def column(self, index: int) -> np.ndarray:
        """(n,) float32."""
        return np.concatenate([np.zeros(0, np.float32), *(block[:, index] for block in self.blocks())])
