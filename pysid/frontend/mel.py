"""Options of MFCCs and filter banks; triangular filters, evenly spaced and linear on the mel scale. Needs no torch.

Source: Kaldi feat/mel-computations.{h,cc}.

torchaudio has such tables too, but rounds them otherwise: with `compliance.kaldi.get_mel_banks` MFCCs of a
chirp move by 8e-4 from Kaldi's, with the DCT of `functional.create_dct` by another 3e-4, with the ones made
here by 4e-5.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pysid.frontend.frames import FRAME_OPTIONS, FrameConfig
from pysid.frontend.kaldi_options import KaldiOption, boolean, number, parse_options, whole_number

HIGHEST_ENERGY = 1e30  # of a frame, far below the largest number of float32

MEL_OPTIONS = {
    **FRAME_OPTIONS,
    "num-mel-bins": KaldiOption(whole_number, "n_mels"),
    "low-freq": KaldiOption(number, "low_hz"),
    "high-freq": KaldiOption(number, "high_hz"),
    "htk-mode": KaldiOption(boolean, "htk_mode"),
    "use-energy": KaldiOption(boolean, "use_energy"),
    "energy-floor": KaldiOption(number, "energy_floor"),
    "raw-energy": KaldiOption(boolean, "raw_energy"),
    "htk-compat": KaldiOption(boolean, "htk_compat"),
    "debug-mel": KaldiOption(boolean),
    # There is no vocal tract length normalisation; its settings pass where they change nothing.
    "vtln-low": KaldiOption(number, only=100.0),
    "vtln-high": KaldiOption(number, only=-500.0),
    "vtln-warp": KaldiOption(number, only=1.0),
    "vtln-map": KaldiOption(str, only=""),
}
MFCC_OPTIONS = {
    **MEL_OPTIONS,
    "num-ceps": KaldiOption(whole_number, "n_ceps"),
    "cepstral-lifter": KaldiOption(number, "lifter"),
}
FBANK_OPTIONS = {
    **MEL_OPTIONS,
    "use-log-fbank": KaldiOption(boolean, "use_log"),
    "use-power": KaldiOption(boolean, "use_power"),
}

PLP_OPTIONS = {
    **MEL_OPTIONS,
    "lpc-order": KaldiOption(whole_number, "lpc_order"),
    "num-ceps": KaldiOption(whole_number, "n_ceps"),
    "compress-factor": KaldiOption(number, "compress_factor"),
    "cepstral-lifter": KaldiOption(whole_number, "lifter"),
    "cepstral-scale": KaldiOption(number, "scale"),
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
        if self.energy_floor > HIGHEST_ENERGY:
            raise ValueError(f"energy_floor must be at most {HIGHEST_ENERGY:g}, got {self.energy_floor}")

    @property
    def top_hz(self) -> float:
        """Upper end of the last filter."""
        return self.high_hz if self.high_hz > 0 else self.sample_rate / 2 + self.high_hz


@dataclass(frozen=True, kw_only=True)
class MfccConfig(MelConfig):
    """Configuration of `Mfcc`. Defaults are Kaldi's, except that there is no dither."""

    kind: Literal["mfcc"] = "mfcc"
    n_ceps: int = 13  # c0, or the energy in its place, included
    lifter: float = 22.0  # 0: none
    use_energy: bool = True  # the log energy in place of c0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.n_ceps <= self.n_mels:
            raise ValueError(f"n_ceps must lie in [1, n_mels={self.n_mels}], got {self.n_ceps}")

    @property
    def dim(self) -> int:
        """Features of a frame."""
        return self.n_ceps

    @classmethod
    def from_kaldi(cls, options: Mapping[str, str], *, kaldi_fft: bool = True) -> "MfccConfig":
        """The configuration that options of Kaldi's compute-mfcc-feats mean.

        Args:
            options: name to value, without "--". What is not named keeps its default, so there is no dither
                unless it is asked for; Kaldi's own default is --dither=1.0.
            kaldi_fft: round as Kaldi does, for the same numbers; False is faster.
        Raises:
            ValueError: an unknown option, or a value that is wrong or not supported (VTLN); names the option.

        >>> MfccConfig.from_kaldi({"num-mel-bins": "30", "num-ceps": "30"}).n_ceps
        30
        """
        return cls(kaldi_fft=kaldi_fft, **parse_options(options, MFCC_OPTIONS))


