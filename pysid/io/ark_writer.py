"""Writing a Kaldi archive and its scp so that a kill at any moment loses at most the last records."""

import mmap
import os
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import kaldiio.matio
import numpy as np

from pysid.errors import DataError
from pysid.io.ark_record import record_end
from pysid.io.atomic import atomic_text

PARTIAL = ".partial"
MAX_KEY_BYTES = 4096


class ArkWriter:
    """Writes `ark` and `scp`; both get their names when the block ends well.

    Until then records go to `ark` + ".partial". With `resume` the whole records of a partial archive are kept, a torn
    one at its end is cut off, and `done` has the keys; so does it for an archive that was finished before.

    Args:
        ark: the archive, or a path without an ending, which gets `.ark` and `.scp`.
        scp: the list of places in the archive; by default `ark` with the ending `.scp`. It names `ark` as given here.
        compress: 0 for float32; else Kaldi's CompressionMethod for matrices: 1 automatic (True), 2 speech feature,
            3 two-byte auto, 5 one-byte auto, ... (matrix/compressed-matrix.h).
        resume: go on where an earlier writer stopped.

    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> with ArkWriter(f"{folder}/xvector") as writer:
    ...     writer.write("utt1", np.ones(3))
    >>> sorted(os.listdir(folder))
    ['xvector.ark', 'xvector.scp']
    """

    def __init__(
        self,
        ark: str | os.PathLike[str],
        scp: str | os.PathLike[str] | None = None,
        *,
        compress: int = 0,
        resume: bool = False,
    ) -> None:
        if not 0 <= compress <= 7:
            raise ValueError(f"compress must be 0 or one of Kaldi's methods 1 to 7, got {compress}")
        self.ark = (
            os.fspath(ark) if Path(ark).suffix == ".ark" or scp is not None else f"{os.fspath(ark)}.ark"
        )
        self.scp = os.fspath(scp) if scp is not None else f"{self.ark.removesuffix('.ark')}.scp"
        self.compress = int(compress)
        self.partial = self.ark + PARTIAL
        self._file: BinaryIO | None = None
        self._offsets: dict[str, int] = {}
        self._end = 0
        if resume:
            self._resume()

    @property
    def done(self) -> "set[str]":
        """The keys written so far, by an earlier writer too."""
        return set(self._offsets)

    def __contains__(self, key: str) -> bool:
        return key in self._offsets

    def __enter__(self) -> Self:
        Path(self.partial).parent.mkdir(parents=True, exist_ok=True)
        if not self._offsets and not self._finished_before():
            Path(self.partial).write_bytes(b"")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.flush()
        if self._file is not None:
            self._file.close()
            self._file = None
        if kind is None:
            self._finish()

    def write(self, key: str, array: np.ndarray) -> None:
        """Appends a vector (D,) or matrix (T, D) of any real or boolean type as float32, or compressed.

        Raises:
            DataError: the key is empty, holds white space or was written before, or the array has another shape.
        """
        array = np.asarray(array)
        encoded = key.encode()
        if encoded.split() != [encoded] or b"\0" in encoded:
            raise DataError(f"{self.ark}: expected a key without white space, got {key!r}")
        if key in self._offsets:
            raise DataError(f"{self.ark}: the key {key!r} was written before")
        if array.ndim not in (1, 2):
            raise DataError(f"{self.ark}: {key}: expected a vector or a matrix, got the shape {array.shape}")
        file = self._file or self._open()
        file.write(encoded + b" ")
        compressible = self.compress and array.ndim == 2 and array.size
        offset = file.tell()
        kaldiio.matio.write_array(
            file,
            np.ascontiguousarray(array, "<f4"),
            compression_method=self.compress if compressible else None,
        )
        self._offsets[key] = offset

    def flush(self) -> None:
        """Brings what was written to the disk."""
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())

    def _open(self) -> BinaryIO:
        if self._finished_before():
            os.replace(self.ark, self.partial)
        self._file = open(self.partial, "r+b")
        self._file.truncate(self._end)
        self._file.seek(self._end)
        return self._file

    def _finished_before(self) -> bool:
        return bool(self._offsets) and not os.path.exists(self.partial)

    def _resume(self) -> None:
        for path in (self.partial, self.ark):
            if os.path.exists(path):
                self._offsets, self._end = scan_archive(path)
                return

    def _finish(self) -> None:
        """The old scp goes first: at no moment does an scp point into an archive it was not made for."""
        if os.path.exists(self.partial):
            if os.path.exists(self.scp):
                os.unlink(self.scp)
            os.replace(self.partial, self.ark)
        with atomic_text(self.scp) as scp:
            scp.writelines(f"{key} {self.ark}:{offset}\n" for key, offset in self._offsets.items())


def scan_archive(path: str | os.PathLike[str]) -> tuple[dict[str, int], int]:
    """The whole records at the start of an archive as `ArkWriter` writes it, found without decoding them.

    Returns:
        offsets: {key: where its record begins, as an scp file has it}.
        end: where the last whole record ends.
    """
    offsets: dict[str, int] = {}
    end = 0
    if os.path.getsize(path) == 0:
        return offsets, end
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        view = memoryview(data)
        try:
            while (space := data.find(b" ", end, end + MAX_KEY_BYTES)) > end:
                next_end = record_end(view, space + 1)
                if next_end is None:
                    break
                offsets[data[end:space].decode()] = space + 1
                end = next_end
        finally:
            view.release()
    return offsets, end
