"""The file beside a speaker database that makes searches of many speakers quick.

It is made from the database and can be made again: the enrolled halves of the scores, as safetensors, mapped into
memory. Each is a speaker's biometric data; `erase` takes it out of the file. Sums of all that is in it tell a damaged
one.
"""

import json
import os
import shutil
import struct
import zlib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pysid.backend.search import EnrolledSide
from pysid.backend.statistics import row_blocks
from pysid.errors import DataError
from pysid.io.files import atomic_path, remove_leftovers

FORMAT = "2"
NO_SCORE = -np.inf  # `row` of a speaker that is not there any more
TYPES: dict[str, Any] = {
    "left": np.float32,
    "row": np.float64,
    "counts": np.int32,
    "ids": np.int64,
    "label": np.int64,
    "sums": np.uint32,
}
NAMES = {np.float32: "F32", np.float64: "F64", np.int32: "I32", np.int64: "I64", np.uint32: "U32"}  # of safetensors
SUM_ROWS = 4096  # of `left` under one sum; the last sum is of all the other arrays
SUM_THREADS = 4


@dataclass(frozen=True)
class Label:
    """What an index was made from.

    Attributes:
        backend: fingerprint of the back-end.
        epoch, revision: of the database, see `SpeakerDatabase.state`.
    """

    backend: str
    epoch: int
    revision: int


@dataclass(frozen=True)
class SpeakerIndex:
    """Some speakers of a database, ready to be searched: `ids` (E,) and their halves of the scores."""

    ids: np.ndarray
    side: EnrolledSide

    def without(self, ids: np.ndarray) -> "SpeakerIndex":
        """The same rows, of which those of `ids` are never found."""
        gone = np.isin(self.ids, ids)
        return replace(self, side=replace(self.side, row=np.where(gone, NO_SCORE, self.side.row)))

    @property
    def n_speakers(self) -> int:
        """Speakers in the index, without those that were removed."""
        return int((self.side.row > NO_SCORE).sum())


def index_path(database: str | os.PathLike[str]) -> Path:
    """Where the index of a database lies: beside it, as SQLite's own -wal and -shm do."""
    return Path(f"{os.path.realpath(database)}-index")


def read_index(database: str | os.PathLike[str]) -> tuple[Label, SpeakerIndex] | None:
    """Maps the index of a database into memory; None where there is none, or a damaged one: it can be made anew."""
    try:
        backend, arrays = _map(index_path(database), "r")
    except _BROKEN:
        return None
    if (arrays["sums"] != _sums(arrays, range(len(arrays["sums"])))).any():
        return None
    side = EnrolledSide(np.asarray(arrays["left"]), np.array(arrays["row"]), np.array(arrays["counts"]))
    epoch, revision = arrays["label"].tolist()
    return Label(backend, epoch, revision), SpeakerIndex(np.array(arrays["ids"]), side)


def write_index(database: str | os.PathLike[str], label: Label, parts: Sequence[SpeakerIndex]) -> None:
    """Writes the speakers of `parts` that can be found; the file appears when it is complete.

    The caller keeps other writers out.

    Args:
        database: path of it, beside which the index is.
        label: model and state of the database.
        parts: speakers as searches want them.
    """
    path = index_path(database)
    found = [part.side.row > NO_SCORE for part in parts]
    n = sum(int(mask.sum()) for mask in found)
    shapes: dict[str, tuple[int, ...]] = {"left": (n, parts[0].side.left.shape[1]), "row": (n,), "counts": (n,)}
    shapes |= {"ids": (n,), "label": (2,), "sums": (_n_blocks(n) + 1,)}
    small = {
        "row": np.concatenate([part.side.row[mask] for part, mask in zip(parts, found, strict=True)]),
        "counts": np.concatenate([part.side.counts[mask] for part, mask in zip(parts, found, strict=True)]),
        "ids": np.concatenate([part.ids[mask] for part, mask in zip(parts, found, strict=True)]),
        "label": np.array([label.epoch, label.revision]),
    }
    remove_leftovers(path.parent, path.name)
    with atomic_path(path, 0o600) as temporary:  # nobody else may read it, not even before its mode is set
        shutil.copymode(database, temporary)  # whoever may read the one may read the other
        with open(temporary, "r+b") as file:
            file.write(_header(label.backend, shapes))
            for part, mask in zip(parts, found, strict=True):
                for rows in row_blocks(len(mask)):
                    file.write(part.side.left[rows][mask[rows]].tobytes())
            for name, array in small.items():
                file.write(array.astype(TYPES[name]).tobytes())
            file.write(bytes(4 * shapes["sums"][0]))
        _, arrays = _map(temporary, "r+")
        arrays["sums"][:] = _sums(arrays, range(len(arrays["sums"])))
        arrays["sums"].flush()


