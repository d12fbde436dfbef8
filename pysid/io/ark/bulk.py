"""All vectors of an archive as one array.

Archives of embeddings are long, and their records are all alike: float32, binary, of one dimension. Such a file is
mapped into memory, and each vector is copied once, to its row. All other files are left to `read_vectors`.
"""

import mmap
import os
from collections.abc import Iterable
from contextlib import ExitStack

import numpy as np

from pysid.errors import DataError
from pysid.io.ark.archive import read_vectors, split_source
from pysid.io.ark.record import FLOAT_VECTOR
from pysid.io.scp import resolve_path
from pysid.io.tables import read_table

_HEADER_BYTES = len(FLOAT_VECTOR) + 4  # with the number of values

Vectors = tuple[list[str], np.ndarray]


def read_vector_matrix(source: str | os.PathLike[str], *, allow_pipes: bool = False) -> Vectors:
    """The N keys and the vectors (N, D) float32 of a source (see `archive`), in order; (0, 0) of an empty one.

    Raises:
        DataError: as `read_vectors`, or the vectors differ in size.
    """
    source = os.fspath(source)
    kind, path = split_source(source)
    with ExitStack() as files:
        alike = _read_ark(path, files) if kind == "ark" else _read_scp(path, files) if kind == "scp" else None
    if alike is not None:
        return alike
    keys, rows = list[str](), list[np.ndarray]()
    for key, vector in read_vectors(source, allow_pipes=allow_pipes):
        if rows and len(vector) != len(rows[0]):
            raise DataError(f"{source}: {key}: expected {len(rows[0])} numbers as before, got {len(vector)}")
        keys.append(key)
        rows.append(vector)
    return keys, np.stack(rows) if rows else np.zeros((0, 0), np.float32)


def _read_ark(path: str, files: ExitStack) -> Vectors | None:
    """What an archive holds, None where its records are not all alike."""
    data = _map(path, files)
    if data is None:
        return None
    start = data.find(b" ") + 1
    n_bytes = _n_bytes(data[start : start + _HEADER_BYTES])
    keys, starts, end = list[bytes](), list[int](), 0
    while n_bytes and end < len(data):
        start = data.find(b" ", end) + 1
        if not start:
            return None
        keys.append(data[end : start - 1])
        starts.append(start)
        end = start + _HEADER_BYTES + n_bytes
    rows = _copy_records([data] * len(starts), starts)
    text = b" ".join(keys)
    if rows is None or text.split() != keys:  # what stands between the records is no key
        return None
    try:
        return text.decode().split(" "), rows
    except UnicodeDecodeError:
        return None


def _read_scp(path: str, files: ExitStack) -> Vectors | None:
    """What the entries of an scp file stand for, None where their records are not all alike."""
    table = read_table(path)
    maps: dict[str, mmap.mmap | None] = {}
    archives, starts = list[mmap.mmap](), list[int]()
    for entry in table.values():
        name, _, start = entry.rpartition(":")
        if not start.isdecimal():
            return None
        if name not in maps:
            maps[name] = _map(resolve_path(name, os.path.dirname(path)), files)
        data = maps[name]
        if data is None:
            return None
        archives.append(data)
        starts.append(int(start))
    rows = _copy_records(archives, starts)
    return None if rows is None else (list(table), rows)


def _map(path: str, files: ExitStack) -> mmap.mmap | None:
    """The bytes of a file, None where it cannot be mapped: it is missing, empty or no file."""
    try:
        with open(path, "rb") as file:
            return files.enter_context(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError):
        return None


def _n_bytes(header: bytes) -> int:
    """The number of values in a record, 0 where it is not a vector of float32 or is empty."""
    size = int.from_bytes(header[len(FLOAT_VECTOR) : _HEADER_BYTES], "little", signed=True)
    return max(4 * size, 0) if header.startswith(FLOAT_VECTOR) else 0


def _copy_records(archives: Iterable[mmap.mmap], starts: list[int]) -> np.ndarray | None:
    """(N, D) the vectors of records that start there, None where they are not all alike, or are not whole."""
    end = 0
    header, rows, target = b"", None, memoryview(b"")
    for data, start in zip(archives, starts, strict=True):
        body = start + _HEADER_BYTES
        if rows is None:
            header = data[start:body]
            n_bytes = _n_bytes(header)
            if not n_bytes:
                return None
            rows = np.empty((len(starts), n_bytes // 4), "<f4")
            target = rows.data.cast("B")
        if data[start:body] != header or body + n_bytes > len(data):
            return None
        target[end : end + n_bytes] = data[body : body + n_bytes]
        end += n_bytes
    return rows
