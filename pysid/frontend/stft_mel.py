"""Mel filter banks of a short-time Fourier transform around points in time, as SpeechBrain, librosa and NeMo make them.

Unlike Kaldi's, a frame is centred on a multiple of the shift, what lies outside of the waveform is zero, and the
waveform is scaled to [-1, 1].

Source: SpeechBrain, speechbrain/processing/features.py (STFT, Filterbank); librosa, librosa/feature/spectral.py
(melspectrogram) and librosa/filters.py (mel); NeMo, nemo/collections/asr/parts/preprocessing/features.py
(FilterbankFeatures).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from pysid.frontend.frames import MOST_HZ, Count
from pysid.frontend.framing import as_counts, frame_mask, zero_past_end

FULL_SCALE = 32768.0


@dataclass(frozen=True, kw_only=True)
class StftMelConfig:
    """Options of `StftMel`; the defaults are SpeechBrain's."""

    kind: Literal["stft-mel"] = "stft-mel"
    sample_rate: int = 16000  # Hz
    window_ms: float = 25.0
    shift_ms: float = 10.0
    n_fft: int = 400
    window_type: Literal["hamming", "hann"] = "hamming"
    n_mels: int = 80
    low_hz: float = 0.0
    high_hz: float = 0.0  # <= 0 counts down from half the sampling rate
    filters: Literal["speechbrain", "librosa"] = "speechbrain"
    scale: Literal["db", "log", "power"] = "db"  # decibels, natural logarithm, or none
    floor: float = 1e-10  # the least power whose decibels are taken; with "log" it is added to each power
    top_db: float = 80.0  # decibels below the loudest of an utterance that the quietest is raised to
    tail_frames: int = 0  # more at the end: those centred past it, which the last samples still reach into; or -1
    preemphasis: float = 0.0  # of the whole waveform, whose first sample stays
    periodic_window: bool = True  # or symmetric: its last sample is its first

    def __post_init__(self) -> None:
        if self.sample_rate < 1 or self.n_mels < 1:
            raise ValueError(f"sample_rate and n_mels must be positive, got {self.sample_rate} and {self.n_mels}")
        if self.sample_rate > MOST_HZ or self.n_fft > MOST_HZ:
            raise ValueError(
                f"sample_rate and n_fft must be at most {MOST_HZ}, got {self.sample_rate} and {self.n_fft}"
            )
        if self.shift_samples < 1 or not 2 <= self.window_samples <= self.n_fft:
            raise ValueError(
                f"a shift of a sample or more and a window of 2 to n_fft {self.n_fft} samples are needed, got "
                f"{self.shift_samples} and {self.window_samples}"
            )
        if not 0 <= self.low_hz < self.top_hz <= self.sample_rate / 2:
            raise ValueError(
                f"0 <= low_hz < high_hz <= {self.sample_rate / 2:g} Hz must hold, got {self.low_hz:g} and "
                f"{self.high_hz:g}"
            )
        if self.tail_frames < -1:
            raise ValueError(f"tail_frames must be -1 or more, got {self.tail_frames}")
        if not 0 <= self.preemphasis < 1:
            raise ValueError(f"preemphasis must lie in [0, 1), got {self.preemphasis:g}")
        if not (self.floor > 0 and self.top_db > 0):
            raise ValueError(f"floor and top_db must be positive, got {self.floor} and {self.top_db}")

    @property
    def dim(self) -> int:
        """Features of a frame."""
        return self.n_mels

    @property
    def window_samples(self) -> int:
        """Samples of a frame."""
        return round(self.sample_rate / 1000 * self.window_ms)

    @property
    def shift_samples(self) -> int:
        """Samples from one frame to the next."""
        return round(self.sample_rate / 1000 * self.shift_ms)

    @property
    def top_hz(self) -> float:
        """Upper end of the last filter."""
        return self.high_hz if self.high_hz > 0 else self.sample_rate / 2 + self.high_hz

    @property
    def first_centre_ms(self) -> float:
        """Time of the centre of frame 0."""
        return 0.0

    @property
    def use_energy(self) -> bool:
        """Whether a frame has its log energy: never."""
        return False

    @property
    def htk_compat(self) -> bool:
        """Whether that would come last."""
        return False