@dataclass(frozen=True, kw_only=True)
class FbankConfig(MelConfig):
    """Configuration of `Fbank`. Defaults are Kaldi's, except that there is no dither."""

    kind: Literal["fbank"] = "fbank"
    use_log: bool = True
    use_power: bool = True  # False: filters weigh magnitudes instead of powers

    @property
    def dim(self) -> int:
        """Features of a frame."""
        return self.n_mels + self.use_energy

    @classmethod
    def from_kaldi(cls, options: Mapping[str, str], *, kaldi_fft: bool = True) -> "FbankConfig":
        """The configuration that options of Kaldi's compute-fbank-feats mean; see `MfccConfig.from_kaldi`.

        >>> FbankConfig.from_kaldi({"num-mel-bins": "80"}).n_mels
        80
        """
        return cls(kaldi_fft=kaldi_fft, **parse_options(options, FBANK_OPTIONS))


@dataclass(frozen=True, kw_only=True)
class PlpConfig(MelConfig):
    """Options of perceptual linear prediction, which there is in NumPy only. Defaults are Kaldi's, without dither."""

    n_ceps: int = 13  # the energy, or the prediction's residual, included
    lpc_order: int = 12
    compress_factor: float = 0.33333  # power that energies are raised to
    lifter: int = 22  # 0: none
    scale: float = 1.0
    use_energy: bool = True  # the log energy in place of that of the residual

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.n_ceps <= self.lpc_order + 1:
            raise ValueError(f"n_ceps must lie in [1, lpc_order + 1 = {self.lpc_order + 1}], got {self.n_ceps}")

    @property
    def dim(self) -> int:
        """Features of a frame."""
        return self.n_ceps

    @classmethod
    def from_kaldi(cls, options: Mapping[str, str], *, kaldi_fft: bool = True) -> "PlpConfig":
        """The configuration that options of Kaldi's compute-plp-feats mean; see `MfccConfig.from_kaldi`.

        >>> PlpConfig.from_kaldi({"lpc-order": "14"}).lpc_order
        14
        """
        return cls(kaldi_fft=kaldi_fft, **parse_options(options, PLP_OPTIONS))


def mel_bank(config: MelConfig) -> NDArray[np.float32]:
    """(n_fft / 2, n_mels) weights of the power in each FFT bin, the one at half the sampling rate left out.

    All arithmetic is in float32, as in Kaldi: in a weak band beside a strong one the rounding shows.

    Raises:
        ValueError: a filter so narrow that no FFT bin falls into it.
    """
    low = _mel(config.low_hz)
    left, centre, right = _corners(config)
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
    return weights


def centre_hz(config: MelConfig) -> NDArray[np.float32]:
    """(n_mels,) centre frequency of each filter."""
    centre = _corners(config)[1]
    return np.float32(700.0) * (np.exp((centre / np.float32(1127.0)).astype(np.float64)).astype(np.float32) - 1)


def _corners(config: MelConfig) -> tuple[NDArray[np.float32], ...]:
    """(n_mels,) left ends, centres, and right ends of the filters, in mel."""
    low, high = _mel(config.low_hz), _mel(config.top_hz)
    step = (high - low) / np.float32(config.n_mels + 1)
    filters = np.arange(config.n_mels, dtype=np.float32)
    return tuple(low + (filters + np.float32(i)) * step for i in range(3))


def lifter_weights(n_ceps: int, lifter: float) -> NDArray[np.float64]:
    """(n_ceps,) what cepstra are multiplied with; ones for a `lifter` of 0.

    Source: Kaldi feat/mel-computations.cc, ComputeLifterCoeffs.
    """
    return 1 + 0.5 * lifter * np.sin(np.pi * np.arange(n_ceps) / lifter) if lifter else np.ones(n_ceps)


def dct_matrix(n_mels: int, n_ceps: int, lifter: float) -> NDArray[np.float32]:
    """(n_mels, n_ceps) orthonormal DCT-II with liftered columns; `lifter` 0 leaves them as they are.

    Args:
        n_mels: mel bands.
        n_ceps: coefficients that are kept.
        lifter: Kaldi's --cepstral-lifter.
    Source: Kaldi matrix/matrix-functions.cc, ComputeDctMatrix.
    """
    k = np.arange(n_ceps)
    dct = np.sqrt(2 / n_mels) * np.cos(np.pi / n_mels * np.outer(np.arange(n_mels) + 0.5, k))
    dct[:, 0] = np.sqrt(1 / n_mels)
    dct *= lifter_weights(n_ceps, lifter)
    return dct.astype(np.float32)


def _mel(hz: float | np.ndarray) -> np.ndarray:
    """Mel frequency in float32; the logarithm is rounded once, as the C library's is (nearly always)."""
    ratio = np.float32(1.0) + np.float32(hz) / np.float32(700.0)
    return np.float32(1127.0) * np.log(ratio.astype(np.float64)).astype(np.float32)
