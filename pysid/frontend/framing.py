"""From waveforms to overlapping frames: window functions, frame counts, reflected edges, dither.

Source: Kaldi feat/feature-window.{h,cc}.
"""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from pysid.errors import PysidWarning
from pysid.frontend.kaldi_options import Option, boolean, number, whole_hz, whole_number

Count = TypeVar("Count", int, Tensor)

WINDOW_TYPES = ("hamming", "hanning", "povey", "rectangular", "sine", "blackman")

FRAME_OPTIONS = {
    "sample-frequency": Option(whole_hz, "sample_rate"),
    "frame-length": Option(number, "window_ms"),
    "frame-shift": Option(number, "shift_ms"),
    "dither": Option(number, "dither"),
    "preemphasis-coefficient": Option(number, "preemphasis"),
    "remove-dc-offset": Option(boolean, "remove_dc_offset"),
    "window-type": Option(str, "window_type"),
    "blackman-coeff": Option(number, "blackman_coeff"),
    "round-to-power-of-two": Option(boolean, "round_to_power_of_two"),
    "snip-edges": Option(boolean, "snip_edges"),
    # Resampling is done by whoever reads the audio; the last one only bounds Kaldi's memory.
    "allow-downsample": Option(boolean),
    "allow-upsample": Option(boolean),
    "max-feature-vectors": Option(whole_number),
}


@dataclass(frozen=True, kw_only=True)
class FrameConfig:
    """How a waveform is cut into frames. Defaults are Kaldi's, except that there is no dither."""

    sample_rate: int = 16000  # Hz
    window_ms: float = 25.0
    shift_ms: float = 10.0
    dither: float = 0.0  # standard deviation of the noise added to each frame, in int16 steps; Kaldi's default is 1
    seed: int | None = None  # of the dither; None draws fresh noise from torch's own generator in each call
    preemphasis: float = 0.97
    remove_dc_offset: bool = True
    window_type: str = "povey"  # one of WINDOW_TYPES
    blackman_coeff: float = 0.42
    round_to_power_of_two: bool = True  # zero-pads a frame before the FFT
    snip_edges: bool = True  # only frames that lie within the waveform; False reflects its ends instead

    def __post_init__(self) -> None:
        if self.sample_rate < 1:
            raise ValueError(f"sample_rate must be positive, got {self.sample_rate}")
        if self.window_samples < 2:
            raise ValueError(f"window_ms must span 2 samples or more, got {self.window_ms}")
        if self.shift_samples < 1:
            raise ValueError(f"shift_ms must span a sample or more, got {self.shift_ms}")
        if self.n_fft % 2:
            raise ValueError(f"the FFT needs an even number of samples, got a window of {self.n_fft}")
        if not self.dither >= 0:
            raise ValueError(f"dither must not be negative, got {self.dither}")
        if not 0 <= self.preemphasis <= 1:
            raise ValueError(f"preemphasis must lie in [0, 1], got {self.preemphasis}")
        if self.window_type not in WINDOW_TYPES:
            raise ValueError(f"window_type must be one of {', '.join(WINDOW_TYPES)}, got {self.window_type!r}")

    @property
    def window_samples(self) -> int:
        """Samples of a frame."""
        return _samples(self.sample_rate, self.window_ms)

    @property
    def shift_samples(self) -> int:
        """Samples from one frame to the next."""
        return _samples(self.sample_rate, self.shift_ms)

    @property
    def n_fft(self) -> int:
        """Points of the FFT: the window, rounded up to a power of two where so configured."""
        n = self.window_samples
        return 1 << (n - 1).bit_length() if self.round_to_power_of_two else n

    @property
    def first_sample(self) -> int:
        """Where frame 0 starts; negative where it begins in the reflection of the waveform's start."""
        return 0 if self.snip_edges else self.shift_samples // 2 - self.window_samples // 2

    @property
    def first_centre_ms(self) -> float:
        """Time of the centre of frame 0."""
        return (self.window_ms if self.snip_edges else self.shift_ms) / 2


