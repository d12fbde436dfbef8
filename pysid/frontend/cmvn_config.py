"""Options of cepstral mean and variance normalisation over a sliding window. Needs no torch.

Source: Kaldi feat/feature-functions.h, SlidingWindowCmnOptions.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pysid.frontend.kaldi_options import KaldiOption, boolean, parse_options, whole_number

CMVN_OPTIONS = {
    "cmn-window": KaldiOption(whole_number, "window"),
    "min-cmn-window": KaldiOption(whole_number, "min_window"),
    "norm-means": KaldiOption(boolean, "norm_means"),
    "norm-vars": KaldiOption(boolean, "norm_vars"),
    "center": KaldiOption(boolean, "center"),
    "max-warnings": KaldiOption(whole_number),
}

VARIANCE_FLOOR = 1e-10


@dataclass(frozen=True, kw_only=True)
class CmvnConfig:
    """Configuration of `sliding_cmvn`. Defaults are Kaldi's."""

    window: int = 600  # frames
    center: bool = False  # the window around the frame; otherwise up to and with it
    min_window: int = 100  # frames at an utterance's start that all use the window of the last of them; not if center
    norm_means: bool = True
    norm_vars: bool = False

    def __post_init__(self) -> None:
        if self.window < 1:
            raise ValueError(f"window must be positive, got {self.window}")
        if self.norm_vars and not self.norm_means:
            raise ValueError("norm_vars needs norm_means")

    @classmethod
    def from_kaldi(cls, options: Mapping[str, str]) -> "CmvnConfig":
        """The configuration that options of Kaldi's apply-cmvn-sliding mean.

        Raises:
            ValueError: an unknown option or a wrong value; names the option.

        >>> CmvnConfig.from_kaldi({"cmn-window": "300", "center": "true"}).window
        300
        """
        return cls(**parse_options(options, CMVN_OPTIONS))
