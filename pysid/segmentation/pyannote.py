"""pyannote's segmentation network ("PyanNet"), for weights that others trained: waveform in, powerset out.

Sources: H. Bredin, "pyannote.audio 2.1 speaker diarization pipeline: principle, benchmark, and recipe", Interspeech
2023, and pyannote.audio's models/segmentation/PyanNet.py and models/blocks/sincnet.py (MIT). Of the filters: M.
Pariente et al., "Filterbank design for end-to-end speech separation", ICASSP 2020, section 2.2, after M. Ravanelli and
Y. Bengio, "Speaker recognition from raw waveform with SincNet", SLT 2018.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pysid.errors import DataError
from pysid.frontend import FbankConfig
from pysid.segmentation.powerset import Powerset
from pysid.segmentation.protocol import FrameGrid

FULL_SCALE = 32768.0
FILTERS, FILTER_SAMPLES, CHANNELS = 80, 251, 60
LEAST_HZ = 50.0  # of a filter's lower edge, and of its width
POOLED = 3  # steps of each of the three poolings, and what they take the maximum of
CONTEXT = 5  # frames that the second and the third convolution see


@dataclass(frozen=True)
class PyanNetConfig:
    """Options of `PyanNet`; the defaults are those of segmentation 3.0.

    Attributes:
        stride: samples by which the filters advance.
        lstm_layers, lstm_dim: bidirectional layers, and the width of each direction.
        linear_dims: widths of the affine layers after them.
        n_speakers, max_together: of the powerset.
        window_s: length of the windows that it was trained on.
    """

    sample_rate: int = 16000
    stride: int = 10
    lstm_layers: int = 4
    lstm_dim: int = 128
    linear_dims: tuple[int, ...] = (128, 128)
    n_speakers: int = 3
    max_together: int = 2
    window_s: float = 10.0

    @property
    def frame_samples(self) -> int:
        """From one frame to the next."""
        return self.stride * POOLED**3

    @property
    def field_samples(self) -> int:
        """Samples that one frame sees, not counting the recurrent layers."""
        n = 1
        for size in (CONTEXT, CONTEXT):
            n = (n - 1) * POOLED + POOLED + size - 1
        return (((n - 1) * POOLED + POOLED) - 1) * self.stride + FILTER_SAMPLES


class PyanNet(nn.Module):
    """A `SegmentationNetwork`.

    Shape: samples (B, S) at int16 scale -> (B, F, K) log-probabilities; F = 589 of 10 s at 16 kHz.
    """

    features: FbankConfig | None = None

    def __init__(self, config: PyanNetConfig | None = None) -> None:
        super().__init__()
        self.config = c = config or PyanNetConfig()
        self.sample_rate = c.sample_rate
        self.powerset = Powerset(c.n_speakers, c.max_together)
        step_s = c.frame_samples / c.sample_rate
        # A frame stands for the samples in the middle of those that it sees.
        self.grid = FrameGrid(step_s, c.field_samples / c.sample_rate / 2 - step_s / 2, c.window_s)
        self.wave_norm = nn.InstanceNorm1d(1, affine=True)
        self.low_hz = nn.Parameter(torch.zeros(FILTERS // 2, 1))
        self.band_hz = nn.Parameter(torch.zeros(FILTERS // 2, 1))
        self.convs = nn.ModuleList(nn.Conv1d(n, CHANNELS, CONTEXT) for n in (FILTERS, CHANNELS))
        self.norms = nn.ModuleList(nn.InstanceNorm1d(n, affine=True) for n in (FILTERS, CHANNELS, CHANNELS))
        self.lstm = nn.LSTM(CHANNELS, c.lstm_dim, c.lstm_layers, batch_first=True, bidirectional=True)
        widths = (2 * c.lstm_dim, *c.linear_dims)
        self.linear = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self.classifier = nn.Linear(widths[-1], len(self.powerset))

    def forward(self, windows: Tensor) -> Tensor:
        """Log-probabilities (B, F, K) of the sets of speakers, of windows (B, S) at int16 scale.

        Raises:
            ValueError: other axes, or fewer samples than one output frame sees.
        """
        if windows.ndim != 2 or windows.shape[1] < self.config.field_samples:
            raise ValueError(
                f"windows must be (batch, samples >= {self.config.field_samples}), got {tuple(windows.shape)}"
            )
        x = self.wave_norm(windows[:, None] / FULL_SCALE)
        x = F.conv1d(x, self.filters(), stride=self.config.stride).abs()
        x = F.leaky_relu(self.norms[0](F.max_pool1d(x, POOLED)))
        for conv, norm in zip(self.convs, self.norms[1:], strict=True):
            x = F.leaky_relu(norm(F.max_pool1d(conv(x), POOLED)))
        x, _ = self.lstm(x.transpose(1, 2))  # (B, F, 2 lstm_dim)
        for layer in self.linear:
            x = F.leaky_relu(layer(x))
        return F.log_softmax(self.classifier(x), dim=-1)

    def filters(self) -> Tensor:
        """(80, 1, 251) band-pass filters, even and odd ones, from their edges in Hz.

        With t in seconds from the middle: (sin 2 pi high t - sin 2 pi low t) / (2 pi t (high - low)), and for the odd
        ones the same with cosines and the opposite sign; under a Hamming window, given by its left half.
        """
        half = FILTER_SAMPLES // 2
        low = LEAST_HZ + self.low_hz.abs()
        high = (low + LEAST_HZ + self.band_hz.abs()).clamp(LEAST_HZ, self.sample_rate / 2)
        band = high - low
        radians = 2 * torch.pi * torch.arange(-half, 0.0, device=low.device)[None] / self.sample_rate  # per Hz
        window = torch.hamming_window(FILTER_SAMPLES, periodic=False, device=low.device)[:half]
        even = ((high * radians).sin() - (low * radians).sin()) / (radians * band) * window
        odd = ((low * radians).cos() - (high * radians).cos()) / (radians * band) * window
        middle = torch.ones_like(low)
        both = [torch.cat([even, middle, even.flip(1)], 1), torch.cat([odd, 0 * middle, -odd.flip(1)], 1)]
        return torch.cat(both)[:, None]


def published_names(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights of pyannote.audio's checkpoints under the names that `PyanNet` has for them."""
    return {_renamed(name): x for name, x in weights.items() if not name.endswith((".window_", ".n_"))}


