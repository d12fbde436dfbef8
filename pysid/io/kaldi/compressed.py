"""Kaldi's compressed matrices: one or two bytes a value.

    CM    one byte, spread by the percentiles 0, 25, 75 and 100 of each column; column by column
    CM2   two bytes, evenly from the minimum of the matrix to its maximum; row by row
    CM3   one byte, likewise

Source: kaldi/src/matrix/compressed-matrix.cc.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pysid.io.kaldi.binary import BinaryReader

COMPRESSED_TOKENS = ("CM", "CM2", "CM3")

_HEADER = np.dtype([("minimum", "<f4"), ("range", "<f4"), ("n_rows", "<i4"), ("n_columns", "<i4")])
_EVEN_STEPS = {"CM2": ("<u2", 65535), "CM3": ("<u1", 255)}


def decompress(reader: "BinaryReader", kind: str) -> NDArray[np.float32]:
    """Reads the matrix behind the token `kind`, (rows, columns).

    Raises:
        DataError: a negative dimension, or fewer bytes than the dimensions call for.
    """
    start = reader.position
    header = reader.values(1, _HEADER)[0]
    minimum, span = header["minimum"], header["range"]
    n_rows, n_columns = int(header["n_rows"]), int(header["n_columns"])
    if n_rows < 0 or n_columns < 0:
        raise reader.error(f"dimensions >= 0 and not {n_rows} x {n_columns}", start)
    if kind in _EVEN_STEPS:
        dtype, n_steps = _EVEN_STEPS[kind]
        levels = reader.values(n_rows * n_columns, dtype).reshape(n_rows, n_columns)
        return minimum + levels.astype(np.float32) * (span / np.float32(n_steps))
    return _from_percentiles(reader, minimum, span, n_rows, n_columns)


def _from_percentiles(
    reader: "BinaryReader", minimum: np.float32, span: np.float32, n_rows: int, n_columns: int
) -> NDArray[np.float32]:
    """Levels 0, 64, 192 and 255 of a column are its percentiles; in between, values are evenly spaced."""
    quantized = reader.values(4 * n_columns, "<u2").reshape(n_columns, 4, 1)
    p0, p25, p75, p100 = np.moveaxis(minimum + span * np.float32(1 / 65535) * quantized.astype(np.float32), 1, 0)
    level = reader.values(n_rows * n_columns, "<u1").reshape(n_columns, n_rows).astype(np.float32)
    with np.errstate(invalid="ignore"):  # a damaged header may hold infinities
        low = p0 + (p25 - p0) * level * np.float32(1 / 64)
        middle = p25 + (p75 - p25) * (level - 64) * np.float32(1 / 128)
        high = p75 + (p100 - p75) * (level - 192) * np.float32(1 / 63)
    columns = np.where(level <= 64, low, np.where(level <= 192, middle, high))  # (columns, rows)
    return np.ascontiguousarray(columns.T, dtype=np.float32)
