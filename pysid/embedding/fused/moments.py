"""Means and variances over time of frames that are taken piece by piece, so that a piece stays in the cache."""

import numpy as np
import torch
from torch import Tensor

from pysid.embedding.pooling import VARIANCE_FLOOR

PIECE_FRAMES = 128  # few enough for a core's own cache


class Moments:
    """Mean and variance of pieces that are added, and of any run of neighbours among them.

    Each piece's variance is around its own mean, so that no digits are lost where a unit hardly varies; the differences
    between the pieces' means are added (Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for
    computing sample variances", 1979, equation 2.1).
    """

    def __init__(self) -> None:
        self._sizes: list[int] = []
        self._means: list[Tensor] = []
        self._variances: list[Tensor] = []

    def add(self, rows: Tensor) -> None:
        """Adds a piece: rows[1:] of (1 + n, D), n >= 1, whose memory it overwrites."""
        mean, variance = torch.batch_norm_update_stats(rows[1:], None, None, 0.0)
        self._sizes.append(len(rows) - 1)
        self._means.append(mean)
        self._variances.append(variance)

    def result(self, first: int = 0, end: int | None = None) -> tuple[Tensor, Tensor, int]:
        """Mean and variance (D,) of the pieces [first, end), and their number of frames."""
        sizes = torch.tensor(self._sizes[first:end])
        share = (sizes / sizes.sum())[:, None]
        means = torch.stack(self._means[first:end])
        mean = (share * means).sum(0)
        variance = share * (torch.stack(self._variances[first:end]) + (means - mean).square())
        return mean, variance.sum(0), int(sizes.sum())


class KaldiMoments:
    """Mean and variance of pieces that are added, rounded as `pooling.kaldi_statistics` does: frame after frame."""

    def __init__(self) -> None:
        self._size = 0
        self._sums: list[np.ndarray] = []  # of the frames, and of their squares

    def add(self, rows: Tensor) -> None:
        """Adds a piece: rows[1:] of (1 + n, D), n >= 1. All rows are overwritten."""
        frames = rows.numpy()
        squares = np.square(frames)
        if self._sums:
            frames[0], squares[0] = self._sums
        first = int(not self._sums)
        self._sums = [np.add.reduce(x[first:], axis=0) for x in (frames, squares)]
        self._size += len(rows) - 1

    def result(self) -> tuple[Tensor, Tensor, int]:
        """Mean and variance (D,) of all frames, and their number."""
        scale = np.float32(1) / np.float32(self._size)
        mean, mean_square = (x * scale for x in self._sums)
        return torch.from_numpy(mean), torch.from_numpy(mean_square - np.square(mean)), self._size


def weighted_moments(frames: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Weighted mean and variance (H, D) of frames (T, D) under weights (H, T), whose rows sum to one."""
    mean = weights @ frames
    variance = torch.zeros_like(mean)
    scratch = frames.new_empty(PIECE_FRAMES, frames.shape[1])
    for piece, own in zip(frames.split(PIECE_FRAMES), weights.split(PIECE_FRAMES, 1), strict=True):
        for h in range(len(weights)):
            deviation = torch.sub(piece, mean[h], out=scratch[: len(piece)])
            variance[h] += own[h] @ deviation.square_()
    return mean, variance


def statistics(mean: Tensor, variance: Tensor) -> Tensor:
    """(..., 2 D) [mean | standard deviation] of moments (..., D), the variance floored."""
    return torch.cat([mean, variance.clamp(min=VARIANCE_FLOOR).sqrt()], -1)


def unbiased(variance: Tensor, size: int) -> Tensor:
    """The estimate of the variance that divides by size - 1 instead of size."""
    return variance * (size / max(size - 1, 1))
