"""Energy-based voice activity detection.

Source: Kaldi ivector/voice-activity-detection.cc, ComputeVadEnergy.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from pysid.frontend.framing import as_counts, frame_mask
from pysid.frontend.vad_config import VadConfig


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
