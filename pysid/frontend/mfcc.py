"""Mel-frequency cepstral coefficients. Source: Kaldi feat/feature-mfcc.{h,cc}."""

import math

import torch
from torch import Tensor

from pysid.frontend.mel import MfccConfig, dct_matrix
from pysid.frontend.spectrum import MelFeatures, log_floored


class Mfcc(MelFeatures):
    """Kaldi MFCCs of a batch of waveforms.

    Shape: wave (B, S), float at int16 scale, and lengths (B,) or None -> (B, T, n_ceps). Column 0 is the
        log energy, or c0 without use_energy; with htk_compat it is the last.

    >>> Mfcc(MfccConfig(n_mels=30, n_ceps=30))(torch.zeros(2, 16000)).shape
    torch.Size([2, 98, 30])
    """

    config: MfccConfig
    dct: Tensor

    def __init__(self, config: MfccConfig = MfccConfig()) -> None:
        super().__init__(config)
        self.dim = config.dim
        dct = dct_matrix(config.n_mels, config.n_ceps, config.lifter)
        self.register_buffer("dct", torch.from_numpy(dct), persistent=False)

    def _combine(self, mel: Tensor, log_energy: Tensor | None) -> Tensor:
        cepstra = log_floored(mel) @ self.dct
        if log_energy is not None:
            cepstra[..., :1] = log_energy
        elif self.config.htk_compat:
            cepstra[..., :1] *= math.sqrt(2)
        return cepstra.roll(-1, -1) if self.config.htk_compat else cepstra
