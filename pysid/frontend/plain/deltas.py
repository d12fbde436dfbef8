"""Deltas of one recording, in NumPy, and the filters that make them. Source: Kaldi feat/feature-functions.cc."""

import numpy as np
from numpy.typing import NDArray


def add_deltas(features: NDArray[np.float32], order: int = 2, window: int = 2) -> NDArray[np.float32]:
    """(T, D * (order + 1)) features with their deltas up to `order` appended; see `pysid.frontend.add_deltas`.

    Args:
        features: (T, D).
        order: 2 appends deltas of deltas too.
        window: frames on each side.

    >>> add_deltas(np.arange(9, dtype=np.float32)[:, None], order=1)[4]
    array([4., 1.], dtype=float32)
    """
    filters = delta_filters(order, window)
    if not len(features):
        return np.tile(features, (1, order + 1))
    return np.concatenate([_filter(features, taps) for taps in filters], 1)


def delta_filters(order: int, window: int) -> list[NDArray[np.float32]]:
    """Filters of orders 0, 1 ... in float32, of 1 + 2 i window taps: each takes the slope of the last one.

    Raises:
        ValueError: an order below 0, or a window below 1.
    """
    if order < 0 or window < 1:
        raise ValueError(f"order must be 0 or more and window 1 or more, got order {order}, window {window}")
    slope = np.arange(-window, window + 1, dtype=np.float32)
    filters = [np.ones(1, np.float32)]
    for _ in range(order):
        filters.append(np.convolve(filters[-1], slope) / np.float32(np.square(slope).sum()))
    return filters


def _filter(features: NDArray[np.float32], taps: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sum of taps[j] times frame t + j - len(taps) // 2, the first and last frames repeated at the ends."""
    reach = len(taps) // 2
    padded = np.pad(features, ((reach, reach), (0, 0)), "edge")
    result = np.zeros_like(features)
    for offset, tap in enumerate(taps):
        if tap:
            result += tap * padded[offset : offset + len(features)]
    return result
