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
LEVEL_FRAMES = 20000  # of a longer recording, this many evenly spaced frames tell its levels
DIGITAL_SILENCE = 0.0  # log energy of a frame of int16 samples that the last bit of noise exceeds
LEAST = -5.0  # below its floor a band is ignored


@dataclass(frozen=True)
class ActivityConfig:
    """Configuration of `ActivityNetwork`.

    Attributes:
        feature_dim: width of an input frame.
        floor, top: quantiles of a recording's frames that count as its silence and as its loud speech: see
            `reference_levels`.
        channels: width of all layers.
        stride: frames to an output.
        dilations: of each layer, in outputs; a layer sees three.
    """

    feature_dim: int = 81
    floor: float = 0.1
    top: float = 0.95
    channels: int = 64
    stride: int = 2
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64, 1, 2, 4, 8, 16, 32, 64)

    def __post_init__(self) -> None:
        if min(self.feature_dim - 1, self.channels, self.stride, *self.dilations) < 1:
            raise ValueError(f"widths, stride and dilations must be positive, got {self}")
        if not 0 <= self.floor <= self.top <= 1:
            raise ValueError(f"0 <= floor <= top <= 1 must hold, got {self.floor} and {self.top}")

    @property
    def context(self) -> int:
        """Frames before and after its own that an output depends on, at most."""
        return STEM // 2 + self.stride * sum(self.dilations)


class ActivityNetwork(nn.Module):
    """Log odds that somebody speaks, and that several do.

    Shape: features (B, T, feature_dim), of `levelled` -> (B, T', 2), T' = ceil(T / stride); output k is for frames
        [k stride, (k + 1) stride).
    """

    def __init__(self, config: ActivityConfig | None = None) -> None:
        super().__init__()
        self.config = c = config or ActivityConfig()
        self.scale = nn.BatchNorm1d(c.feature_dim, affine=False)  # log-mel values are far from 0
        self.stem = nn.Conv1d(c.feature_dim, c.channels, STEM, c.stride, STEM // 2, bias=False)
        self.norm = nn.BatchNorm1d(c.channels)
        self.layers = nn.ModuleList(_Layer(c.channels, dilation) for dilation in c.dilations)
        self.output = nn.Conv1d(c.channels, 2, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Log odds (B, T', 2) of speech and of overlap, of features (B, T, feature_dim); T' = ceil(T / stride).

        Raises:
            ValueError: features of another shape.
        """
        if features.ndim != 3 or features.shape[2] != self.config.feature_dim:
            raise ValueError(
                f"features must be (batch, frames, {self.config.feature_dim}), got {tuple(features.shape)}"
            )
        x = self.scale(features.transpose(1, 2))
        x = F.relu(self.norm(self.stem(x)))  # (B, channels, T')
        for layer in self.layers:
            x = layer(x)
        log_odds: Tensor = self.output(x).transpose(1, 2)
        return log_odds


def reference_levels(features: Tensor, config: ActivityConfig) -> Tensor:
    """(D,) levels of a recording's features (T, D), the log energy and log-mel bands: what `levelled` subtracts.

    For the energy it is that of loud speech, the quantile `top`; for each band that in pauses, the quantile `floor`.
    Frames of digital silence do not count; where there are no others, the levels are 0."""
    step = max(-(-len(features) // LEVEL_FRAMES), 1)
    some = features[::step]
    heard = some[some[:, 0] > DIGITAL_SILENCE]
    if not len(heard):
        return features.new_zeros(features.shape[1])
    low, high = (min(int(q * len(heard)) + 1, len(heard)) for q in (config.floor, config.top))
    levels = heard.kthvalue(low, dim=0).values
    levels[0] = heard[:, 0].kthvalue(high).values
    return levels


def levelled(features: Tensor, levels: Tensor) -> Tensor:
    """Frames (T, D) as the network reads them, with the `reference_levels` of their recording.

    What the microphone, the gain and a steady noise do is gone then, and what is far off stays faint.
    """
    result = (features - levels).clamp(min=2 * LEAST)
    result[:, 1:].clamp_(min=LEAST)
    return result


class _Layer(nn.Module):
    """A convolution beside a shortcut, (B, C, T') -> (B, C, T')."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(channels, channels, 3, padding=dilation, dilation=dilation, bias=False)
        self.norm = nn.BatchNorm1d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return x + F.relu(self.norm(self.conv(x)))
