"""The network of local segmentation: convolutions at 20 and 40 ms around recurrent layers and attention at 80 ms.

Where turns begin and end is a matter of single frames, who speaks one of the whole window, so the layers that look far
work on few frames. Attention between the recurrent layers compares voices that are seconds apart.

Sources: O. Ronneberger et al., "U-Net", MICCAI 2015, for the shortcuts from before the coarse layers to behind them;
H. Bredin and A. Laurent, "End-to-end speaker segmentation for overlap-aware resegmentation", Interspeech 2021, for the
task and the recurrent layers; Y. Fujita et al., "End-to-end neural speaker diarization with self-attention", ASRU 2019.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pysid.frontend import FbankConfig
from pysid.segmentation.powerset import Powerset
from pysid.segmentation.protocol import FrameGrid
from pysid.segmentation.trunk import FRAMES, Trunk, TrunkConfig

STRIDE = 2  # feature frames to an output; each of the two coarser stages halves the rate once more
COARSEST = 4 * STRIDE


@dataclass(frozen=True)
class MelNetConfig:
    """Options of `MelNet`.

    Attributes:
        feature_dim: width of a feature frame; column 0 is the energy, which is not looked at.
        window_s: length of the windows that it is trained on.
        n_speakers, max_together: see `Powerset`.
        channels: widths of the convolutions at 20, 40 and 80 ms.
        fine_dilations, middle_dilations: of the convolutions at 20 and at 40 ms before the recurrent layers.
        hidden: of each direction of the two recurrent layers.
        n_heads: of the attention between them.
        trunk: stages of a speaker network whose frames the recurrent layers see beside the convolutions; None for none.
    """

    feature_dim: int = 81
    window_s: float = 10.0
    n_speakers: int = 3
    max_together: int = 2
    channels: tuple[int, int, int] = (64, 160, 160)
    fine_dilations: tuple[int, ...] = (1, 2)
    middle_dilations: tuple[int, ...] = (1, 2, 4)
    hidden: int = 128
    n_heads: int = 4
    trunk: TrunkConfig | None = None

    def __post_init__(self) -> None:
        sizes = (*self.channels, *self.fine_dilations, *self.middle_dilations, self.hidden, self.n_heads)
        if min(sizes) < 1 or self.feature_dim < 2:
            raise ValueError(f"widths, dilations and heads must be positive, got {self}")
        if 2 * self.hidden % self.n_heads:
            raise ValueError(f"n_heads must divide 2 hidden, got {self.n_heads} and hidden {self.hidden}")
        if not 0 < self.window_s < float("inf"):
            raise ValueError(f"window_s must be positive, got {self.window_s}")
        if self.trunk is not None and self.trunk.resnet.feature_dim != self.feature_dim:
            raise ValueError(
                f"trunk.resnet.feature_dim must be {self.feature_dim}, got {self.trunk.resnet.feature_dim}"
            )
        Powerset(self.n_speakers, self.max_together)

    @property
    def powerset(self) -> Powerset:
        """What the outputs stand for."""
        return Powerset(self.n_speakers, self.max_together)

    def grid(self, features: FbankConfig) -> FrameGrid:
        """Times of the output frames of a network that reads such features."""
        return FrameGrid(STRIDE * features.shift_ms / 1000, 0.0, self.window_s)


class MelNet(nn.Module):
    """Log-probabilities of who speaks.

    Shape: features (B, T, feature_dim) before CMVN -> (B, F, K), F = ceil(T / 2); frame k is for features
        [2k, 2k + 2), K sets of speakers in the order of `Powerset`.
    """

    def __init__(self, config: MelNetConfig | None = None) -> None:
        super().__init__()
        self.config = c = config or MelNetConfig()
        fine, middle, coarse = c.channels
        wide = 2 * c.hidden
        self.stem = _Stem(c.feature_dim - 1, fine, 5, STRIDE)
        self.fine = nn.Sequential(*(_Layer(fine, d) for d in c.fine_dilations))
        self.to_middle = _Stem(fine, middle, 4)
        self.middle = nn.Sequential(*(_Layer(middle, d) for d in c.middle_dilations))
        self.to_coarse = _Stem(middle, coarse, 3)
        self.trunk = self.from_trunk = None
        if c.trunk is not None:
            self.trunk = Trunk(c.trunk)
            linear = nn.Linear(c.trunk.dim, coarse, bias=False)
            self.from_trunk = nn.Sequential(nn.LayerNorm(c.trunk.dim), linear)
            nn.init.zeros_(linear.weight)  # a network without a trunk goes on from where it was
        self.before = nn.LSTM(coarse, c.hidden, bidirectional=True, batch_first=True)
        self.attention = _Attention(wide, c.n_heads)
        self.after = nn.LSTM(wide, c.hidden, bidirectional=True, batch_first=True)
        self.from_coarse = nn.Linear(wide, 2 * middle)
        self.middle_out = nn.Sequential(_Layer(middle, 1), _Layer(middle, 2))
        self.from_middle = nn.Conv1d(middle, 2 * fine, 1)
        self.fine_out = nn.Sequential(_Layer(fine, 1), _Layer(fine, 2))
        self.output = nn.Conv1d(fine, len(c.powerset), 1)

    def forward(self, features: Tensor, from_trunk: Tensor | None = None) -> Tensor:
        """As the class says; `from_trunk` (B, ceil(T / 8), D) is what the trunk made of the features, where known."""
        if features.ndim != 3 or features.shape[2] != self.config.feature_dim or not features.shape[1]:
            raise ValueError(
                f"features must be (batch, frames, {self.config.feature_dim}), got {tuple(features.shape)}"
            )
        x = prepared(features).transpose(1, 2)
        n_frames = x.shape[2]
        x = F.pad(x, (0, -n_frames % COARSEST), mode="replicate")
        fine = self.fine(self.stem(x))  # (B, C, F)
        middle = self.middle(self.to_middle(fine))
        coarse = self.to_coarse(middle).transpose(1, 2)  # (B, F / 4, C)
        if self.trunk is not None and self.from_trunk is not None:
            coarse = coarse + self.from_trunk(self.trunk(features) if from_trunk is None else from_trunk)
        coarse = self.attention(self.before(coarse)[0])
        coarse = F.gelu(self.from_coarse(self.after(coarse)[0]))
        middle = self.middle_out(middle + _split_frames(coarse))
        finer = F.relu(self.from_middle(middle)).transpose(1, 2)
        x = self.output(self.fine_out(fine + _split_frames(finer)))
        logits: Tensor = x[:, :, : -(-n_frames // STRIDE)].transpose(1, 2).float()
        return logits.log_softmax(-1)


class MelSegmentation:
    """A trained network as `pysid.segmentation.SegmentationNetwork`.

    Args:
        network: is put into eval mode.
        features: what it reads; frames of 10 ms.
    """

    def __init__(self, network: MelNet, features: FbankConfig) -> None:
        self.network = network.eval()
        self._trunk = None if network.trunk is None else network.trunk.fused()
        self.features: FbankConfig | None = features
        self.sample_rate = int(features.sample_rate)
        self.powerset = network.config.powerset
        self.grid = network.config.grid(features)

    @property
    def alignment(self) -> int:
        """Frames of the grid that windows best start at multiples of: then those that overlap share the trunk."""
        return 1 if self._trunk is None else FRAMES // STRIDE

    @torch.inference_mode()
    def __call__(self, windows: Tensor) -> Tensor:
        """(B, F, K) float32 on the CPU, of features (B, T, D) of windows of one length."""
        windows = windows.to(self._device)
        log_probabilities: Tensor = self.network(windows, None if self._trunk is None else self._trunk(windows)).cpu()
        return log_probabilities

    @torch.inference_mode()
    def over(self, stretch: Tensor, starts: Sequence[int], size: int) -> Tensor:
        """What a call gives, (B, F, K), of windows that overlap.

        The trunk hears the stretch once. It knows a little of what lies before and after a window then, which changes
        the outputs by little.

        Args:
            stretch: features (T, D) that hold all of the windows.
            starts: their first frames.
            size: frames of each.
        """
        stretch = stretch.to(self._device)
        windows = torch.stack([stretch[start : start + size] for start in starts])
        if self._trunk is None or any(start % FRAMES for start in starts) or len(starts) == 1:
            return self(windows)
        frames = self._trunk(stretch[None])[0]
        n = -(-size // FRAMES)
        own = torch.stack([frames[start // FRAMES :][:n] for start in starts])
        log_probabilities: Tensor = self.network(windows, own).cpu()
        return log_probabilities

    @property
    def _device(self) -> torch.device:
        return next(self.network.parameters()).device


def prepared(features: Tensor) -> Tensor:
    """Log-mel bands (B, T, D - 1) of features (B, T, D), less their means over the window.

    A gain and a microphone's colour are gone then. Bands fainter than a sample's last bit are of no account: digital
    silence would move the means.
    """
    bands = features[..., 1:].clamp(min=0.0)
    return bands - bands.mean(1, keepdim=True)


def _split_frames(frames: Tensor) -> Tensor:
    """(B, T, 2C) -> (B, C, 2T): each frame holds two finer ones."""
    batch, n_frames, width = frames.shape
    return frames.reshape(batch, 2 * n_frames, width // 2).transpose(1, 2)


class _Stem(nn.Module):
    """A convolution that leaves one frame of `stride`."""

    def __init__(self, n_in: int, n_out: int, width: int, stride: int = 2) -> None:
        super().__init__()
        self.conv = nn.Conv1d(n_in, n_out, width, stride, (width - 1) // 2, bias=False)
        self.norm = nn.BatchNorm1d(n_out)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.conv(x)))


class _Layer(nn.Module):
    """A convolution beside a shortcut, (B, C, T) -> (B, C, T)."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(channels, channels, 3, padding=dilation, dilation=dilation, bias=False)
        self.norm = nn.BatchNorm1d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return x + F.relu(self.norm(self.conv(x)))


class _Attention(nn.Module):
    """Self-attention over all frames beside a shortcut, (B, T, C) -> (B, T, C).

    Written out, as PyTorch's fused attention takes several times as long for so few frames on a CPU.
    """

    def __init__(self, channels: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.norm = nn.LayerNorm(channels)
        self.projections = nn.Linear(channels, 3 * channels)  # queries, keys, values
        self.output = nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        batch, n_frames, channels = x.shape
        width = channels // self.n_heads
        split = self.projections(self.norm(x)).view(batch, n_frames, 3, self.n_heads, width)
        q, k, v = split.permute(2, 0, 3, 1, 4)  # (B, heads, T, width) each
        weights = (q @ k.transpose(-1, -2) * width**-0.5).softmax(-1).to(v.dtype)
        return x + self.output((weights @ v).transpose(1, 2).reshape(batch, n_frames, channels))
