"""Writing a Kaldi archive and its scp so that a kill at any moment loses at most the last records."""

import io
import mmap
import os
from collections.abc import Collection, Iterable, Iterator, KeysView
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, cast

import kaldiio.matio
import numpy as np

from pysid.errors import DataError
from pysid.io.ark.compression import AUTOMATIC, METHODS, compress, compress_rows
from pysid.io.ark.record import BINARY, record_end
from pysid.io.files import atomic_path, atomic_text, naming
from pysid.io.spooled_rows import SpooledRows

PARTIAL = ".partial"
MAX_KEY_BYTES = 4096


class ArkWriter:
    """Writes `ark` and `scp`, a context manager; both get their names when the block ends well.

    Until then records go to `ark` + ".partial", which stays when the block fails. With `resume` its whole
    records are kept, an incomplete one at the end is cut off, and `done` has their keys; an archive that was
    finished before can be resumed too.

    Args:
        ark: the archive, or a path without an ending, which gets `.ark` and `.scp`.
        scp: the list of places in the archive, by default beside it; it names `ark` as given here.
        compress: 0 for float32; otherwise Kaldi's CompressionMethod for matrices, see `pysid.io.ark.compression`.
            True is 1, automatic.
        resume: go on where an earlier writer stopped.
    Raises:
        DataError: on `resume`, the finished archive has records that this class does not write.

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
        if compress not in (0, *METHODS):
            raise ValueError(f"compress must be 0 or one of Kaldi's methods {METHODS}, got {compress}")
        named = scp is not None or os.fspath(ark).endswith(".ark")
        self.ark = os.fspath(ark) if named else f"{os.fspath(ark)}.ark"
        self.scp = f"{self.ark.removesuffix('.ark')}.scp" if scp is None else os.fspath(scp)
        self.compress = int(compress)
        self.partial = self.ark + PARTIAL
        self._file: BinaryIO | None = None
        self._offsets: dict[str, int] = {}
        self._end = 0
        self._is_finished = False
        if resume:
            self._scan()

    @property
    def done(self) -> KeysView[str]:
        """The keys written so far, including those by the writer that is resumed."""
        return self._offsets.keys()

    @property
    def is_partial(self) -> bool:
        """Whether what is resumed was stopped before its end."""
        return bool(self._offsets) and not self._is_finished

    def drop(self, keys: Collection[str]) -> None:
        """Takes records out of the archive that is resumed, before anything is written to it."""
        gone = set(keys)
        old = Path(self.ark if self._is_finished else self.partial)
        offsets: dict[str, int] = {}
        if self._file is not None:
            self._file.close()
        with atomic_path(self.partial) as temporary, open(temporary, "wb") as target, _mapped(old) as data:
            for key, start in self._offsets.items():
                if key not in gone:
                    target.write(key.encode() + b" ")
                    offsets[key] = target.tell()
                    target.write(data[start : record_end(data, start)])
            self._end = target.tell()
        if self._is_finished:
            old.unlink()
            self._is_finished = False
        self._offsets = offsets
        self._open()

    def __enter__(self) -> Self:
        Path(self.ark).parent.mkdir(parents=True, exist_ok=True)
        if not self._is_finished:
            self._open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.flush()
        finally:
            if self._file is not None:
                with naming(self.partial):
                    self._file.close()
        if kind is None:
            self._finish()

    def write(self, key: str, array: np.ndarray) -> None:
        """Appends a vector (D,) or matrix (T, D) of numbers or booleans, as float32 or compressed.

        Raises:
            DataError: the key is empty, holds white space or was written before; the array has another shape;
                or a matrix to be compressed is not finite.
        """
        self._check_key(key)
        try:
            record = encode_record(array, self.compress)
        except ValueError as error:
            raise DataError(f"{self.ark}: {key}: {error}") from None
        self._append(key, (record,))

    def append(self, key: str, record: Iterable[bytes]) -> None:
        """Appends what `encode_record` made of an array, in pieces. Raises DataError for a key as `write` does."""
        self._check_key(key)
        self._append(key, record)

    def flush(self) -> None:
        """Brings what was written to the disk; after this, a kill loses none of it."""
        if self._file is not None and not self._file.closed:
            with naming(self.partial):
                self._file.flush()
                os.fsync(self._file.fileno())

    def _check_key(self, key: str) -> None:
        encoded = key.encode()
        if encoded.split() != [encoded] or b"\0" in encoded or len(encoded) >= MAX_KEY_BYTES:
            raise DataError(f"{self.ark}: expected a key without white space, got {key!r}")
        if key in self._offsets:
            raise DataError(f"{self.ark}: expected each key once, got {key!r} again")

    def _append(self, key: str, record: Iterable[bytes]) -> None:
        file = self._file or self._open()
        with naming(self.partial):
            file.write(key.encode() + b" ")
            offset = file.tell()
            file.writelines(record)
            self._offsets[key] = offset

    def _scan(self) -> None:
        if os.path.exists(self.partial):
            self._offsets, self._end = scan_archive(self.partial)
        elif os.path.exists(self.ark):
            self._offsets, self._end = scan_archive(self.ark)
            size = os.path.getsize(self.ark)
            if self._end < size:
                raise DataError(
                    f"{self.ark}: expected a binary archive of vectors or matrices to go on with,"
                    f" got {size} bytes of which {self._end} are whole records"
                )
            self._is_finished = True

    def _open(self) -> BinaryIO:
        if self._is_finished:
            os.replace(self.ark, self.partial)
            self._is_finished = False
        self._file = open(self.partial, "r+b" if self._end else "wb")  # noqa: SIM115  closed by __exit__
        self._file.truncate(self._end)
        self._file.seek(self._end)
        return self._file

    def _finish(self) -> None:
        """The old scp is removed first: an scp never points into an archive that it was not made for."""
        if not self._is_finished:
            Path(self.scp).unlink(missing_ok=True)
            os.replace(self.partial, self.ark)
        with atomic_text(self.scp) as scp:
            scp.writelines(f"{key} {self.ark}:{offset}\n" for key, offset in self._offsets.items())


def encode_record(array: np.ndarray, method: int = 0) -> bytes:
    """A vector (D,) or matrix (T, D) as it follows its key in a binary archive, without the space between.

    Args:
        method: for matrices, as `compress` of `ArkWriter`.
    Raises:
        ValueError: another shape, or a matrix to be compressed is not finite.
    """
    array = np.asarray(array)
    if array.ndim not in (1, 2):
        raise ValueError(f"expected a vector or matrix, got the shape {array.shape}")
    if method and array.ndim == 2:
        return BINARY + compress(np.asarray(array, np.float32), method)
    buffer = io.BytesIO()
    kaldiio.matio.write_array(buffer, np.ascontiguousarray(array, "<f4"))
    return buffer.getvalue()


def encode_rows(rows: SpooledRows, method: int = 0) -> Iterator[bytes]:
    """What `encode_record` gives, in pieces, for a matrix that is not in memory.

    Args:
        method: 0 for float32, or `AUTOMATIC`.
    Raises:
        ValueError: it is to be compressed and not finite.
    """
    if method not in (0, AUTOMATIC):
        raise ValueError(f"method must be 0 or {AUTOMATIC}, got {method}")
    if method:
        pieces = compress_rows(rows)
        yield BINARY + next(pieces)  # which is where it fails
        yield from pieces
        return
    yield BINARY + b"FM " + b"".join(b"\4" + size.to_bytes(4, "little") for size in rows.shape)
    for block in rows.blocks():
        yield block.astype("<f4").tobytes()


def read_row_counts(path: str | os.PathLike[str], offsets: Iterable[int]) -> Iterator[int]:
    """The numbers of rows of matrices that `ArkWriter` wrote, without reading the matrices.

    Args:
        offsets: where their records begin, as in an scp file.
    """
    with open(path, "rb") as file:
        for offset in offsets:
            file.seek(offset + len(BINARY))
            token, _, sizes = file.read(16).partition(b" ")
            start = 8 if token.startswith(b"CM") else 1  # after two numbers of a compressed one, or the size of a size
            yield int.from_bytes(sizes[start : start + 4], "little")


def scan_archive(path: str | os.PathLike[str]) -> tuple[dict[str, int], int]:
    """The whole records at the start of a binary archive of vectors or matrices, found without decoding.

    Returns:
        offsets: {key: where its record begins, as in an scp file}.
        end: where the last whole record ends.
    """
    offsets: dict[str, int] = {}
    end = 0
    with _mapped(path) as view:
        data = cast("mmap.mmap | bytes", view.obj)  # where keys can be searched for
        while (space := data.find(b" ", end, end + MAX_KEY_BYTES)) > end:
            key, next_end = data[end:space], record_end(view, space + 1)
            if next_end is None or b"\0" in key:
                break
            offsets[key.decode()] = space + 1
            end = next_end
    return offsets, end


@contextmanager
def _mapped(path: str | os.PathLike[str]) -> Iterator[memoryview]:
    """The content of a file, mapped into memory."""
    if os.path.getsize(path) == 0:  # cannot be mapped
        yield memoryview(b"")
        return
    with (
        open(path, "rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
        memoryview(data) as view,
    ):
        yield view
