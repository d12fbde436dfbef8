"""Voice activity detection with a threshold between a recording's two levels, that of pauses and that of speech.

Kaldi's threshold follows the mean energy, and so sinks into the noise where a recording has long pauses. This one
does not depend on how long they are, nor on how loud the recording is.

Source: Md Sahidullah and G. Saha, "Comparison of Speech Activity Detection Techniques for Speaker Recognition",
2012, arXiv:1210.0297: log energies as a mixture of two Gaussians. Here the two have one variance in common, which
keeps the wide spread of speech from swallowing the pauses.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from pysid.frontend.framing import as_counts, frame_mask
from pysid.ranges import MOST_DB

DB = math.log(10) / 10  # a decibel, in the natural logarithm of energy
LOUD_SHARE = 0.02  # of the frames are louder than what counts as the top of a recording's range
N_BINS = 256
TINY = 1e-9  # a share of the frames so small counts as none
N_ITERATIONS = 50  # of the EM algorithm; the levels have settled by then


@dataclass(frozen=True, kw_only=True)
class AdaptiveVadConfig:
    """Configuration of `adaptive_vad`."""

    kind: Literal["adaptive"] = "adaptive"
    level: float = 0.2  # of the threshold: 0 is the level of pauses, 1 that of speech
    range_db: float = 40.0  # frames further below the loudest, such as digital silence, count as this far below
    min_separation_db: float = 3.0  # with its two levels closer together, a recording has no speech

    def __post_init__(self) -> None:
        if not 0 < self.level < 1:
            raise ValueError(f"level must lie within (0, 1), got {self.level}")
        if not 0 < self.range_db <= MOST_DB:
            raise ValueError(f"range_db must lie in (0, {MOST_DB:g}], got {self.range_db}")
        if not self.min_separation_db >= 0:
            raise ValueError(f"min_separation_db must not be negative, got {self.min_separation_db}")


def adaptive_vad(
    log_energy: Tensor,
    n_frames: Tensor | Sequence[int] | None = None,
    config: AdaptiveVadConfig = AdaptiveVadConfig(),
) -> Tensor:
    """Which frames are voiced: those louder than a threshold between an utterance's two levels.

    Args:
        log_energy: (B, T) natural logarithm of the energy of each frame, the first column of MFCCs.
        n_frames: (B,) own frames of each utterance of a padded batch.
    Returns:
        (B, T) bool; False past an utterance's own frames.

    >>> adaptive_vad(torch.tensor([[4.0, 4.5, 5.0, 4.5, 14.0, 4.0, 12.0, 16.0]]))
    tensor([[False, False, False, False,  True, False,  True,  True]])
    """
    if log_energy.ndim != 2:
        raise ValueError(f"log_energy must be (batch, frames), got {tuple(log_energy.shape)}")
    counts = as_counts(n_frames, log_energy, "n_frames")
    valid = frame_mask(counts, log_energy.shape[1])
    if not torch.compiler.is_compiling() and not valid.any():
        return valid
    values, weights = _histogram(log_energy.masked_fill(~valid, -math.inf), counts, config.range_db * DB)
    quiet, loud = _two_levels(values, weights)
    threshold = quiet + config.level * (loud - quiet)
    threshold = threshold.masked_fill(loud - quiet < config.min_separation_db * DB, math.inf)
    return (log_energy > threshold[:, None]) & valid


def _histogram(log_energy: Tensor, counts: Tensor, span: float) -> tuple[Tensor, Tensor]:
    """Values (B, N) that energies (B, T) fall on, up to the top of their range, and the shares (B, N) that do."""
    rank = (LOUD_SHARE * counts).long()[:, None]
    top = log_energy.sort(1, descending=True).values.gather(1, rank).double()  # (B, 1)
    top = top.nan_to_num(neginf=0.0)  # of an utterance without frames
    width = span / N_BINS
    index = ((log_energy - top + span) / width).clamp(0, N_BINS - 1).long()
    shares = log_energy.isfinite() / counts[:, None].clamp(min=1).double()
    weights = torch.zeros(top.shape[0], N_BINS, dtype=top.dtype, device=top.device).scatter_add_(1, index, shares)
    return top - span + width * (torch.arange(N_BINS, device=top.device) + 0.5), weights


def _two_levels(values: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """(B,) means, quiet and loud, of a mixture of two Gaussians with one variance, fitted to values (B, N)."""
    share = weights.cumsum(1)
    quiet, loud = (
        values.gather(1, (share < quantile).sum(1, keepdim=True).clamp(max=N_BINS - 1)) for quantile in (0.1, 0.9)
    )
    least = (values[:, 1:2] - values[:, :1]).square()  # the variance that the histogram blurs by
    variance, odds = ((loud - quiet) / 3).square().clamp(min=least), torch.ones_like(loud)
    for _ in range(N_ITERATIONS):
        log_odds = odds.log() + (loud - quiet) / variance * (values - (quiet + loud) / 2)
        of_loud = weights * log_odds.sigmoid()
        of_quiet = weights - of_loud
        quiet, loud = _mean(values, of_quiet), _mean(values, of_loud)
        squares = of_quiet * (values - quiet).square() + of_loud * (values - loud).square()
        variance = squares.sum(1, keepdim=True).clamp(min=least)
        odds = of_loud.sum(1, keepdim=True).clamp(min=TINY) / of_quiet.sum(1, keepdim=True).clamp(min=TINY)
    return quiet[:, 0], loud[:, 0]


def _mean(values: Tensor, weights: Tensor) -> Tensor:
    """(B, 1)."""
    return (weights * values).sum(1, keepdim=True) / weights.sum(1, keepdim=True).clamp(min=TINY)
