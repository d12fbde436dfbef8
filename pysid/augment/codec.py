"""What a telephone does to speech: a narrow band, and 8-bit samples on a logarithmic scale."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from pysid.augment.drawing import RandomModule
from pysid.frontend.framing import as_counts, frame_mask

N_TAPS = 255  # at 16 kHz a transition of about 200 Hz
FULL_SCALE = 32768.0
MU = 255.0


@dataclass(frozen=True, kw_only=True)
class TelephoneConfig:
    """Configuration of `Telephone`.

    Attributes:
        probability: that an utterance goes through the telephone.
        low_hz: lower end of the band; 0 leaves low frequencies in.
        high_hz: upper ends of the band, of which one is drawn.
        mu_law: also round samples as G.711 does; the rounding noise follows the level of the speech.
    """

    probability: float = 0.5
    low_hz: float = 300.0
    high_hz: tuple[float, ...] = (3400.0,)
    mu_law: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise ValueError(f"probability must lie in [0, 1], got {self.probability}")
        if not self.high_hz or not 0 <= self.low_hz < min(self.high_hz):
            raise ValueError(f"expected 0 <= low_hz < high_hz, got {self.low_hz} and {self.high_hz}")


class Telephone(RandomModule):
    """Sends some utterances of a batch through a telephone.

    Raises:
        ValueError: a band that ends above the Nyquist frequency.
    """

    def __init__(self, config: TelephoneConfig | None = None, sample_rate: int = 16000) -> None:
        super().__init__()
        self.config = config or TelephoneConfig()
        self.sample_rate = sample_rate
        if max(self.config.high_hz) >= sample_rate / 2:
            raise ValueError(f"high_hz must lie below {sample_rate / 2:g} Hz, got {max(self.config.high_hz):g}")

    def forward(
        self,
        wave: Tensor,
        lengths: Tensor | Sequence[int] | None = None,
        rng: np.random.Generator | None = None,
    ) -> Tensor:
        """A batch (B, S) at int16 scale: (B, S), zeros past an utterance's own end.

        Args:
            lengths: (B,) own samples of each utterance; None means that none is padded.
            rng: the same one gives the same utterances and bands, in the order of the batch; see `RandomModule`.
        """
        rng = self.generator(rng)
        if rng is None:
            return wave
        c = self.config
        counts = as_counts(lengths, wave, "lengths")
        mask = frame_mask(counts, wave.shape[1])
        result = wave * mask
        draws = rng.random((len(wave), 2))
        for i, high_hz in enumerate(c.high_hz):
            chosen = (draws[:, 0] < c.probability) & ((draws[:, 1] * len(c.high_hz)).astype(int) == i)
            rows = torch.from_numpy(np.flatnonzero(chosen)).to(wave.device)
            if len(rows):
                narrow = band_pass(result[rows], self.sample_rate, c.low_hz, high_hz)
                result[rows] = mu_law(narrow) if c.mu_law else narrow
        return result * mask


def band_pass(wave: Tensor, sample_rate: int, low_hz: float, high_hz: float) -> Tensor:
    """Waves (B, S) limited to [low_hz, high_hz], without delay; `low_hz` 0 keeps low frequencies.

    Args:
        wave: (B, S).
        sample_rate: Hz.
        low_hz, high_hz: ends of the band.
    """
    taps = torch.from_numpy(_taps(sample_rate, low_hz, high_hz)).to(wave.device, wave.dtype)
    return torch.nn.functional.conv1d(wave[:, None], taps[None, None], padding=N_TAPS // 2)[:, 0]


def mu_law(wave: Tensor) -> Tensor:
    """Waves at int16 scale, rounded to the 256 steps of mu-law; clipped to int16.

    >>> mu_law(torch.tensor([0.0, 100.0, 10000.0])).round()
    tensor([   0.,   98., 9991.])
    """
    x = (wave / FULL_SCALE).clamp(-1, 1)
    compressed = (x.abs() * MU).log1p() / np.log1p(MU)  # in [0, 1]
    rounded = (compressed * 127).round() / 127
    return x.sign() * torch.expm1(rounded * np.log1p(MU)) / MU * FULL_SCALE


@lru_cache
def _taps(sample_rate: int, low_hz: float, high_hz: float) -> np.ndarray:
    from scipy.signal import firwin  # takes most of a second to import

    cutoff, pass_zero = ([low_hz, high_hz], False) if low_hz > 0 else ([high_hz], True)
    taps: np.ndarray = firwin(N_TAPS, cutoff, pass_zero=pass_zero, fs=sample_rate)
    return taps
