"""Log-mel filter banks. Source: Kaldi feat/feature-fbank.{h,cc}."""

import torch
from torch import Tensor

from pysid.frontend.mel import FbankConfig
from pysid.frontend.spectrum import MelFeatures, log_floored


class Fbank(MelFeatures):
    """Kaldi filter-bank features of a batch of waveforms.

    Shape: wave (B, S), float at int16 scale, and lengths (B,) or None -> (B, T, n_mels), one more with
        use_energy: the log energy comes first, or last with htk_compat.
    """

    config: FbankConfig

    def __init__(self, config: FbankConfig = FbankConfig()) -> None:
        super().__init__(config, use_power=config.use_power)
        self.dim = config.dim

    def _combine(self, mel: Tensor, log_energy: Tensor | None) -> Tensor:
        features = log_floored(mel) if self.config.use_log else mel
        if log_energy is None:
            return features
        return torch.cat([features, log_energy] if self.config.htk_compat else [log_energy, features], -1)
