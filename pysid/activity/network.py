"""The network: dilated convolutions over time, each with a shortcut, that see some seconds before and after.

Source: Oord et al., "WaveNet", 2016, for the dilations; in this form, without gates and with as much future as past:
Bai, Kolter and Koltun, "An empirical evaluation of generic convolutional and recurrent networks for sequence modeling",
2018.
"""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

SPEECH, OVERLAP = 0, 1  # what the two outputs stand for
STEM = 5  # frames that the first convolution sees
FLOOR_FRAMES = 20000  # of a longer recording, so many at even distances tell its floor
DIGITAL_SILENCE = 0.0  # log-mel energy of int16 samples, that even the last bit of noise exceeds


@dataclass(frozen=True)
class ActivityConfig:
    """Options of `ActivityNetwork`.

    Attributes:
        feature_dim: width of an input frame.
        skip_energy: leave out the first number of a frame, its log energy.
        floor: quantile of a recording's frames, band by band, that counts as its silence: see `above_floor`.
        channels: width of all layers.
        stride: frames to an output.
        dilations: of each layer, in outputs; a layer sees three.
    """

    feature_dim: int = 81
    skip_energy: bool = True
    floor: float = 0.1
    channels: int = 64
    stride: int = 2
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64, 1, 2, 4, 8, 16, 32, 64)

    def __post_init__(self) -> None:
        if min(self.feature_dim - self.skip_energy, self.channels, self.stride, *self.dilations) < 1:
            raise ValueError(f"widths, stride and dilations must be positive, got {self}")
        if not 0 <= self.floor <= 1:
            raise ValueError(f"floor must lie in [0, 1], got {self.floor}")

    @property
    def context(self) -> int:
        """Frames before and after its own that an output depends on, at most."""
        return STEM // 2 + self.stride * sum(self.dilations)


class ActivityNetwork(nn.Module):
    """Log odds that somebody speaks, and that several do.

    Shape: features (B, T, feature_dim), of `above_floor` -> (B, T', 2), T' = ceil(T / stride); output k is for frames
        [k stride, (k + 1) stride).
    """

    def __init__(self, config: ActivityConfig | None = None) -> None:
        super().__init__()
        self.config = c = config or ActivityConfig()
        n_bands = c.feature_dim - c.skip_energy
        self.scale = nn.BatchNorm1d(n_bands, affine=False)  # log-mel values are far from 0
        self.stem = nn.Conv1d(n_bands, c.channels, STEM, c.stride, STEM // 2, bias=False)
        self.norm = nn.BatchNorm1d(c.channels)
        self.layers = nn.ModuleList(_Layer(c.channels, dilation) for dilation in c.dilations)
        self.output = nn.Conv1d(c.channels, 2, 1)

    def forward(self, features: Tensor) -> Tensor:
        if features.ndim != 3 or features.shape[2] != self.config.feature_dim:
            raise ValueError(
                f"features must be (batch, frames, {self.config.feature_dim}), got {tuple(features.shape)}"
            )
        x = self.scale(features[..., int(self.config.skip_energy) :].transpose(1, 2))
        x = F.relu(self.norm(self.stem(x)))  # (B, channels, T')
        for layer in self.layers:
            x = layer(x)
        log_odds: Tensor = self.output(x).transpose(1, 2)
        return log_odds


def above_floor(features: Tensor, quantile: float) -> Tensor:
    """Log-mel features (T, D) of a whole recording, less their level in its pauses: the quantile of each band.

    What the microphone, the gain and a steady noise do to them is gone then. Frames of digital silence do not count.
    """
    step = -(-len(features) // FLOOR_FRAMES)
    some = features[:: max(step, 1)]
    heard = some[some.amax(1) > DIGITAL_SILENCE] if len(some) else some
    if not len(heard):
        return features
    rank = min(int(quantile * len(heard)) + 1, len(heard))
    return features - heard.kthvalue(rank, dim=0).values


class _Layer(nn.Module):
    """A convolution beside a shortcut, (B, C, T') -> (B, C, T')."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(channels, channels, 3, padding=dilation, dilation=dilation, bias=False)
        self.norm = nn.BatchNorm1d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return x + F.relu(self.norm(self.conv(x)))
