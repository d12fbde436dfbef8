"""The file beside a speaker database that makes searches of many speakers quick.

It is made from the database and can be made again: the enrolled halves of the scores, as safetensors, mapped into
memory. Each is a speaker's biometric data; `erase` takes it out of the file.
"""

import json
import os
import shutil
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pysid.backend.search import EnrolledSide
from pysid.backend.statistics import row_blocks
from pysid.errors import DataError
from pysid.io.files import atomic_path

FORMAT = "1"
NO_SCORE = -np.inf  # `row` of a speaker that is not there any more
TYPES: dict[str, Any] = {"left": np.float32, "row": np.float64, "counts": np.int32, "ids": np.int64, "label": np.int64}
NAMES = {np.float32: "F32", np.float64: "F64", np.int32: "I32", np.int64: "I64"}  # in the header of safetensors


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
    except (OSError, ValueError, KeyError, TypeError, struct.error):
        return None
    side = EnrolledSide(np.asarray(arrays["left"]), np.array(arrays["row"]), np.array(arrays["counts"]))
    epoch, revision = arrays["label"].tolist()
    return Label(backend, epoch, revision), SpeakerIndex(np.array(arrays["ids"]), side)


def write_index(database: str | os.PathLike[str], label: Label, parts: Sequence[SpeakerIndex]) -> None:
    """Writes the speakers of `parts` that can be found; the file appears when it is complete.

    The caller keeps other writers out.
    """
    path = index_path(database)
    found = [part.side.row > NO_SCORE for part in parts]
    n = sum(int(mask.sum()) for mask in found)
    shapes = {"left": (n, parts[0].side.left.shape[1]), "row": (n,), "counts": (n,), "ids": (n,), "label": (2,)}
    small = {
        "row": np.concatenate([part.side.row[mask] for part, mask in zip(parts, found, strict=True)]),
        "counts": np.concatenate([part.side.counts[mask] for part, mask in zip(parts, found, strict=True)]),
        "ids": np.concatenate([part.ids[mask] for part, mask in zip(parts, found, strict=True)]),
        "label": np.array([label.epoch, label.revision]),
    }
    _remove_leftovers(path)
    with atomic_path(path) as temporary, open(temporary, "wb", opener=_for_the_owner) as file:
        shutil.copymode(database, temporary)  # whoever may read the one may read the other
        file.write(_header(label.backend, shapes))
        for part, mask in zip(parts, found, strict=True):
            for rows in row_blocks(len(mask)):
                file.write(part.side.left[rows][mask[rows]].tobytes())
        for name, array in small.items():
            file.write(array.astype(TYPES[name]).tobytes())


def erase(database: str | os.PathLike[str], ids: Iterable[int], epoch: int, next_epoch: int) -> None:
    """Overwrites speakers of the index of a database that goes over from `epoch` to `next_epoch`.

    An index of another epoch may have been left by a process that was killed: it is removed. The caller keeps other
    writers out.
    """
    path = index_path(database)
    _remove_leftovers(path)
    try:
        _, arrays = _map(path, "r+")
    except FileNotFoundError:
        return
    except (OSError, ValueError, KeyError, TypeError, struct.error):
        path.unlink()
        return
    if arrays["label"][0] != epoch:
        path.unlink()
        return
    arrays["label"][0] = next_epoch  # first: if we are killed before the database follows, this file fits nothing
    gone = np.isin(arrays["ids"], list(ids))
    arrays["left"][gone] = 0.0
    arrays["row"][gone] = NO_SCORE
    for array in arrays.values():
        array.flush()


def _for_the_owner(path: str, flags: int) -> int:
    """Opens a file that nobody else may read, not even before its mode is set."""
    return os.open(path, flags, 0o600)


def _remove_leftovers(path: Path) -> None:
    """Removes what a killed writer left of the file."""
    for leftover in path.parent.glob(".tmp-*"):
        if leftover.name.endswith(f"-{path.name}"):
            leftover.unlink(missing_ok=True)


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


def _map(path: Path, mode: Any) -> tuple[str, dict[str, np.memmap]]:
    """The fingerprint of the back-end, and the arrays mapped into memory.

    Raises:
        OSError, ValueError, KeyError, TypeError, struct.error: there is no such file, or it is no index.
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
        offset = start + entry["data_offsets"][0]
        arrays[name] = np.memmap(path, TYPES[name], mode, offset, tuple(entry["shape"]))
    n = len(arrays["ids"])
    if arrays["left"].ndim != 2 or any(len(arrays[name]) != n for name in ("left", "row", "counts")):
        raise DataError(f"{path}: expected as many rows in every array")
    return metadata["backend"], arrays