def erase(database: str | os.PathLike[str], ids: Iterable[int], epoch: int, next_epoch: int) -> None:
    """Overwrites speakers of the index of a database that goes over from `epoch` to `next_epoch`.

    An index of another epoch may have been left by a process that was killed: it is removed. The caller keeps other
    writers out.

    Args:
        database: path of it.
        ids: of the speakers.
        epoch: before they are removed.
        next_epoch: after.
    """
    path = index_path(database)
    remove_leftovers(path.parent, path.name)
    try:
        _, arrays = _map(path, "r+")
    except FileNotFoundError:
        return
    except _BROKEN:
        path.unlink()
        return
    if arrays["label"][0] != epoch:
        path.unlink()
        return
    arrays["label"][0] = next_epoch  # first: if we are killed before the database follows, this file fits nothing
    gone = np.isin(arrays["ids"], list(ids))
    arrays["left"][gone] = 0.0
    arrays["row"][gone] = NO_SCORE
    changed = [*np.unique(np.flatnonzero(gone) // SUM_ROWS), len(arrays["sums"]) - 1]
    arrays["sums"][changed] = _sums(arrays, changed)
    for array in arrays.values():
        array.flush()


def _n_blocks(n_rows: int) -> int:
    return -(-n_rows // SUM_ROWS)


def _sums(arrays: dict[str, np.memmap], which: Sequence[int]) -> np.ndarray:
    """Some of the check sums (CRC-32) as they should be."""

    def check_sum(block: int) -> int:
        if block < last:
            return zlib.crc32(arrays["left"][block * SUM_ROWS : (block + 1) * SUM_ROWS].tobytes())
        value = 0
        for name in ("row", "counts", "ids", "label"):
            value = zlib.crc32(arrays[name].tobytes(), value)
        return value

    last = len(arrays["sums"]) - 1
    with ThreadPoolExecutor(SUM_THREADS) as pool:  # summing leaves Python to others
        return np.fromiter(pool.map(check_sum, which), np.uint32, len(which))


def _header(backend: str, shapes: dict[str, tuple[int, ...]]) -> bytes:
    """The header of a safetensors file, of a multiple of 8 bytes."""
    header: dict[str, Any] = {"__metadata__": {"format": FORMAT, "backend": backend}}
    at = 0
    for name, shape in shapes.items():
        size = int(np.prod(shape)) * np.dtype(TYPES[name]).itemsize
        header[name] = {"dtype": NAMES[TYPES[name]], "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text


_BROKEN = (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, IndexError, struct.error)


def _map(path: Path, mode: Any) -> tuple[str, dict[str, np.memmap]]:
    """The fingerprint of the back-end, and the arrays mapped into memory.

    Raises:
        one of `_BROKEN`: there is no such file, or it is no index.
    """
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        start = 8 + length
        header = json.loads(file.read(min(length, 2**20)))
    metadata = header.pop("__metadata__")
    if metadata["format"] != FORMAT or header.keys() != TYPES.keys():
        raise DataError(f"{path}: expected a speaker index of format {FORMAT}")
    arrays = {}
    for name, entry in header.items():
        if entry["dtype"] != NAMES[TYPES[name]]:
            raise DataError(f"{path}: expected {name} as {NAMES[TYPES[name]]}")
        offset = start + entry["data_offsets"][0]
        arrays[name] = np.memmap(path, TYPES[name], mode, offset, tuple(entry["shape"]))
    n = len(arrays["ids"])
    if arrays["left"].ndim != 2 or any(len(arrays[name]) != n for name in ("left", "row", "counts")):
        raise DataError(f"{path}: expected as many rows in every array")
    if arrays["label"].shape != (2,) or arrays["sums"].shape != (_n_blocks(n) + 1,):
        raise DataError(f"{path}: expected a label of two numbers, and sums of {n} rows")
    return metadata["backend"], arrays