def count_frames(n_samples: Count, config: FrameConfig) -> Count:
    """Frames in so many samples: Kaldi's NumFrames, of a number or element by element of an integer tensor.

    >>> count_frames(16000, FrameConfig()), count_frames(16000, FrameConfig(snip_edges=False))
    (98, 100)
    """
    shift = config.shift_samples
    if not config.snip_edges:
        return (n_samples + shift // 2) // shift
    n_frames = 1 + (n_samples - config.window_samples) // shift
    return n_frames.clamp(min=0) if isinstance(n_frames, Tensor) else max(n_frames, 0)


def window_function(config: FrameConfig) -> Tensor:
    """(window_samples,) window of a frame, made in double and stored as float32, as in Kaldi."""
    n = config.window_samples
    phase = 2 * math.pi / (n - 1) * np.arange(n)
    if config.window_type == "hamming":
        window = 0.54 - 0.46 * np.cos(phase)
    elif config.window_type == "hanning":
        window = 0.5 - 0.5 * np.cos(phase)
    elif config.window_type == "povey":
        window = (0.5 - 0.5 * np.cos(phase)) ** 0.85
    elif config.window_type == "sine":
        window = np.sin(0.5 * phase)
    elif config.window_type == "blackman":
        a = float(np.float32(config.blackman_coeff))
        window = a - 0.5 * np.cos(phase) + (0.5 - a) * np.cos(2 * phase)
    else:
        window = np.ones(n)
    return torch.from_numpy(window.astype(np.float32))


def as_counts(counts: Tensor | Sequence[int] | None, batch: Tensor, what: str) -> Tensor:
    """(B,) samples or frames of each utterance in a padded batch (B, T, ...), on the batch's device.

    Args:
        counts: as the caller gave them; None means that no utterance is padded.
        what: what is counted, for messages, such as "lengths".
    Raises:
        ValueError: not one count for each utterance, or a count outside [0, T].
    """
    n_utterances, longest = batch.shape[:2]
    if counts is None:
        return torch.full((n_utterances,), longest, device=batch.device)
    counts = torch.as_tensor(counts)
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
    if n_frames.device.type == "cpu" and bool((n_frames == longest).all()):  # elsewhere the answer would be waited for
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
        left = torch.arange(min(-before, 0), 0, device=wave.device).expand(len(wave), -1)
        outside = torch.cat([left, end + torch.arange(edge, device=wave.device)], 1)
        padded.scatter_(1, (before + outside).clamp(min=0), wave.gather(1, _reflect(outside, end)))
    n_frames = count_frames(wave.shape[1], config)
    return padded.unfold(1, 1 + config.window_samples, config.shift_samples)[:, :n_frames]


def check_scale(wave: Tensor) -> None:
    """Warns (`PysidWarning`) of a peak below 2.0: the wave looks scaled to [-1, 1]. Silence passes."""
    peak = max(abs(float(x)) for x in wave.aminmax()) if wave.numel() else 0.0
    if 0.0 < peak < 2.0:
        message = f"wave peaks at {peak:.2g}; Kaldi features expect int16 scale (multiply by 32768?)"
        warnings.warn(message, PysidWarning, stacklevel=3)


def _samples(sample_rate: int, duration_ms: float) -> int:
    """Kaldi's int32(samp_freq * 0.001 * ms), where ms is a float32 and the product a double."""
    return int(sample_rate * 0.001 * float(np.float32(duration_ms)))


def _reflect(index: Tensor, n: Tensor) -> Tensor:
    """Indices into [0, n) of a signal that goes on as ... 1 0 | 0 1 ... n-1 | n-1 n-2 ... for ever."""
    n = n.clamp(min=1)
    index = index.remainder(2 * n)
    return torch.minimum(index, 2 * n - 1 - index)
