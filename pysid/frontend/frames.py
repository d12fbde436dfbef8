"""How a waveform is cut into frames: options, frame counts, window functions. Needs no torch.

Source: Kaldi feat/feature-window.{h,cc}.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from pysid.frontend.kaldi_options import KaldiOption, boolean, number, whole_hz, whole_number

if TYPE_CHECKING:
    from torch import Tensor

Count = TypeVar("Count", int, "Tensor")

MOST_HZ = 768_000  # of waveforms; with windows of a minute, so that settings cannot ask for any amount of memory
LONGEST_MS = 60_000.0  # of a frame, and from one to the next

WINDOW_TYPES = ("hamming", "hanning", "povey", "rectangular", "sine", "blackman")

FRAME_OPTIONS = {
    "sample-frequency": KaldiOption(whole_hz, "sample_rate"),
    "frame-length": KaldiOption(number, "window_ms"),
    "frame-shift": KaldiOption(number, "shift_ms"),
    "dither": KaldiOption(number, "dither"),
    "preemphasis-coefficient": KaldiOption(number, "preemphasis"),
    "remove-dc-offset": KaldiOption(boolean, "remove_dc_offset"),
    "window-type": KaldiOption(str, "window_type"),
    "blackman-coeff": KaldiOption(number, "blackman_coeff"),
    "round-to-power-of-two": KaldiOption(boolean, "round_to_power_of_two"),
    "snip-edges": KaldiOption(boolean, "snip_edges"),
    # Resampling is done by whoever reads the audio; the last one only bounds Kaldi's memory.
    "allow-downsample": KaldiOption(boolean),
    "allow-upsample": KaldiOption(boolean),
    "max-feature-vectors": KaldiOption(whole_number),
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
        if self.sample_rate > MOST_HZ:
            raise ValueError(f"sample_rate must be at most {MOST_HZ} Hz, got {self.sample_rate}")
        if not max(self.window_ms, self.shift_ms) <= LONGEST_MS:
            raise ValueError(
                f"window_ms and shift_ms must be at most {LONGEST_MS:g}, got {self.window_ms:g} and {self.shift_ms:g}"
            )
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
    """Frames in that many samples: Kaldi's NumFrames, of a number or, element by element, of an integer tensor.

    >>> count_frames(16000, FrameConfig()), count_frames(16000, FrameConfig(snip_edges=False))
    (98, 100)
    """
    shift = config.shift_samples
    if not config.snip_edges:
        return (n_samples + shift // 2) // shift
    n_frames = 1 + (n_samples - config.window_samples) // shift
    return n_frames * (n_frames > 0)


def window_function(config: FrameConfig) -> NDArray[np.float32]:
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
    return window.astype(np.float32)


def _samples(sample_rate: int, duration_ms: float) -> int:
    """Kaldi's int32(samp_freq * 0.001 * ms), where ms is a float32 and the product a double."""
    return int(sample_rate * 0.001 * float(np.float32(duration_ms)))
