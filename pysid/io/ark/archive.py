"""Kaldi archives of vectors and matrices.

A source is `scp:PATH`, `ark:PATH` (with Kaldi's options, `ark,t:PATH`), or a bare path that ends in .scp,
.ark or, for vectors, .npz or .txt. PATH may be `-` (standard input) in `ark:`, and a shell pipe if `allow_pipes` is
set. Kaldi stores decisions about frames (VAD) as vectors of 0 and 1.
"""

import io
import os
import re
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np

from pysid.errors import DataError
from pysid.io.ark.npz import read_npz, write_npz
from pysid.io.ark.record import read_array, read_key, read_rows
from pysid.io.ark.txt import read_txt
from pysid.io.ark.writer import ArkWriter
from pysid.io.files import STANDARD_STREAM, open_binary
from pysid.io.scp import is_pipe, resolve_path, run_pipe
from pysid.io.tables import read_table

__all__ = [
    "ArkWriter",
    "read_matrices",
    "read_matrix",
    "read_npz",
    "read_vector",
    "read_vectors",
    "write_npz",
]

Arrays = Iterator[tuple[str, np.ndarray]]

RANGE_TOLERANCE = 3  # rows by which a range may pass the end; Kaldi util/kaldi-holder.cc


def read_vectors(source: str | os.PathLike[str], *, allow_pipes: bool = False) -> Arrays:
    """Yields (key, vector (D,) float32) of every entry, in order.

    Raises:
        DataError: naming file and key: missing, broken or cut off, not a vector, a pipe that is not allowed.
    """
    return _read(os.fspath(source), 1, allow_pipes)


def read_matrices(source: str | os.PathLike[str], *, allow_pipes: bool = False) -> Arrays:
    """Yields (key, matrix (T, D) float32) of every entry, in order; errors as `read_vectors`."""
    return _read(os.fspath(source), 2, allow_pipes)


def read_vector(entry: str, scp_directory: str | os.PathLike[str] = ".", *, allow_pipes: bool = False) -> np.ndarray:
    """The vector (D,) an entry of an scp file stands for: `file`, `file:offset`, `file:offset[first:last]`.

    Args:
        entry: what follows the key on a line. A range includes its last row, as in Kaldi.
        scp_directory: the folder of the scp file; a path is looked for there, then in the working folder.
    Raises:
        DataError: as `read_vectors`, or the range lies outside.
    """
    with _Archives(scp_directory, allow_pipes) as archives:
        return archives.read(entry, 1)


def read_matrix(entry: str, scp_directory: str | os.PathLike[str] = ".", *, allow_pipes: bool = False) -> np.ndarray:
    """The matrix (T, D) an entry of an scp file stands for, as `read_vector`; a range is `[rows,columns]`.

    Args:
        entry: a path with an offset, such as "feats.ark:17".
        scp_directory: what relative paths are relative to.
        allow_pipes: run an entry that is a shell command.
    """
    with _Archives(scp_directory, allow_pipes) as archives:
        return archives.read(entry, 2)


def read_matrix_rows(
    entry: str, first: int, stop: int, scp_directory: str | os.PathLike[str] = ".", *, allow_pipes: bool = False
) -> np.ndarray:
    """The rows [first, stop) of the matrix an entry of an scp file stands for, as far as there are: (n, D) float32.

    Args:
        entry: as of `read_matrix`; without a range, no other rows are read from a binary archive.
        first, stop: from 0.
        scp_directory, allow_pipes: as of `read_matrix`.
    Raises:
        DataError: as `read_vectors`.
    """
    with _Archives(scp_directory, allow_pipes) as archives:
        return archives.read(entry, 2, (first, stop))


def split_entry(entry: str) -> tuple[str, int, str]:
    """An scp entry as (path or pipe, offset in bytes, range without its brackets).

    >>> split_entry("mfcc.ark:1042[0:99,0:12]")
    ('mfcc.ark', 1042, '0:99,0:12')
    """
    path, _, offset = entry.rpartition(":")
    if path and offset.isdecimal() and len(offset) < 19:  # as nearly all are
        return path, int(offset), ""
    match = re.fullmatch(r"(.+?)(?::(\d{1,18}))?(?:\[([^\[\]]*)\])?", entry)
    if is_pipe(entry) or match is None:
        return entry, 0, ""
    return match[1], int(match[2] or 0), match[3] or ""


def split_specifier(source: str) -> tuple[str, str]:
    """A source as ("scp" or "ark", path) where it is one of Kaldi's specifiers, else as ("", path).

    >>> split_specifier("scp,p:exp/feats.scp"), split_specifier("exp/feats.scp")
    (('scp', 'exp/feats.scp'), ('', 'exp/feats.scp'))
    """
    specifier = re.match(r"(scp|ark)(?:,[a-z]+)*:", source)
    return (specifier[1], source[specifier.end() :].strip()) if specifier else ("", source)


