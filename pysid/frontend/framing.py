"""From waveforms to overlapping frames: frames of a padded batch, reflected edges.

Source: Kaldi feat/feature-window.{h,cc}.
"""

import warnings
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from pysid.errors import PysidWarning
from pysid.frontend.frames import FrameConfig, count_frames


def as_counts(counts: Tensor | Sequence[int] | None, batch: Tensor, what: str) -> Tensor:
    """(B,) samples or frames of each utterance in a padded batch (B, T, ...), on the batch's device.

    Args:
        counts: as the caller gave them; None means that no utterance is padded.
        what: what is counted, for messages, such as "lengths".
    Raises:
        ValueError: not one count for each utterance, or a count outside [0, T]; not in torch.export and
            torch.compile, which look at no values.
    """
    n_utterances, longest = batch.shape[:2]
    if counts is None:
        return torch.full((n_utterances,), longest, device=batch.device)
    counts = torch.as_tensor(counts)
    if torch.compiler.is_compiling():  # whose graphs have no values of tensors to look at
        return counts.to(batch.device, torch.int64)
    if counts.shape != (n_utterances,) or counts.is_floating_point():
        raise ValueError(f"{what} must be {n_utterances} whole numbers, got {counts.dtype} {tuple(counts.shape)}")
    if n_utterances and not 0 <= int(counts.min()) <= int(counts.max()) <= longest:
        raise ValueError(f"{what} must lie in [0, {longest}], got {counts.tolist()}")
    return counts.to(batch.device, torch.int64)


def frame_mask(n_frames: Tensor, longest: int) -> Tensor:
    """(B, longest) bool: which frames (or samples) of a padded batch lie within their own utterance."""
    return torch.arange(longest, device=n_frames.device) < n_frames[:, None]


def zero_past_end(features: Tensor, n_frames: Tensor) -> Tensor:
    """Features (B, T, D) with zeros past each utterance's own frames (B,); the same tensor where there are none."""
    longest = features.shape[1]
    if (
        n_frames.device.type == "cpu" and not torch.compiler.is_compiling() and bool((n_frames == longest).all())
    ):  # elsewhere the host would have to wait for the answer
        return features
    return features.masked_fill(~frame_mask(n_frames, longest)[..., None], 0.0)


def overlapping_frames(wave: Tensor, n_samples: Tensor, config: FrameConfig) -> Tensor:
    """A view of all frames, each with the sample before it.

    An utterance's ends are reflected at its own length, with the edge sample repeated (-1 reads 0, N reads
    N-1), more than once where it is shorter than the reflection. So no frame of the utterance reads what the
    batch holds past its end.

    Args:
        wave: (B, S) float, S >= 1.
        n_samples: (B,) own length of each utterance.
    Returns:
        (B, T, 1 + window_samples), T the frames of S samples; overlapping memory, so not to be written to.
    """
    before = 1 - config.first_sample
    edge = 0 if config.snip_edges else config.window_samples - config.window_samples // 2
    padded = functional.pad(wave, (before, edge))
    if not config.snip_edges:
        end = n_samples[:, None]
        left = torch.arange(min(-before, 0), 0, device=wave.device).expand(wave.shape[0], -1)
        outside = torch.cat([left, end + torch.arange(edge, device=wave.device)], 1)
        padded.scatter_(1, (before + outside).clamp(min=0), wave.gather(1, _reflect(outside, end)))
    n_frames = count_frames(wave.shape[1], config)
    if torch.compiler.is_compiling():  # for any number of samples: a view's rows would be counted otherwise
        t = torch.arange(n_frames, device=wave.device)[:, None] * config.shift_samples
        return padded[:, t + torch.arange(1 + config.window_samples, device=wave.device)]
    return padded.unfold(1, 1 + config.window_samples, config.shift_samples)[:, :n_frames]


def check_scale(wave: Tensor) -> None:
    """Warns (`PysidWarning`) of a peak below 2.0: the wave looks scaled to [-1, 1]. Silence passes."""
    peak = max(abs(float(x)) for x in wave.aminmax()) if wave.numel() else 0.0
    if 0.0 < peak < 2.0:
        message = f"wave peaks at {peak:.2g}; Kaldi features expect int16 scale (multiply by 32768?)"
        warnings.warn(message, PysidWarning, stacklevel=3)


def _reflect(index: Tensor, n: Tensor) -> Tensor:
    """Indices into [0, n) of a signal that goes on as ... 1 0 | 0 1 ... n-1 | n-1 n-2 ... for ever."""
    n = n.clamp(min=1)
    index = index.remainder(2 * n)
    return torch.minimum(index, 2 * n - 1 - index)
