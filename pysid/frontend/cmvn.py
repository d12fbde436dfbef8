"""Cepstral mean and variance normalisation over a sliding window.

Source: Kaldi feat/feature-functions.cc, SlidingWindowCmn.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from pysid.frontend.cmvn_config import VARIANCE_FLOOR, CmvnConfig
from pysid.frontend.framing import as_counts, zero_past_end

CPU_FRAMES = 4096  # normalized together


def sliding_cmvn(
    features: Tensor, n_frames: Tensor | Sequence[int] | None = None, config: CmvnConfig = CmvnConfig()
) -> Tensor:
    """Features minus their mean over a window, and with norm_vars divided by their standard deviation in it.

    At an utterance's ends the window is shifted, not shrunk; one longer than the utterance takes it all.
    Without `center` the window is the frame and the `window` frames before it.

    Args:
        features: (B, T, D).
        n_frames: (B,) own frames of each utterance of a padded batch.
    Returns:
        (B, T, D) of the features' type; rows past an utterance's own frames are 0.
    """
    if features.ndim != 3:
        raise ValueError(f"features must be (batch, frames, dimensions), got {tuple(features.shape)}")
    counts = as_counts(n_frames, features, "n_frames")
    start, end = _windows(features.shape[1], counts, config)
    normalized = _normalize(features, start, end, config.norm_vars) if config.norm_means else features
    return zero_past_end(normalized, counts)


class SlidingCmvn(nn.Module):
    """`sliding_cmvn` as a module, for `nn.Sequential(Mfcc(), SlidingCmvn())`.

    Shape: features (B, T, D), and n_frames (B,) or None -> (B, T, D).
    """

    def __init__(self, config: CmvnConfig = CmvnConfig()) -> None:
        super().__init__()
        self.config = config

    def forward(self, features: Tensor, n_frames: Tensor | Sequence[int] | None = None) -> Tensor:
        """As the class says."""
        return sliding_cmvn(features, n_frames, self.config)


def _windows(longest: int, counts: Tensor, config: CmvnConfig) -> tuple[Tensor, Tensor]:
    """(B, T) first frame, and one past the last, of the window of each frame."""
    t = torch.arange(longest, device=counts.device)
    counts = counts[:, None]
    if config.center:
        start = (t - config.window // 2).clamp(min=0)
        end = start + config.window
    else:
        start = (t - config.window).clamp(min=0)
        end = (t + 1).clamp(min=config.min_window)
    excess = (end - counts).clamp(min=0)
    return (start - excess).clamp(min=0), end - excess


def _normalize(features: Tensor, start: Tensor, end: Tensor, norm_vars: bool) -> Tensor:
    """Each frame against the frames of its window; on a CPU in stretches that stay in its cache."""
    n_frames = features.shape[1]
    if torch.compiler.is_compiling() or n_frames <= CPU_FRAMES or features.device.type != "cpu":
        return _normalize_stretch(features, start, end, norm_vars)
    stretches = []
    for first in range(0, n_frames, CPU_FRAMES):
        own = slice(first, min(first + CPU_FRAMES, n_frames))
        begin, past = start[:, own], end[:, own]
        low, high = min(first, int(begin.min())), max(own.stop, int(past.max()))
        rows = slice(first - low, own.stop - low)
        stretches.append(_normalize_stretch(features[:, low:high], begin - low, past - low, norm_vars, rows))
    return torch.cat(stretches, 1)


def _normalize_stretch(
    features: Tensor, start: Tensor, end: Tensor, norm_vars: bool, rows: slice = slice(None)
) -> Tensor:
    """Frames `rows` of features (B, T, D), their windows from start to end, (B, N) each.

    Differences of running sums, in double. The first frame is subtracted first, to keep the sums small.
    """
    x = features.double()
    x = x - x[:, :1]
    size = (end - start).clamp(min=1)[..., None]
    mean = _window_sum(x, start, end) / size
    normalized = x[:, rows] - mean
    if norm_vars:
        variance = _window_sum(x.square(), start, end) / size - mean.square()
        normalized = normalized * variance.clamp(min=VARIANCE_FLOOR).rsqrt()
        normalized = normalized.masked_fill(size == 1, 0.0)
    return normalized.to(features.dtype)


def _window_sum(x: Tensor, start: Tensor, end: Tensor) -> Tensor:
    """(B, T, D) sums of x[b, start:end]."""
    total = functional.pad(x.cumsum(1), (0, 0, 1, 0))  # (B, T + 1, D)
    return _rows_at(total, end).sub_(_rows_at(total, start))


def _rows_at(total: Tensor, index: Tensor) -> Tensor:
    """(B, T, D) rows index (B, T) of each total (N, D); `gather` would look up each number of a row by itself."""
    first = torch.arange(total.shape[0], device=index.device)[:, None] * total.shape[1]
    return total.flatten(0, 1).index_select(0, (first + index).flatten()).unflatten(0, index.shape)
