"""Deltas: slopes of the features over time, and slopes of the slopes.

Source: Kaldi feat/feature-functions.cc, DeltaFeatures.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from pysid.frontend.framing import as_counts, frame_mask
from pysid.frontend.plain.deltas import delta_filters


def add_deltas(
    features: Tensor, order: int = 2, window: int = 2, n_frames: Tensor | Sequence[int] | None = None
) -> Tensor:
    """Features with their deltas up to `order` appended; the first and last frames are repeated at the ends.

    Args:
        features: (B, T, D).
        window: frames on either side that a slope is fitted to.
        n_frames: (B,) own frames of each utterance of a padded batch.
    Returns:
        (B, T, D * (order + 1)); rows past an utterance's own frames are 0.

    >>> add_deltas(torch.arange(9.0).reshape(1, 9, 1), order=1)[0, 4]
    tensor([4., 1.])
    """
    return _append(features, _taps(order, window), n_frames)


def _taps(order: int, window: int) -> list[list[float]]:
    taps: list[list[float]] = [taps.tolist() for taps in delta_filters(order, window)]
    return taps


def _append(features: Tensor, filters: list[list[float]], n_frames: Tensor | Sequence[int] | None) -> Tensor:
    if features.shape[1] == 0:
        return features.repeat(1, 1, len(filters))
    counts = as_counts(n_frames, features, "n_frames")
    result = torch.cat([_filter(features, counts, taps) for taps in filters], -1)
    return result.masked_fill(~frame_mask(counts, features.shape[1])[..., None], 0.0)


class Deltas(nn.Module):
    """`add_deltas` as a module, for `nn.Sequential(Mfcc(), Deltas())`.

    Shape: features (B, T, D), and n_frames (B,) or None -> (B, T, D * (order + 1)).
    """

    def __init__(self, order: int = 2, window: int = 2) -> None:
        super().__init__()
        self.taps = _taps(order, window)

    def forward(self, features: Tensor, n_frames: Tensor | Sequence[int] | None = None) -> Tensor:
        """As the class says."""
        return _append(features, self.taps, n_frames)


def _filter(features: Tensor, counts: Tensor, taps: list[float]) -> Tensor:
    """Sum of taps[j] times frame t + j - len(taps) // 2, the frame's index held within its utterance."""
    t = torch.arange(features.shape[1], device=features.device)
    last = (counts[:, None] - 1).clamp(min=0)
    result = torch.zeros_like(features)
    for offset, tap in enumerate(taps, start=-(len(taps) // 2)):
        if tap:
            index = torch.minimum((t + offset).clamp(min=0), last)  # (B, T)
            result = result + tap * features.gather(1, index[..., None].expand_as(features))
    return result
