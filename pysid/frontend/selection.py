"""Keeping the voiced frames. Source: Kaldi ivectorbin/select-voiced-frames.cc."""

from collections.abc import Sequence

import torch
from torch import Tensor

from pysid.frontend.framing import as_counts, frame_mask, zero_past_end


def select_frames(
    features: Tensor, mask: Tensor, n_frames: Tensor | Sequence[int] | None = None
) -> tuple[Tensor, Tensor]:
    """The frames of each utterance where the mask is True, moved together.

    Args:
        features: (B, T, D).
        mask: (B, T) bool.
        n_frames: (B,) own frames of each utterance of a padded batch; the mask does not count past them.
    Returns:
        selected: (B, T', D), T' the largest count, or T in torch.export and torch.compile; zeros past an
            utterance's own.
        n_selected: (B,) frames of each utterance; 0 where none was chosen.

    >>> select_frames(torch.arange(4.0).reshape(1, 4, 1), torch.tensor([[True, False, False, True]]))
    (tensor([[[0.],
              [3.]]]), tensor([2]))
    """
    if mask.shape != features.shape[:2]:
        raise ValueError(f"mask must be {tuple(features.shape[:2])} like the features, got {tuple(mask.shape)}")
    counts = as_counts(n_frames, features, "n_frames")
    mask = mask.bool() & frame_mask(counts, features.shape[1])
    n_selected = mask.sum(1)
    if torch.compiler.is_compiling():  # a graph's shapes follow from those of what comes in: T' is T
        order = torch.sort((~mask).to(torch.uint8), dim=1, stable=True).indices[..., None].expand_as(features)
        return zero_past_end(features.gather(1, order), n_selected), n_selected
    longest = int(n_selected.max()) if len(mask) else 0
    selected = features.new_zeros(len(features), longest, *features.shape[2:])
    selected[frame_mask(n_selected, longest)] = features[mask]  # both sides go row by row, frame by frame
    return selected, n_selected
