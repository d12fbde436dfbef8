"""What is done between a front-end's frames and the first layer of a network: energy, scale and mean."""

import math
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor

from pysid.errors import DataError
from pysid.frontend.frontend import FrontendConfig
from pysid.frontend.mel import FbankConfig
from pysid.frontend.spectrum import EPSILON

FULL_SCALE = 32768.0
LEAST_DEVIATION = 1e-5  # added to a standard deviation that is divided by, as NeMo does
WaveScale = Literal["int16", "unit"]


class InputConfig(Protocol):
    """The settings of `network_input`."""

    @property
    def skip_energy(self) -> bool:
        """Whether the first column of the features is left out."""

    @property
    def subtract_mean(self) -> bool:
        """Whether each utterance's mean over its own frames is subtracted."""

    @property
    def unit_variance(self) -> bool:
        """Whether each column is divided by its deviation over an utterance's own frames."""

    @property
    def wave_scale(self) -> WaveScale:
        """The scale of the samples that the network was trained on."""


@dataclass(frozen=True, kw_only=True)
class FrameInput:
    """What the configurations of networks share.

    Attributes:
        feature_dim: width of a frame of the front-end.
        skip_energy: leave out the first number of a frame, the log energy, which is only there for the VAD.
        subtract_mean: subtract the mean of the frames before they go in: of an utterance, or of a window.
        unit_variance: divide the rest, with `subtract_mean`, by the standard deviation of each number.
        wave_scale: "int16", or "unit" where it is trained on log filter banks of waveforms scaled to [-1, 1].
    """

    feature_dim: int = 81
    skip_energy: bool = True
    subtract_mean: bool = True
    wave_scale: WaveScale = "int16"
    unit_variance: bool = False

    def __post_init__(self) -> None:
        if self.unit_variance and not self.subtract_mean:
            raise ValueError("unit_variance needs subtract_mean")
        if self.n_bands < 1:
            raise ValueError(f"feature_dim must be positive, more than 1 with skip_energy, got {self.feature_dim}")

    @property
    def n_bands(self) -> int:
        """How many numbers of a frame the network sees."""
        return self.feature_dim - self.skip_energy

    @property
    def context(self) -> int:
        """Frames that are lost at the edges: none, as they are padded."""
        return 0


def network_input(frames: Tensor, config: InputConfig) -> Tensor:
    """Frames (..., T, feature_dim) of one utterance each as its network wants them, (..., T, n_bands)."""
    x = frames[..., int(config.skip_energy) :]
    if config.wave_scale == "unit":
        # A power is then 32768^2 times smaller; but the floor under the logarithm stays as it is.
        x = (x - 2 * math.log(FULL_SCALE)).clamp(min=math.log(EPSILON))
    if config.subtract_mean:
        x = x - x.mean(-2, keepdim=True)
    if config.unit_variance:
        n = torch.ones_like(x[..., :1]).sum(-2, keepdim=True)  # which stays variable in an exported graph
        deviation = (x.square().sum(-2, keepdim=True) / (n - 1).clamp(min=1)).sqrt()
        x = x / (deviation + LEAST_DEVIATION)
    return x


def check_input(config: InputConfig, frontend: FrontendConfig) -> None:
    """Raises DataError where a front-end does not give what `network_input` is to take."""
    c = frontend.features
    if config.skip_energy and (not c.use_energy or c.htk_compat):
        raise DataError("network.skip_energy needs features with use_energy, and without htk_compat")
    plain = isinstance(c, FbankConfig) and c.use_log and c.use_power and not c.htk_mode and frontend.cmvn is None
    if config.wave_scale == "unit" and (not plain or c.use_energy != config.skip_energy):
        raise DataError(
            "network.wave_scale 'unit' needs logarithmic power filter banks without htk_mode, energy (but for "
            "skip_energy) and CMVN (subtract_mean does that)"
        )
