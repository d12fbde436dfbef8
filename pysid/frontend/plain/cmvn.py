"""Cepstral mean and variance normalisation over a sliding window, of one recording, in NumPy.

Source: Kaldi feat/feature-functions.cc, SlidingWindowCmn.
"""

import numpy as np
from numpy.typing import NDArray

from pysid.frontend.cmvn_config import VARIANCE_FLOOR, CmvnConfig

STRETCH = 4096  # frames normalised together: they stay in the cache


def sliding_cmvn(features: NDArray[np.float32], config: CmvnConfig = CmvnConfig()) -> NDArray[np.float32]:
    """(T, D) features minus their mean over a window, and so on: see `pysid.frontend.sliding_cmvn`."""
    if not config.norm_means:
        return features
    start, end = _windows(len(features), config)
    normalized = np.empty_like(features)
    for first in range(0, len(features), STRETCH):
        own = slice(first, min(first + STRETCH, len(features)))
        low, high = min(first, start[own].min()), max(own.stop, end[own].max())
        rows = slice(first - low, own.stop - low)
        normalized[own] = _normalize(features[low:high], rows, start[own] - low, end[own] - low, config.norm_vars)
    return normalized


def _windows(n: int, config: CmvnConfig) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(T,) first frame, and one past the last, of the window of each frame."""
    t = np.arange(n)
    if config.center:
        start = np.maximum(t - config.window // 2, 0)
        end = start + config.window
    else:
        start = np.maximum(t - config.window, 0)
        end = np.maximum(t + 1, config.min_window)
    excess = np.maximum(end - n, 0)
    return np.maximum(start - excess, 0), end - excess


def _normalize(
    features: NDArray[np.float32], rows: slice, start: NDArray[np.int64], end: NDArray[np.int64], norm_vars: bool
) -> NDArray[np.float64]:
    """Frames `rows` of features (T, D): differences of running sums, minus the first frame."""
    x = features.astype(np.float64)
    x = x - x[:1]
    size = np.maximum(end - start, 1)[:, None]
    mean = _window_sum(x, start, end) / size
    normalized: NDArray[np.float64] = x[rows] - mean
    if norm_vars:
        variance = _window_sum(np.square(x), start, end) / size - np.square(mean)
        normalized = normalized * (1 / np.sqrt(np.maximum(variance, VARIANCE_FLOOR)))
        normalized[size[:, 0] == 1] = 0.0
    return normalized


def _window_sum(x: NDArray[np.float64], start: NDArray[np.int64], end: NDArray[np.int64]) -> NDArray[np.float64]:
    """(N, D) sums of x[start:end]."""
    total = np.concatenate([np.zeros_like(x[:1]), np.cumsum(x, axis=0)])
    return np.asarray(total[end] - total[start])
