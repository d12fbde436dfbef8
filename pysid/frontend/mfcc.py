"""Mel-frequency cepstral coefficients. Source: Kaldi feat/feature-mfcc.{h,cc}."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from pysid.frontend.kaldi_options import Option, number, parse_options, whole_number
from pysid.frontend.mel import MEL_OPTIONS, MelConfig, dct_matrix
from pysid.frontend.spectrum import MelFeatures, log_floored

MFCC_OPTIONS = {
    **MEL_OPTIONS,
    "num-ceps": Option(whole_number, "n_ceps"),
    "cepstral-lifter": Option(number, "lifter"),
}


@dataclass(frozen=True, kw_only=True)
class MfccConfig(MelConfig):
    """Options of `Mfcc`. Defaults are Kaldi's, except that there is no dither."""

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


class Mfcc(MelFeatures):
    """Kaldi MFCCs of a batch of waveforms.

    Shape: wave (B, S), float at int16 scale, and lengths (B,) or None -> (B, T, n_ceps). Column 0 is the
        log energy, or c0 without use_energy; with htk_compat it is the last.

    >>> import torch
    >>> Mfcc(MfccConfig(n_mels=30, n_ceps=30))(torch.zeros(2, 16000)).shape
    torch.Size([2, 98, 30])
    """

    config: MfccConfig
    dct: Tensor

    def __init__(self, config: MfccConfig = MfccConfig()) -> None:
        super().__init__(config)
        self.dim = config.dim
        self.register_buffer("dct", dct_matrix(config.n_mels, config.n_ceps, config.lifter), persistent=False)

    def _combine(self, mel: Tensor, log_energy: Tensor | None) -> Tensor:
        cepstra = log_floored(mel) @ self.dct
        if log_energy is not None:
            cepstra[..., :1] = log_energy
        elif self.config.htk_compat:
            cepstra[..., :1] *= math.sqrt(2)
        return cepstra.roll(-1, -1) if self.config.htk_compat else cepstra