def split_source(source: str) -> tuple[str, str]:
    """A source as (kind, path), the kind being "scp", "ark" or the path's ending.

    >>> split_source("ark,t:-"), split_source("exp/xvector.npz")
    (('ark', '-'), ('npz', 'exp/xvector.npz'))
    """
    specifier, path = split_specifier(source)
    return specifier or os.path.splitext(path)[1].removeprefix("."), path


def _read(source: str, n_axes: int, allow_pipes: bool) -> Arrays:
    kind, path = split_source(source)
    if kind == "npz" and n_axes == 1:
        return read_npz(path)
    if kind == "txt" and n_axes == 1:
        return read_txt(path)
    if kind == "scp":
        return _read_scp(path, n_axes, allow_pipes)
    if kind == "ark":
        return _read_ark(path, n_axes, allow_pipes)
    endings = ".scp, .ark, .npz or .txt" if n_axes == 1 else ".scp or .ark"
    raise DataError(f"expected scp:PATH, ark:PATH or a path that ends in {endings}, got {source!r}")


def _read_scp(path: str, n_axes: int, allow_pipes: bool) -> Arrays:
    with _Archives(os.path.dirname(path), allow_pipes) as archives:
        for key, entry in read_table(path).items():
            try:
                array = archives.read(entry, n_axes)
            except DataError as error:
                raise DataError(f"{path}: {key}: {error}") from None
            yield key, array


def _read_ark(path: str, n_axes: int, allow_pipes: bool) -> Arrays:
    stdin = path == STANDARD_STREAM
    if stdin and sys.stdin is None:
        raise DataError(f"{path}: expected an archive on standard input, and it is closed")
    with nullcontext(sys.stdin.buffer) if stdin else _open(path, allow_pipes) as file:
        place = "the first key"
        while True:
            try:
                key, separator = read_key(file)
                if key is None:
                    return
                place = key
                array = with_axes(read_array(file, separator), n_axes)
            except ValueError as error:
                raise DataError(f"{path}: {place}: {error}") from None
            yield key, array
            place = f"the key after {key}"


class _Archives:
    """Loads entries of one scp file; keeps the archive of the last entry open."""

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

    def read(self, entry: str, n_axes: int, rows: tuple[int, int] | None = None) -> np.ndarray:
        path, offset, bounds = split_entry(entry)
        if path != self.name:
            resolved = path if is_pipe(path) else resolve_path(path, self.directory)
            file = _open(resolved, self.allow_pipes)
            self.file.close()
            self.file, self.name = file, path
        try:
            self.file.seek(offset)
            if rows and not bounds:
                return with_axes(read_rows(self.file, *rows), n_axes)
            array = with_axes(read_array(self.file), n_axes)
            array = array[range_slices(bounds, array.shape)] if bounds else array
            return array[slice(*rows)] if rows else array
        except ValueError as error:
            raise DataError(f"{entry}: {error}") from None


def range_slices(bounds: str, shape: tuple[int, ...]) -> tuple[slice, ...]:
    """A range of Kaldi's, `rows` or `rows,columns`, each `first:last` (the last one included) or `:` for all.

    Raises:
        ValueError: it is not a range, or lies outside an array of that shape.

    >>> range_slices("10:19,:", (100, 30))
    (slice(10, 20, None), slice(None, None, None))
    """
    parts = bounds.split(",")
    slices = []
    for axis, part in enumerate(parts):
        if part == ":" and axis < len(shape):
            slices.append(slice(None))
            continue
        match = re.fullmatch(r"(\d{1,18}):(\d{1,18})", part)
        tolerance = RANGE_TOLERANCE if axis == 0 else 0
        if not match or axis >= len(shape) or not int(match[1]) <= int(match[2]) < shape[axis] + tolerance:
            raise ValueError(f"expected a range first:last within the shape {shape}, got [{bounds}]")
        slices.append(slice(int(match[1]), int(match[2]) + 1))
    return tuple(slices)


def with_axes(array: np.ndarray, n_axes: int) -> np.ndarray:
    """An array that was read, if it has `n_axes` axes or is empty. Raises ValueError."""
    if array.size == 0:
        return array.reshape((0,) * n_axes)
    if array.ndim != n_axes:
        raise ValueError(f"expected a {('vector', 'matrix')[n_axes - 1]}, got the shape {array.shape}")
    return array


def _open(path: str, allow_pipes: bool) -> BinaryIO:
    if is_pipe(path):
        return io.BytesIO(run_pipe(path, allow_pipes=allow_pipes))
    try:
        return io.BufferedReader(open_binary(path))
    except OSError as error:
        raise DataError(f"{path}: cannot read the file: {error.strerror}") from None
