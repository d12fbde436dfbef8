"""Kaldi's compression of a feature matrix to one or two bytes per value, bit for bit.

kaldiio has it too, but rounds in another way and so differs from Kaldi in one value of five thousand.
Source: Kaldi matrix/compressed-matrix.cc, CopyFromMat, ComputeGlobalHeader, ComputeColHeader, FloatToChar.
"""

from collections.abc import Iterator

import numpy as np

from pysid.io.spooled_rows import SpooledRows

AUTOMATIC = 1
SPEECH_FEATURE = 2
_SPREAD = (2, 3, 5)  # methods whose range is that of the matrix
_FIXED = {4: (-32768.0, 65535.0), 6: (0.0, 255.0), 7: (0.0, 1.0)}  # method: minimum, range
_N_STEPS = {2: 65535, 3: 65535, 4: 65535, 5: 255, 6: 255, 7: 255}
_TOKENS = {2: b"CM ", 3: b"CM2 ", 4: b"CM2 ", 5: b"CM3 ", 6: b"CM3 ", 7: b"CM3 "}
METHODS = (AUTOMATIC, *_N_STEPS)


def compress(matrix: np.ndarray, method: int = AUTOMATIC) -> bytes:
    """A matrix as Kaldi writes it in binary, token and all, without the `\\0B` before it.

    Args:
        matrix: (T, D) float32, finite.
        method: Kaldi's CompressionMethod: 1 automatic (2 for more than 8 rows, else 3), 2 speech feature (one
            byte, spread by quartiles of each column), 3 two bytes, 4 two bytes for int16, 5 one byte, 6 one
            byte for 0 to 255, 7 one byte for 0 to 1.
    Raises:
        ValueError: unknown method, or a value is not finite.

    >>> compress(np.array([[0.0, 255.0]], np.float32), method=6)[-2:]
    b'\\x00\\xff'
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {METHODS}, got {method}")
    if matrix.size == 0:
        return b"CM " + _header(0.0, 0.0, (0, 0))
    if not np.isfinite(matrix).all():
        raise ValueError("expected finite values to compress, got NaN or infinity")
    if method == AUTOMATIC:
        method = SPEECH_FEATURE if len(matrix) > 8 else 3
    minimum, span = _range(matrix, method)
    start = _TOKENS[method] + _header(minimum, span, matrix.shape)
    if method == SPEECH_FEATURE:
        return start + _by_column(matrix, minimum, span)
    n_steps = _N_STEPS[method]
    return start + _levels(matrix, minimum, span, n_steps).astype("<u2" if n_steps > 255 else "u1").tobytes()


def compress_rows(rows: SpooledRows) -> Iterator[bytes]:
    """What `compress` gives, in pieces, for a matrix that is not in memory: one column is at a time.

    Raises:
        ValueError: a value is not finite.
    """
    if len(rows) <= 8:  # where AUTOMATIC is another method
        yield compress(rows.read(0, len(rows)))
        return
    lowest, highest = np.float32(np.inf), np.float32(-np.inf)
    for block in rows.blocks():
        if not np.isfinite(block).all():
            raise ValueError("expected finite values to compress, got NaN or infinity")
        lowest, highest = min(lowest, block.min()), max(highest, block.max())
    minimum, span = _range(np.array([[lowest, highest]], np.float32), SPEECH_FEATURE)
    yield _TOKENS[SPEECH_FEATURE] + _header(minimum, span, rows.shape)
    columns = range(rows.dim)
    levels = [_percentile_levels(rows.column(d)[:, None], minimum, span) for d in columns]
    yield b"".join(level.T.astype("<u2").tobytes() for level in levels)
    for d in columns:
        yield _chars(rows.column(d)[:, None], levels[d], minimum, span)


def _range(matrix: np.ndarray, method: int) -> tuple[np.float32, np.float32]:
    if method not in _SPREAD:
        minimum, span = _FIXED[method]
        return np.float32(minimum), np.float32(span)
    lowest, highest = np.float32(matrix.min()), np.float32(matrix.max())
    if highest == lowest:
        highest = np.float32(lowest + (1.0 + abs(float(lowest))))
    return lowest, highest - lowest


def _header(minimum: float | np.float32, span: float | np.float32, shape: tuple[int, ...]) -> bytes:
    return np.array([minimum, span], "<f4").tobytes() + np.array(shape, "<i4").tobytes()


def _levels(values: np.ndarray, minimum: np.float32, span: np.float32, n_steps: int) -> np.ndarray:
    share = np.clip((values - minimum) / span, np.float32(0), np.float32(1))
    return ((share * np.float32(n_steps)).astype(np.float64) + 0.499).astype(np.int64)


def _by_column(matrix: np.ndarray, minimum: np.float32, span: np.float32) -> bytes:
    """Percentiles 0, 25, 75 and 100 of every column as 16-bit levels, then the columns, one byte a value."""
    levels = _percentile_levels(matrix, minimum, span)  # (4, D)
    return levels.T.astype("<u2").tobytes() + _chars(matrix, levels, minimum, span)


def _chars(matrix: np.ndarray, levels: np.ndarray, minimum: np.float32, span: np.float32) -> bytes:
    """The columns, one byte a value, of which these are the `_percentile_levels`."""
    p0, p25, p75, p100 = minimum + span * np.float32(1.52590218966964e-05) * levels.astype(np.float32)
    low = _char(matrix, p0, p25, 0, 64)
    middle = _char(matrix, p25, p75, 64, 128)
    high = _char(matrix, p75, p100, 192, 63)
    chars = np.where(matrix < p25, low, np.where(matrix < p75, middle, high))
    return np.ascontiguousarray(chars.T, np.uint8).tobytes()


def _percentile_levels(matrix: np.ndarray, minimum: np.float32, span: np.float32) -> np.ndarray:
    """(4, D), strictly increasing; of fewer than five rows, the rows themselves as far as they go."""
    n_rows = len(matrix)
    quarter = n_rows // 4
    places = [0, quarter, 3 * quarter, n_rows - 1] if n_rows >= 5 else list(range(n_rows))
    wanted = np.zeros((4, matrix.shape[1]), np.int64)
    wanted[: len(places)] = _levels(np.sort(matrix, axis=0)[places], minimum, span, 65535)
    levels = np.zeros_like(wanted)
    levels[0] = np.minimum(wanted[0], 65532)
    for i, highest in enumerate((65533, 65534, 65535), start=1):
        levels[i] = np.minimum(np.maximum(wanted[i], levels[i - 1] + 1), highest)
    return levels


def _char(values: np.ndarray, low: np.ndarray, high: np.ndarray, first: int, n_steps: int) -> np.ndarray:
    span = high - low
    share = np.divide(values - low, span, out=np.zeros_like(values), where=span > 0)
    steps = ((share * np.float32(n_steps)).astype(np.float64) + 0.5).astype(np.int64)
    return first + np.clip(steps, 0, n_steps)