def config_of(weights: dict[str, Tensor], where: str) -> PyanNetConfig:
    """The configuration that weights, under our names, belong to.

    Raises:
        DataError: they are of something else, or of other classes than segmentation 3.0's: 3 speakers, 2 together.
    """
    widths: list[int] = []
    while (layer := weights.get(f"linear.{len(widths)}.weight")) is not None and layer.ndim == 2:
        widths.append(len(layer))
    hidden, classes = weights.get("lstm.weight_hh_l0"), weights.get("classifier.weight")
    if hidden is None or classes is None or hidden.ndim != 2 or "low_hz" not in weights:
        raise DataError(f"{where}: expected the weights of pyannote's segmentation network (PyanNet)")
    c = PyanNetConfig(
        lstm_layers=sum(name.startswith("lstm.weight_hh_l") and "reverse" not in name for name in weights),
        lstm_dim=hidden.shape[1],
        linear_dims=tuple(widths),
    )
    if len(classes) != (n := len(Powerset(c.n_speakers, c.max_together))):
        raise DataError(
            f"{where}: expected {n} classes, the powerset of {c.n_speakers} speakers of whom {c.max_together} talk at "
            f"once, got {len(classes)}"
        )
    return c


def _renamed(name: str) -> str:
    name = name.removeprefix("sincnet.")
    for theirs, ours in RENAMED.items():
        if name.startswith(theirs):
            return ours + name.removeprefix(theirs)
    return name


RENAMED = {
    "conv1d.0.filterbank.low_hz_": "low_hz",
    "conv1d.0.filterbank.band_hz_": "band_hz",
    "wav_norm1d.": "wave_norm.",
    "conv1d.1.": "convs.0.",
    "conv1d.2.": "convs.1.",
    "norm1d.": "norms.",
}
