"""Waveforms made ready as Resemblyzer does: quiet ones raised, and what is not speech cut out of them.

Source: Resemblyzer, resemblyzer/audio.py (normalize_volume, trim_long_silences).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from pysid.frontend.webrtc import WebrtcVadConfig, webrtc_vad

FULL_SCALE = 32768.0


@dataclass(frozen=True, kw_only=True)
class PauseCutConfig:
    """WebRTC's decisions, smoothed, by which pauses are cut out of the waveform before there are frames.

    Attributes:
        aggressiveness: of the detector, 0 to 3.
        block_ms: 10, 20 or 30: what one decision is about. What is left at the end and fills no block is cut off.
        smooth_blocks: blocks of which more than half must be speech.
        margin_blocks: kept on either side of speech.
    """

    kind: Literal["cut"] = "cut"
    aggressiveness: int = 3
    block_ms: int = 30
    smooth_blocks: int = 8
    margin_blocks: int = 3

    def __post_init__(self) -> None:
        if self.smooth_blocks < 1 or self.margin_blocks < 0:
            raise ValueError(
                f"smooth_blocks must be positive and margin_blocks not negative, got {self.smooth_blocks} and "
                f"{self.margin_blocks}"
            )
        self.detector  # noqa: B018  checks the others

    @property
    def detector(self) -> WebrtcVadConfig:
        """Its options."""
        return WebrtcVadConfig(aggressiveness=self.aggressiveness, block_ms=self.block_ms)


def kept_blocks(wave: Tensor, sample_rate: int, config: PauseCutConfig) -> np.ndarray:
    """(N,) bool: the whole blocks of a waveform (S,), at int16 scale, that are kept.

    Args:
        wave: (S,) at int16 scale.
        sample_rate: Hz, one that WebRTC's detector takes.
        config: of detector and smoothing.
    """
    n = len(wave) // (sample_rate * config.block_ms // 1000)
    scaled = wave * (32767 / FULL_SCALE)  # as Resemblyzer has the samples
    speech = webrtc_vad(
        scaled, sample_rate, n, config.detector, shift_ms=config.block_ms, first_centre_ms=config.block_ms / 2
    ).numpy()
    width, margin = config.smooth_blocks, config.margin_blocks
    smooth = _count_around(speech, (width - 1) // 2, width // 2) * 2 > width
    return _count_around(smooth, margin, margin) > 0


def _count_around(kept: np.ndarray, before: int, after: int) -> np.ndarray:
    """How many of (N,) bool are True from that many places before each to that many after it: (N,)."""
    total = np.concatenate([[0], np.pad(kept.astype(np.int64), (before, after)).cumsum()])
    return total[before + after + 1 :] - total[: len(kept)]


def without_pauses(wave: Tensor, sample_rate: int, config: PauseCutConfig) -> Tensor:
    """A waveform (S,), at int16 scale, without its pauses; empty where there is no speech.

    Args:
        wave: (S,) at int16 scale.
        sample_rate: Hz, one that WebRTC's detector takes.
        config: of detector and smoothing.
    """
    size = sample_rate * config.block_ms // 1000
    kept = torch.from_numpy(kept_blocks(wave, sample_rate, config)).to(wave.device)
    return wave[: len(kept) * size].reshape(-1, size)[kept].flatten()


def raised(wave: Tensor, least_dbfs: float) -> Tensor:
    """A waveform (S,), at int16 scale, amplified where its root mean square is below `least_dbfs` of full scale."""
    rms = float(wave.double().square().mean().sqrt()) if len(wave) else 0.0
    least = FULL_SCALE * 10 ** (least_dbfs / 20)
    return wave if not 0 < rms < least else wave * (least / rms)
