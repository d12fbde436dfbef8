"""Speed perturbation: the same words faster or slower, and higher or lower, which makes a new speaker of each speaker.

A recording is treated as if it had another rate and resampled to its own, as `sox speed` does for Kaldi's
utils/data/perturb_data_dir_speed.sh, from which the names come, too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from pysid import _torchaudio
from pysid.augment.drawing import RandomModule
from pysid.frontend.framing import as_counts, frame_mask


@dataclass(frozen=True, kw_only=True)
class SpeedConfig:
    """Configuration of `SpeedPerturb`: the speeds, each as likely as any other; 1.1 is 10% faster."""

    factors: tuple[float, ...] = (0.9, 1.0, 1.1)

    def __post_init__(self) -> None:
        if not self.factors or len(set(self.factors)) < len(self.factors):
            raise ValueError(f"expected different factors, at least one, got {self.factors}")
        for factor in self.factors:
            _ratio(factor)


class SpeedPerturb(RandomModule):
    """Draws a speed for each utterance of a batch; `speed_labels` and `speed_name` have the speakers that result."""

    def __init__(self, config: SpeedConfig | None = None) -> None:
        super().__init__()
        self.config = config or SpeedConfig()

    def forward(
        self,
        wave: Tensor,
        lengths: Tensor | Sequence[int] | None = None,
        rng: np.random.Generator | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """A batch (B, S) at new speeds.

        Args:
            lengths: (B,) own samples of each utterance; None means that none is padded.
            rng: the same one gives the same speeds, in the order of the batch; see `RandomModule`.
        Returns:
            wave: (B, S'), S' the longest; zeros past an utterance's own end.
            lengths: (B,) own samples of each.
            speed: (B,) the place of each one's speed in `config.factors`.
        Raises:
            ValueError: the module is not to change anything, but 1.0 is not among the factors.
        """
        rng = self.generator(rng)
        if rng is not None:
            return self.apply_drawn(wave, lengths, self.draw(len(wave), rng))
        if 1.0 not in self.config.factors:
            raise ValueError(f"in evaluation mode speeds stay 1.0, which is not among {self.config.factors}")
        counts = as_counts(lengths, wave, "lengths")
        return wave, counts, torch.full_like(counts, self.config.factors.index(1.0))

    def draw(self, n_utterances: int, rng: np.random.Generator) -> np.ndarray:
        """(n_utterances,) places of speeds in `config.factors`."""
        return rng.integers(len(self.config.factors), size=n_utterances)

    def apply_drawn(
        self, wave: Tensor, lengths: Tensor | Sequence[int] | None, drawn: np.ndarray
    ) -> tuple[Tensor, Tensor, Tensor]:
        """As `forward`, at the speeds (B,) that `draw` gave.

        Args:
            wave: (B, S).
            lengths: (B,) own samples of each; None counts all S.
            drawn: (B,) which of `config.factors`.
        """
        counts = as_counts(lengths, wave, "lengths")
        speed = torch.from_numpy(drawn).to(wave.device)
        rows = {i: torch.from_numpy(np.flatnonzero(drawn == i)).to(wave.device) for i in sorted(set(drawn.tolist()))}
        changed = {i: change_speed(wave[at], counts[at], self.config.factors[i]) for i, at in rows.items()}
        new_counts = torch.zeros_like(counts)
        for i, at in rows.items():
            new_counts[at] = changed[i][1]
        longest = int(new_counts.max()) if len(wave) else 0
        result = wave.new_zeros(len(wave), longest)
        for i, at in rows.items():
            result[at] = pad(changed[i][0], (0, longest))[:, :longest]
        return result, new_counts, speed


def change_speed(
    wave: Tensor, lengths: Tensor | Sequence[int] | None = None, factor: float = 1.1
) -> tuple[Tensor, Tensor]:
    """A batch (B, S) played `factor` times as fast, at the same rate.

    Args:
        wave: (B, S).
        lengths: (B,) own samples of each; None counts all S.
        factor: above 1 is faster and higher.
    Returns:
        wave: (B, S'), about S / factor; zeros past an utterance's own end.
        lengths: (B,) own samples of each.

    >>> change_speed(torch.zeros(1, 1100), factor=1.1)[0].shape
    torch.Size([1, 1000])
    """
    counts = as_counts(lengths, wave, "lengths")
    ratio = _ratio(factor)
    wave = wave * frame_mask(counts, wave.shape[1])
    if ratio == 1:
        return wave, counts
    faster: Tensor = _torchaudio.functional.resample(wave, ratio.numerator, ratio.denominator)
    new_counts = -(-counts * ratio.denominator // ratio.numerator)
    return faster * frame_mask(new_counts, faster.shape[1]), new_counts


def speed_labels(labels: Tensor, speed: Tensor, factors: Sequence[float], n_speakers: int) -> Tensor:
    """Classes (B,) of perturbed utterances, out of `n_speakers * len(factors)`.

    The unchanged speakers keep their classes, if 1.0 is among the factors, and the others come after them.

    Args:
        labels: (B,) classes in [0, n_speakers).
        speed: (B,) of `SpeedPerturb`.

    >>> speed_labels(torch.tensor([3, 3, 3]), torch.tensor([0, 1, 2]), (0.9, 1.0, 1.1), 10).tolist()
    [13, 3, 23]
    """
    order = sorted(range(len(factors)), key=lambda i: factors[i] != 1)
    rank = torch.tensor([order.index(i) for i in range(len(factors))], device=labels.device)
    return labels + n_speakers * rank[speed]


def speed_name(name: str, factor: float) -> str:
    """Kaldi's name of a speaker or an utterance at another speed.

    >>> speed_name("id10270", 0.9), speed_name("id10270", 1.0)
    ('sp0.9-id10270', 'id10270')
    """
    return name if factor == 1 else f"sp{factor:g}-{name}"


def _ratio(factor: float) -> Fraction:
    if not 0.1 <= factor <= 10:
        raise ValueError(f"a speed must lie in [0.1, 10], got {factor}")
    return Fraction(factor).limit_denominator(100)
