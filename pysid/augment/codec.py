"""What a telephone does to speech: a narrow band, 8 kHz, and 8-bit samples on a logarithmic scale."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pysid import _torchaudio
from pysid.augment.drawing import RandomModule
from pysid.frontend.framing import as_counts, frame_mask
from pysid.ranges import check_range

RATE = 8000  # Hz, of G.711
TAIL = 512  # samples at 8 kHz that the band's edges ring for
FULL_SCALE = 32768.0
MU = 255.0
ORDERS = (0.5, 1000.0)  # of filters: below, there is no band


@dataclass(frozen=True, kw_only=True)
class TelephoneConfig:
    """Configuration of `Telephone`. Of a range (least, most) a value is drawn uniformly for each utterance.

    Attributes:
        probability: that an utterance goes through the telephone.
        low_hz: range of the lower end of the band.
        high_hz: range of its upper end, at most 4000; what 8 kHz cannot hold is gone in any case.
        order: range of the order of the Butterworth filters at both ends, from 0.5 to 1000: 1 is 6 dB an octave.
        mu_law: also round samples as G.711 does; the rounding noise follows the level of the speech.
    """

    probability: float = 0.5
    low_hz: tuple[float, float] = (0.0, 400.0)
    high_hz: tuple[float, float] = (3000.0, 4000.0)
    order: tuple[float, float] = (1.0, 8.0)
    mu_law: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise ValueError(f"probability must lie in [0, 1], got {self.probability}")
        check_range("low_hz", self.low_hz, 0.0, RATE / 2)
        check_range("high_hz", self.high_hz, 0.0, RATE / 2)
        check_range("order", self.order, *ORDERS)
        if not self.low_hz[1] < self.high_hz[0]:
            raise ValueError(f"low_hz must lie below high_hz, got {self.low_hz} and {self.high_hz}")


class Telephone(RandomModule):
    """Sends some utterances of a batch through a telephone: as they sound when an 8 kHz recording of them is read.

    Args:
        sample_rate: Hz, of the batches; 8000 or more.
    """

    def __init__(self, config: TelephoneConfig | None = None, sample_rate: int = 16000) -> None:
        super().__init__()
        self.config = config or TelephoneConfig()
        self.sample_rate = sample_rate
        if sample_rate < RATE:
            raise ValueError(f"a telephone has {RATE} Hz, and sample_rate must not be lower, got {sample_rate}")

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
        return wave if rng is None else self.apply_drawn(wave, lengths, self.draw(len(wave), rng))

    def draw(self, n_utterances: int, rng: np.random.Generator) -> np.ndarray:
        """Draws (n, 4) numbers in [0, 1): whether, lower end, upper end, order."""
        return rng.random((n_utterances, 4))

    def apply_drawn(self, wave: Tensor, lengths: Tensor | Sequence[int] | None, draws: np.ndarray) -> Tensor:
        """As `forward`, with what `draw` has drawn.

        Args:
            wave: (B, S) at int16 scale.
            lengths: (B,) own samples of each utterance; None counts all S.
            draws: what `draw` gave for these rows.
        """
        c = self.config
        mask = frame_mask(as_counts(lengths, wave, "lengths"), wave.shape[1])
        result = wave * mask
        chosen = np.flatnonzero(draws[:, 0] < c.probability)
        if len(chosen):
            rows = torch.from_numpy(chosen).to(wave.device)
            low, high, order = (
                least + (most - least) * draws[chosen, i]
                for i, (least, most) in enumerate((c.low_hz, c.high_hz, c.order), start=1)
            )
            narrow = band_pass(self._resampled(result[rows], self.sample_rate, RATE), RATE, low, high, order)
            if c.mu_law:
                narrow = mu_law(narrow)
            result[rows] = self._resampled(narrow, RATE, self.sample_rate)[:, : wave.shape[1]]
        return result * mask

    @staticmethod
    def _resampled(wave: Tensor, rate: int, new_rate: int) -> Tensor:
        if rate == new_rate:
            return wave
        return _torchaudio.functional.resample(wave, rate, new_rate)


def band_pass(wave: Tensor, sample_rate: int, low_hz: np.ndarray, high_hz: np.ndarray, order: np.ndarray) -> Tensor:
    """Waves (B, S) limited to [low_hz, high_hz] by Butterworth filters without delay; 3 dB are lost at both ends.

    Args:
        wave: (B, S).
        sample_rate: Hz.
        low_hz, high_hz: (B,) ends of the band; `low_hz` 0 keeps low frequencies.
        order: (B,) of the filters.
    """
    n = wave.shape[1] + TAIL
    hz = np.fft.rfftfreq(n, 1 / sample_rate)
    low, high, power = (np.asarray(x, dtype=float)[:, None] for x in (low_hz, high_hz, 2 * np.asarray(order)))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):  # at 0 Hz
        below = np.where(low > 0, (low / hz) ** power, 0.0)
    gains = 1 / np.sqrt((1 + below) * (1 + (hz / high) ** power))
    spectrum = torch.fft.rfft(wave, n) * torch.from_numpy(gains).to(wave.device, wave.dtype)
    return torch.fft.irfft(spectrum, n)[:, : wave.shape[1]]


def mu_law(wave: Tensor) -> Tensor:
    """Waves at int16 scale, rounded to the 256 steps of mu-law; clipped to int16.

    >>> mu_law(torch.tensor([0.0, 100.0, 10000.0])).round()
    tensor([   0.,   98., 9991.])
    """
    x = (wave / FULL_SCALE).clamp(-1, 1)
    compressed = (x.abs() * MU).log1p() / np.log1p(MU)  # in [0, 1]
    rounded = (compressed * 127).round() / 127
    return x.sign() * torch.expm1(rounded * np.log1p(MU)) / MU * FULL_SCALE
