"""Energy-based voice activity detection.

Source: Kaldi ivector/voice-activity-detection.cc, ComputeVadEnergy.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from pysid.frontend.framing import as_counts, frame_mask
from pysid.frontend.kaldi_options import Option, number, parse_options, whole_number

VAD_OPTIONS = {
    "vad-energy-threshold": Option(number, "energy_threshold"),
    "vad-energy-mean-scale": Option(number, "energy_mean_scale"),
    "vad-frames-context": Option(whole_number, "frames_context"),
    "vad-proportion-threshold": Option(number, "proportion_threshold"),
}


@dataclass(frozen=True, kw_only=True)
class VadConfig:
    """Options of `energy_vad`. Defaults are Kaldi's."""

    kind: Literal["energy"] = "energy"
    energy_threshold: float = 5.0  # natural logarithm of energy at int16 scale
    energy_mean_scale: float = 0.5  # times the utterance's mean log energy, added to the threshold
    frames_context: int = 0  # frames on either side that have a say
    proportion_threshold: float = 0.6  # of the frames that have a say, how many must be loud

    def __post_init__(self) -> None:
        if not self.energy_mean_scale >= 0:
            raise ValueError(f"energy_mean_scale must not be negative, got {self.energy_mean_scale}")
        if self.frames_context < 0:
            raise ValueError(f"frames_context must not be negative, got {self.frames_context}")
        if not 0 < self.proportion_threshold < 1:
            raise ValueError(f"proportion_threshold must lie within (0, 1), got {self.proportion_threshold}")

    @classmethod
    def from_kaldi(cls, options: Mapping[str, str]) -> "VadConfig":
        """The configuration that options of Kaldi's compute-vad mean.

        Raises:
            ValueError: an unknown option or a wrong value; names the option.

        >>> VadConfig.from_kaldi({"vad-energy-threshold": "5.5"}).energy_threshold
        5.5
        """
        return cls(**parse_options(options, VAD_OPTIONS))


def energy_vad(
    log_energy: Tensor, n_frames: Tensor | Sequence[int] | None = None, config: VadConfig = VadConfig()
) -> Tensor:
    """Which frames are voiced: those around which a large enough share of frames is loud.

    A frame is loud when its log energy exceeds energy_threshold + energy_mean_scale * the utterance's mean.

    Args:
        log_energy: (B, T) log energy of each frame, the first column of MFCCs.
        n_frames: (B,) own frames of each utterance of a padded batch.
    Returns:
        (B, T) bool; False past an utterance's own frames.

    >>> energy_vad(torch.tensor([[0.0, 16.0, 16.0, 0.0]]))
    tensor([[False,  True,  True, False]])
    """
    if log_energy.ndim != 2:
        raise ValueError(f"log_energy must be (batch, frames), got {tuple(log_energy.shape)}")
    counts = as_counts(n_frames, log_energy, "n_frames")
    valid = frame_mask(counts, log_energy.shape[1])
    loud = (log_energy.float() > _threshold(log_energy, counts, valid, config)) & valid
    t = torch.arange(log_energy.shape[1], device=log_energy.device)
    first = (t - config.frames_context).clamp(min=0).expand_as(loud)
    end = torch.minimum(t + config.frames_context + 1, counts[:, None])  # (B, T)
    total = functional.pad(loud.cumsum(1), (1, 0))
    n_loud = total.gather(1, end) - total.gather(1, torch.minimum(first, end))
    # In float32, as in Kaldi: 3 of 5 frames reach a share of 0.6, which is 0.60000002 there.
    return (n_loud.float() >= (end - first).float() * config.proportion_threshold) & valid


def _threshold(log_energy: Tensor, counts: Tensor, valid: Tensor, config: VadConfig) -> Tensor:
    """(B, 1) energy threshold: a sum in double, otherwise Kaldi's float32."""
    total = log_energy.double().masked_fill(~valid, 0.0).sum(1, keepdim=True).float()
    return config.energy_mean_scale * total / counts[:, None].float() + config.energy_threshold
