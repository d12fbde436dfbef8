"""Vectors in NumPy's .npz: two arrays, `keys` (N,) and `vectors` (N, D), easy to read for other programs."""

import os
from collections.abc import Iterable, Iterator

import numpy as np

from pysid.errors import DataError, one_line
from pysid.io.files import atomic_path, open_binary

MOST_EXPANDED = 100  # times as large as the file, for one that is compressed
SMALL_BYTES = 1 << 26  # that may be there of any file


def write_npz(path: str | os.PathLike[str], vectors: Iterable[tuple[str, np.ndarray]]) -> None:
    """Writes (key, (D,)) pairs, all of one D, as float32.

    Raises:
        DataError: the vectors differ in size.
    """
    pairs = list(vectors)
    shapes = sorted({np.shape(vector) for _, vector in pairs})
    if any(len(shape) != 1 for shape in shapes) or len(shapes) > 1:
        raise DataError(f"{path}: expected vectors of one size, got the shapes {shapes}")
    stacked = np.array([vector for _, vector in pairs], np.float32).reshape(len(pairs), *(shapes or [(0,)])[0])
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, keys=np.array([key for key, _ in pairs], dtype=np.str_), vectors=stacked)


def read_npz(path: str | os.PathLike[str]) -> Iterator[tuple[str, np.ndarray]]:
    """Yields (key, (D,) float32) pairs of a file that `write_npz` wrote.

    Raises:
        DataError: the file is missing or broken, or holds other arrays. Pickled objects are never loaded.
    """
    try:
        with open_binary(path) as file, np.load(file, allow_pickle=False) as arrays:
            size, file_size = sum(entry.file_size for entry in arrays.zip.infolist()), file.seek(0, os.SEEK_END)
            if size > max(SMALL_BYTES, MOST_EXPANDED * file_size):
                raise ValueError(f"got a compressed file of {file_size} bytes that claims {size}")
            keys, vectors = arrays["keys"], arrays["vectors"]
    except OSError as error:
        raise DataError(f"{path}: cannot read the file: {error.strerror or error}") from None
    except Exception as error:  # a damaged file makes zipfile and NumPy raise almost anything
        raise DataError(f"{path}: expected an .npz of the arrays 'keys' and 'vectors': {one_line(error)}") from None
    if keys.ndim != 1 or vectors.ndim != 2 or len(keys) != len(vectors):
        raise DataError(f"{path}: expected keys (N,) and vectors (N, D), got {keys.shape}, {vectors.shape}")
    if keys.dtype.kind != "U" or vectors.dtype.kind not in "fiu":
        raise DataError(f"{path}: expected keys of text and vectors of numbers, got {keys.dtype}, {vectors.dtype}")
    with np.errstate(over="ignore"):  # a double beyond float32 is infinity, as in archives
        vectors = vectors.astype(np.float32, copy=False)
    yield from zip(keys.tolist(), vectors, strict=True)
