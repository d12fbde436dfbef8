"""Log-mel filter banks. Source: Kaldi feat/feature-fbank.{h,cc}."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from pysid.frontend.kaldi_options import Option, boolean, parse_options
from pysid.frontend.mel import MEL_OPTIONS, MelConfig
from pysid.frontend.spectrum import MelFeatures, log_floored

FBANK_OPTIONS = {
    **MEL_OPTIONS,
    "use-log-fbank": Option(boolean, "use_log"),
    "use-power": Option(boolean, "use_power"),
}


@dataclass(frozen=True, kw_only=True)
class FbankConfig(MelConfig):
    """Options of `Fbank`. Defaults are Kaldi's, except that there is no dither."""

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
