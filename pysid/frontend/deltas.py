"""Deltas: slopes of the features over time, and slopes of the slopes.

Source: Kaldi feat/feature-functions.cc, DeltaFeatures.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

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
    filters = delta_filters(order, window)
    if features.shape[1] == 0:
        return features.repeat(1, 1, order + 1)
    counts = as_counts(n_frames, features, "n_frames")
    result = torch.cat([_filter(features, counts, taps) for taps in filters], -1)
    return result.masked_fill(~frame_mask(counts, features.shape[1])[..., None], 0.0)


def _filter(features: Tensor, counts: Tensor, taps: np.ndarray) -> Tensor:
    """Sum of taps[j] times frame t + j - len(taps) // 2, the frame's index held within its utterance."""
    t = torch.arange(features.shape[1], device=features.device)
    last = (counts[:, None] - 1).clamp(min=0)
    result = torch.zeros_like(features)
    for offset, tap in enumerate(taps.tolist(), start=-(len(taps) // 2)):
        if tap:
            index = torch.minimum((t + offset).clamp(min=0), last)  # (B, T)
            result = result + tap * features.gather(1, index[..., None].expand_as(features))
    return result
