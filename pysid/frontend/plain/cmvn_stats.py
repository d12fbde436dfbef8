"""Mean and variance normalisation by statistics of an utterance, a speaker, or a corpus.

Statistics are (2, D + 1): sums of features and their count, sums of their squares and 0.
Source: Kaldi transform/cmvn.cc.
"""

import numpy as np
from numpy.typing import NDArray

Stats = NDArray[np.float64]
Floats = NDArray[np.float32]

LEAST_VARIANCE = 1e-20


def cmvn_stats(features: Floats, weights: Floats | None = None) -> Stats:
    """(2, D + 1) statistics of features (T, D), each frame with its weight (T,)."""
    stats = np.zeros((2, features.shape[1] + 1))
    weight = np.ones(len(features), np.float32) if weights is None else weights
    # As in Kaldi, products are rounded to float32 before they are summed in double.
    stats[0, :-1] = (features * weight[:, None]).sum(axis=0, dtype=np.float64)
    stats[1, :-1] = (np.square(features) * weight[:, None]).sum(axis=0, dtype=np.float64)
    stats[0, -1] = weight.sum(dtype=np.float64)
    return stats


def apply_cmvn(features: Floats, stats: Stats, *, norm_vars: bool = False, reverse: bool = False) -> Floats:
    """(T, D) features of mean 0 and, with `norm_vars`, variance 1 over what the statistics are of.

    Args:
        stats: of one row, they have no variances.
        reverse: the other way: features of mean 0 and variance 1 get those of the statistics.
    Raises:
        ValueError: statistics of another dimension, of less than a frame, or without the variances that are wanted.
    """
    dim = features.shape[1]
    if stats.ndim != 2 or len(stats) not in (1, 2) or stats.shape[1] != dim + 1:
        raise ValueError(f"Dim mismatch: cmvn {'x'.join(map(str, stats.shape))}, feats {len(features)}x{dim}")
    if norm_vars and len(stats) == 1:
        raise ValueError("You requested variance normalization but no variance stats are supplied.")
    count = stats[0, -1]
    if not count >= 1:
        raise ValueError(f"Insufficient stats for cepstral mean and variance normalization: count = {count:g}")
    mean, deviation = stats[0, :-1] / count, np.ones(dim)
    if norm_vars:
        deviation = np.sqrt(np.maximum(stats[1, :-1] / count - np.square(mean), LEAST_VARIANCE))
    scale, offset = (deviation, mean) if reverse else (1 / deviation, -mean / deviation)
    return features * scale.astype(np.float32) + offset.astype(np.float32)


def without_dims(stats: Stats, dims: list[int]) -> Stats:
    """Statistics that leave some dimensions as they are."""
    if dims and not 0 <= min(dims) <= max(dims) < stats.shape[1] - 1:
        raise ValueError(f"expected dimensions in [0, {stats.shape[1] - 1}), got {dims}")
    stats = stats.copy()
    stats[0, dims], stats[1:, dims] = 0.0, stats[0, -1]
    return stats
