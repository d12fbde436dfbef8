"""Kaldi archives of vectors and matrices: `scp:`, `ark:`, and .npz files of vectors.

A source is `scp:path`, `ark:path` (with options as in Kaldi, `ark,t:path`; `-` is standard input), or a bare path
that ends in .scp, .ark or .npz. Shell pipes run only with `allow_pipes`.
"""

import io
import os
import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np

from pysid.errors import DataError
from pysid.io.ark_record import read_array, read_key
from pysid.io.ark_writer import ArkWriter
from pysid.io.npz import read_npz, write_npz
from pysid.io.tables import read_table
from pysid.io.wav_scp import is_pipe, resolve_path, run_pipe

__all__ = [
    "ArkWriter",
    "load_matrix",
    "load_vector",
    "read_matrices",
    "read_npz",
    "read_vectors",
    "write_npz",
]

Arrays = Iterator[tuple[str, np.ndarray]]

RANGE_TOLERANCE = 3  # rows by which a range may pass the end, as in Kaldi's util/kaldi-holder.cc


def read_vectors(source: str | os.PathLike[str], *, allow_pipes: bool = False) -> Arrays:
    """Yields (key, vector (D,) float32) of every entry, in order.

    Raises:
        DataError: naming the file and the key: missing, broken or cut off, not a vector, a pipe that is not allowed.
    """
    return _read(os.fspath(source), 1, allow_pipes)


def read_matrices(source: str | os.PathLike[str], *, allow_pipes: bool = False) -> Arrays:
    """Yields (key, matrix (T, D) float32) of every entry, in order; errors as `read_vectors`."""
    return _read(os.fspath(source), 2, allow_pipes)


def load_vector(
    entry: str, scp_directory: str | os.PathLike[str] = ".", *, allow_pipes: bool = False
) -> np.ndarray:
    """The vector (D,) an entry of an scp file stands for: `file`, `file:offset`, `file:offset[first:last]`.

    Args:
        entry: what follows the key on a line. A range is inclusive, as in Kaldi.
        scp_directory: the folder of the scp file; a path is looked for there, then in the working folder.
    """
    with _Archives(scp_directory, allow_pipes) as archives:
        return archives.load(entry, 1)


def load_matrix(
    entry: str, scp_directory: str | os.PathLike[str] = ".", *, allow_pipes: bool = False
) -> np.ndarray:
    """The matrix (T, D) an entry of an scp file stands for; a range may be `[rows]` or `[rows,columns]`."""
    with _Archives(scp_directory, allow_pipes) as archives:
        return archives.load(entry, 2)


def _read(source: str, n_axes: int, allow_pipes: bool) -> Arrays:
    specifier = re.match(r"(scp|ark)(?:,[a-z]+)*:", source)
    kind = specifier[1] if specifier else os.path.splitext(source)[1].removeprefix(".")
    path = source[specifier.end() :] if specifier else source
    if kind == "npz" and n_axes == 1:
        return read_npz(path)
    if kind == "scp":
        return _read_scp(path, n_axes, allow_pipes)
    if kind == "ark":
        return _read_ark(path, n_axes, allow_pipes)
    raise DataError(
        f"{source}: expected scp:PATH, ark:PATH or a path that ends in .scp or .ark (vectors: .npz too)"
    )


def _read_scp(path: str, n_axes: int, allow_pipes: bool) -> Arrays:
    with _Archives(os.path.dirname(path), allow_pipes) as archives:
        for key, entry in read_table(path).items():
            try:
                yield key, archives.load(entry, n_axes)
            except DataError as error:
                raise DataError(f"{path}: {key}: {error}") from None


def _read_ark(path: str, n_axes: int, allow_pipes: bool) -> Arrays:
    with ExitStack() as stack:
        file = _open(path, allow_pipes)
        if file is not sys.stdin.buffer:
            stack.enter_context(file)
        key: str | None = "the first key"
        while True:
            try:
                key, separator = read_key(file)
                if key is None:
                    return
                array = _shaped(read_array(file, separator), n_axes)
            except ValueError as error:
                raise DataError(f"{path}: {key}: {error}") from None
            yield key, array


class _Archives:
    """Loads the entries of one scp file; keeps the archive open that the last entry was in."""

    def __init__(self, directory: str | os.PathLike[str], allow_pipes: bool) -> None:
        self.directory = directory
        self.allow_pipes = allow_pipes
        self.name: str | None = None
        self.file: BinaryIO = io.BytesIO()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.file.close()

    def load(self, entry: str, n_axes: int) -> np.ndarray:
        path, offset, bounds = split_entry(entry)
        if path != self.name:
            self.file.close()
            resolved = path if is_pipe(path) else resolve_path(path, self.directory)
            self.file, self.name = _open(resolved, self.allow_pipes), path
        try:
            self.file.seek(offset)
            array = _shaped(read_array(self.file), n_axes)
            return array[_slices(bounds, array.shape)] if bounds else array
        except ValueError as error:
            raise DataError(f"{entry}: {error}") from None


def split_entry(entry: str) -> tuple[str, int, str]:
    """An scp entry as (path or pipe, offset in bytes, range without its brackets).

    >>> split_entry("mfcc.ark:1042[0:99,0:12]")
    ('mfcc.ark', 1042, '0:99,0:12')
    """
    if is_pipe(entry):
        return entry, 0, ""
    match = re.fullmatch(r"(.+?)(?::(\d+))?(?:\[([^\[\]]*)\])?", entry)
    if match is None:
        raise DataError(f"expected a path, 'path:offset' or 'path:offset[range]', got {entry!r}")
    return match[1], int(match[2] or 0), match[3] or ""


def _slices(bounds: str, shape: tuple[int, ...]) -> tuple[slice, ...]:
    parts = bounds.split(",")
    if len(parts) > len(shape):
        raise ValueError(f"expected a range of at most {len(shape)} parts, got [{bounds}]")
    slices = []
    for axis, part in enumerate(parts):
        if part in (":", ""):
            slices.append(slice(None))
            continue
        match = re.fullmatch(r"(\d+):(\d+)", part)
        tolerance = RANGE_TOLERANCE if axis == 0 else 0
        if not match or not int(match[1]) <= int(match[2]) < shape[axis] + tolerance:
            raise ValueError(f"expected a range first:last within the shape {shape}, got [{bounds}]")
        slices.append(slice(int(match[1]), int(match[2]) + 1))
    return tuple(slices)


def _shaped(array: np.ndarray, n_axes: int) -> np.ndarray:
    if array.size == 0:
        return array.reshape((0,) * n_axes)
    if array.ndim != n_axes:
        expected = "a vector" if n_axes == 1 else "a matrix"
        raise ValueError(f"expected {expected}, got the shape {array.shape}")
    return array


def _open(path: str, allow_pipes: bool) -> BinaryIO:
    if is_pipe(path):
        if not allow_pipes:
            raise DataError(
                f"expected a path, got the shell pipe {path!r}; allow pipes only in files you trust"
            )
        return io.BytesIO(run_pipe(path))
    if path == "-":
        return sys.stdin.buffer
    try:
        return open(path, "rb")
    except OSError as error:
        raise DataError(f"{path}: cannot read the file: {error.strerror}") from None
