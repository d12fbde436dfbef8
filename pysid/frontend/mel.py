"""Triangular filters, evenly spaced and linear on the mel scale.

Source: Kaldi feat/mel-computations.{h,cc}.

torchaudio has such tables too, but rounds them otherwise: with `compliance.kaldi.get_mel_banks` MFCCs of a
chirp move by 8e-4 from Kaldi's, with the DCT of `functional.create_dct` by another 3e-4, with the ones made
here by 4e-5.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pysid.frontend.framing import FRAME_OPTIONS, FrameConfig
from pysid.frontend.kaldi_options import Option, boolean, number, whole_number

MEL_OPTIONS = {
    **FRAME_OPTIONS,
    "num-mel-bins": Option(whole_number, "n_mels"),
    "low-freq": Option(number, "low_hz"),
    "high-freq": Option(number, "high_hz"),
    "htk-mode": Option(boolean, "htk_mode"),
    "use-energy": Option(boolean, "use_energy"),
    "energy-floor": Option(number, "energy_floor"),
    "raw-energy": Option(boolean, "raw_energy"),
    "htk-compat": Option(boolean, "htk_compat"),
    "debug-mel": Option(boolean),
    # There is no vocal tract length normalisation; its settings pass where they change nothing.
    "vtln-low": Option(number, only=100.0),
    "vtln-high": Option(number, only=-500.0),
    "vtln-warp": Option(number, only=1.0),
    "vtln-map": Option(str, only=""),
}


@dataclass(frozen=True, kw_only=True)
class MelConfig(FrameConfig):
    """What MFCCs and filter banks have in common. Defaults are Kaldi's, except that there is no dither."""

    n_mels: int = 23
    low_hz: float = 20.0
    high_hz: float = 0.0  # <= 0 counts down from half the sampling rate
    use_energy: bool = False
    raw_energy: bool = True  # the energy before pre-emphasis and window, not after
    energy_floor: float = 0.0  # least energy of a frame, not its logarithm; 0 leaves float32's epsilon
    htk_compat: bool = False  # energy (or c0) last
    htk_mode: bool = False  # HTK's floor of 1.0 for each filter, and its first filter without its lowest bin
    kaldi_fft: bool = False  # round as Kaldi's own FFT does; see `pysid.frontend.kaldi_fft`

    def __post_init__(self) -> None:
        super().__post_init__()
        nyquist = self.sample_rate / 2
        if self.n_mels < 3:
            raise ValueError(f"n_mels must be 3 or more, got {self.n_mels}")
        if not 0 <= self.low_hz < self.top_hz <= nyquist:
            raise ValueError(
                f"0 <= low_hz < high_hz <= {nyquist:g} Hz must hold, got low_hz {self.low_hz:g}, "
                f"high_hz {self.high_hz:g}"
            )
        if not self.energy_floor >= 0:
            raise ValueError(f"energy_floor must not be negative, got {self.energy_floor}")

    @property
    def top_hz(self) -> float:
        """Upper end of the last filter."""
        return self.high_hz if self.high_hz > 0 else self.sample_rate / 2 + self.high_hz


def mel_bank(config: MelConfig) -> Tensor:
    """(n_fft / 2, n_mels) weights of the power in each FFT bin, the one at half the sampling rate left out.

    All arithmetic is in float32, as in Kaldi: in a weak band beside a strong one the rounding shows.

    Raises:
        ValueError: a filter so narrow that no FFT bin falls into it.
    """
    low, high = _mel(config.low_hz), _mel(config.top_hz)
    step = (high - low) / np.float32(config.n_mels + 1)
    filters = np.arange(config.n_mels, dtype=np.float32)
    left, centre, right = (low + (filters + np.float32(i)) * step for i in range(3))
    bin_hz = np.float32(config.sample_rate) / np.float32(config.n_fft)
    mel = _mel(bin_hz * np.arange(config.n_fft // 2, dtype=np.float32))[:, None]
    rising = (mel - left) / (centre - left)
    falling = (right - mel) / (right - centre)
    inside = (left < mel) & (mel < right)
    if not inside.any(axis=0).all():
        raise ValueError(f"n_mels {config.n_mels} is too large: a filter holds none of the {len(mel)} FFT bins")
    weights = np.where(inside, np.where(mel <= centre, rising, falling), np.float32(0.0))
    if config.htk_mode and low != 0:
        weights[inside[:, 0].argmax(), 0] = 0.0
    return torch.from_numpy(weights)


def dct_matrix(n_mels: int, n_ceps: int, lifter: float) -> Tensor:
    """(n_mels, n_ceps) orthonormal DCT-II with liftered columns; `lifter` 0 leaves them as they are.

    Source: Kaldi matrix/matrix-functions.cc, ComputeDctMatrix; feat/mel-computations.cc, ComputeLifterCoeffs.
    """
    k = np.arange(n_ceps)
    dct = np.sqrt(2 / n_mels) * np.cos(np.pi / n_mels * np.outer(np.arange(n_mels) + 0.5, k))
    dct[:, 0] = np.sqrt(1 / n_mels)
    if lifter:
        dct *= 1 + 0.5 * lifter * np.sin(np.pi * k / lifter)
    return torch.from_numpy(dct.astype(np.float32))


def _mel(hz: float | np.ndarray) -> np.ndarray:
    """Mel frequency in float32; the logarithm is rounded once, as the C library's is (nearly always)."""
    ratio = np.float32(1.0) + np.float32(hz) / np.float32(700.0)
    return np.float32(1127.0) * np.log(ratio.astype(np.float64)).astype(np.float32)
