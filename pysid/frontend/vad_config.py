"""Options of the energy-based voice activity detection. Needs no torch.

Source: Kaldi ivector/voice-activity-detection.h.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pysid.frontend.kaldi_options import KaldiOption, number, parse_options, whole_number

VAD_OPTIONS = {
    "vad-energy-threshold": KaldiOption(number, "energy_threshold"),
    "vad-energy-mean-scale": KaldiOption(number, "energy_mean_scale"),
    "vad-frames-context": KaldiOption(whole_number, "frames_context"),
    "vad-proportion-threshold": KaldiOption(number, "proportion_threshold"),
}


@dataclass(frozen=True, kw_only=True)
class VadConfig:
    """Configuration of `energy_vad`. Defaults are Kaldi's."""

    kind: Literal["energy"] = "energy"
    energy_threshold: float = 5.0  # natural logarithm of energy at int16 scale
    energy_mean_scale: float = 0.5  # times the utterance's mean log energy, added to the threshold
    frames_context: int = 0  # frames on either side that count
    proportion_threshold: float = 0.6  # share of the frames that count which must be loud

    def __post_init__(self) -> None:
        if not self.energy_mean_scale >= 0:
            raise ValueError(f"energy_mean_scale must not be negative, got {self.energy_mean_scale}")
        if self.frames_context < 0:
            raise ValueError(f"frames_context must not be negative, got {self.frames_context}")
        if not 0 < self.proportion_threshold < 1:
            raise ValueError(f"proportion_threshold must lie within (0, 1), got {self.proportion_threshold}")

    @classmethod
    def from_kaldi(cls, options: Mapping[str, str]) -> "VadConfig":
        """The configuration that options of Kaldi's compute-vad mean.

        Raises:
            ValueError: an unknown option or a wrong value; names the option.

        >>> VadConfig.from_kaldi({"vad-energy-threshold": "5.5"}).energy_threshold
        5.5
        """
        return cls(**parse_options(options, VAD_OPTIONS))