class StftMel(nn.Module):
    """Mel features of a batch of waveforms, each as if it were alone.

    Shape: wave (B, S), float at int16 scale, and lengths (B,) or None -> (B, T, n_mels), T = 1 + S // shift +
        tail_frames; rows past an utterance's own frames are 0, and an utterance without a sample has none.
    """

    window: Tensor
    bank: Tensor

    def __init__(self, config: StftMelConfig | None = None) -> None:
        super().__init__()
        self.config = c = config or StftMelConfig()
        self.dim = c.dim
        make = torch.hamming_window if c.window_type == "hamming" else torch.hann_window
        self.register_buffer("window", make(c.window_samples, periodic=c.periodic_window), persistent=False)
        bank = speechbrain_bank(c) if c.filters == "speechbrain" else librosa_bank(c)
        self.register_buffer("bank", bank, persistent=False)

    def n_frames(self, n_samples: Count) -> Count:
        """Frames that `forward` makes of so many samples, a number or an integer tensor."""
        found = 1 + n_samples // self.config.shift_samples + self.config.tail_frames
        return found * (n_samples > 0)

    def noise(self) -> None:
        """There is no dither."""

    def forward(self, wave: Tensor, lengths: Tensor | Sequence[int] | None = None) -> Tensor:
        """Mel features (B, T, n_mels) of waves (B, S) at int16 scale; see the class for T.

        Args:
            wave: (B, S).
            lengths: (B,) own samples of each; None counts all S.
        Raises:
            ValueError: a wave of another number of axes.
        """
        if wave.ndim != 2:
            raise ValueError(f"wave must be (batch, samples), got {tuple(wave.shape)}")
        c = self.config
        wave = wave.to(self.bank.dtype)
        n_samples = as_counts(lengths, wave, "lengths")
        n_frames = self.n_frames(n_samples)
        if 0 in wave.shape:
            return wave.new_zeros(wave.shape[0], 0, self.dim)
        with torch.autocast(wave.device.type, enabled=False):  # half precision is no place for powers
            wave = torch.where(frame_mask(n_samples, wave.shape[1]), wave / FULL_SCALE, 0.0)
            if c.preemphasis:
                wave = torch.cat([wave[:, :1], wave[:, 1:] - c.preemphasis * wave[:, :-1]], dim=1)
                wave = torch.where(frame_mask(n_samples, wave.shape[1]), wave, 0.0)
            wave = functional.pad(wave, (0, max(0, c.tail_frames) * c.shift_samples))
            spectrum = torch.stft(
                wave, c.n_fft, c.shift_samples, c.window_samples, self.window, pad_mode="constant", return_complex=True
            )
            power = torch.view_as_real(spectrum).square().sum(-1).transpose(1, 2)  # (B, T, n_fft / 2 + 1)
            mel = (power @ self.bank)[:, : power.shape[1] + min(0, c.tail_frames)]
            features = _logarithmic(mel, n_frames, c)
        return zero_past_end(features, n_frames)


def _logarithmic(mel: Tensor, n_frames: Tensor, config: StftMelConfig) -> Tensor:
    if config.scale == "power":
        return mel
    if config.scale == "log":
        return (mel + config.floor).log()
    decibels = 10 * mel.clamp(min=config.floor).log10()
    own = frame_mask(n_frames, mel.shape[1])[..., None]
    loudest = torch.where(own, decibels, -torch.inf).amax(dim=(1, 2), keepdim=True)
    return torch.maximum(decibels, loudest - config.top_db)


def speechbrain_bank(config: StftMelConfig) -> Tensor:
    """(n_fft / 2 + 1, n_mels) triangles as wide on either side as the gap below them, in float32 as SpeechBrain's."""
    low, high = (2595 * math.log10(1 + hz / 700) for hz in (config.low_hz, config.top_hz))
    hz = 700 * (10 ** (torch.linspace(low, high, config.n_mels + 2) / 2595) - 1)
    frequencies = torch.linspace(0, config.sample_rate // 2, config.n_fft // 2 + 1)[:, None]
    slope = (frequencies - hz[1:-1]) / (hz[1:-1] - hz[:-2])
    return torch.minimum(slope + 1, 1 - slope).clamp(min=0)


def librosa_bank(config: StftMelConfig) -> Tensor:
    """(n_fft / 2 + 1, n_mels) triangles of area 1 on Slaney's scale, linear below 1 kHz and logarithmic above."""
    mel = np.linspace(_slaney_mel(config.low_hz), _slaney_mel(config.top_hz), config.n_mels + 2)
    hz = np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * math.log(6.4) / 27))
    frequencies = np.linspace(0, config.sample_rate / 2, config.n_fft // 2 + 1)[:, None]
    rising = (frequencies - hz[:-2]) / np.diff(hz)[:-1]
    falling = (hz[2:] - frequencies) / np.diff(hz)[1:]
    weights = np.minimum(rising, falling).clip(min=0) * 2 / (hz[2:] - hz[:-2])
    return torch.from_numpy(weights.astype(np.float32))


def _slaney_mel(hz: float) -> float:
    """Malcolm Slaney's auditory toolbox: 15 mel are 1 kHz, 27 more are 6.4 times as much."""
    return 3 * hz / 200 if hz < 1000 else 15 + 27 * math.log(hz / 1000) / math.log(6.4)
