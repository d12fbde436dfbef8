"""What Kaldi's voxceleb/v2 does to copies of its training data, as rules that draw noises or a room.

    noise   foreground noises one after the other, a second apart, each at 15, 10, 5 or 0 dB
    music   one recording in the background, at 15, 10, 8 or 5 dB
    babble  three to seven speakers in the background, each at 20, 17, 15 or 13 dB
    reverb  a simulated room, small or medium

and, beside Kaldi's,

    made    steady noise, as rooms and machines have it, at 20, 15, 10 or 5 dB

Source: kaldi/egs/voxceleb/v2/run.sh, stage 2; kaldi/egs/wsj/s5/steps/data/augment_data_dir.py, augment_wav, and
reverberate_data_dir.py, GenerateReverberationOpts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np

from pysid.augment.banks import WaveBank
from pysid.augment.made_noise import steady_noise
from pysid.augment.noise import Noise
from pysid.ranges import MOST_DB

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class _Policy:
    """What all policies have: how often each is drawn, compared with the others."""

    weight: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.weight < float("inf"):
            raise ValueError(f"weight must be a number of at least 0, got {self.weight}")


@dataclass(frozen=True, kw_only=True)
class ReverbAugment(_Policy):
    """A room; the probabilities of a `ResponseSet` decide which one."""

    kind: Literal["reverb"] = "reverb"


@dataclass(frozen=True, kw_only=True)
class NoiseAugment(_Policy):
    """Foreground noises in sequence, from the beginning of the utterance to its end.

    Attributes:
        snrs_db: drawn anew for each noise; the power of a noise is that of its whole recording.
        interval_s: from the end of a noise to the beginning of the next.
    """

    kind: Literal["noise"] = "noise"
    snrs_db: tuple[float, ...] = (15.0, 10.0, 5.0, 0.0)
    interval_s: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_snrs(self.snrs_db)
        if not 0 <= self.interval_s < np.inf:
            raise ValueError(f"interval_s must be a number of at least 0, got {self.interval_s}")

    def draw(self, bank: WaveBank, n_samples: int, rng: np.random.Generator) -> list[Noise]:
        """The noises of an utterance of so many samples.

        Args:
            bank: what they are drawn from.
            n_samples: length of the utterance.
            rng: draws recordings and levels.
        """
        noises, start = [], 0
        while start < n_samples:
            index = int(rng.integers(len(bank)))
            total = bank.n_samples(index)
            heard = bank.loop(index, min(total, n_samples - start))
            noises.append(Noise(heard, _choose(self.snrs_db, rng), start, bank.power(index)))
            start += total + int(self.interval_s * bank.sample_rate)
        return noises


@dataclass(frozen=True, kw_only=True)
class _Background(_Policy):
    """Recordings that go on through the whole utterance, looped where they are shorter.

    Attributes:
        snrs_db: drawn anew for each recording; the power of a recording is that of the piece that is heard.
        counts: how many recordings at a time.
        start: "beginning" plays a recording from its beginning, as Kaldi does; "random" from anywhere, which gives
            more variety where recordings are few and long and utterances short.
    """

    snrs_db: tuple[float, ...]
    counts: tuple[int, ...]
    start: Literal["beginning", "random"] = "beginning"

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_snrs(self.snrs_db)
        if not self.counts or min(self.counts) < 1:
            raise ValueError(f"expected counts of at least 1, got {self.counts}")

    def draw(self, bank: WaveBank, n_samples: int, rng: np.random.Generator) -> list[Noise]:
        """Draws the noises of an utterance of so many samples."""
        noises = []
        for _ in range(_choose(self.counts, rng)):
            index = int(rng.integers(len(bank)))
            snr_db = _choose(self.snrs_db, rng)
            first = int(rng.integers(bank.n_samples(index))) if self.start == "random" else 0
            noises.append(Noise(bank.loop(index, n_samples, first), snr_db))
        return noises


@dataclass(frozen=True, kw_only=True)
class MusicAugment(_Background):
    """One piece of music in the background."""

    kind: Literal["music"] = "music"
    snrs_db: tuple[float, ...] = (15.0, 10.0, 8.0, 5.0)
    counts: tuple[int, ...] = (1,)


@dataclass(frozen=True, kw_only=True)
class BabbleAugment(_Background):
    """Other speakers in the background."""

    kind: Literal["babble"] = "babble"
    snrs_db: tuple[float, ...] = (20.0, 17.0, 15.0, 13.0)
    counts: tuple[int, ...] = (3, 4, 5, 6, 7)


@dataclass(frozen=True, kw_only=True)
class MadeNoiseAugment(_Policy):
    """Steady noise in the background that needs no recording: see `made_noise.steady_noise`.

    Attributes:
        snrs_db: drawn anew for each utterance.
    """

    kind: Literal["made"] = "made"
    snrs_db: tuple[float, ...] = (20.0, 15.0, 10.0, 5.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_snrs(self.snrs_db)

    def draw(self, sample_rate: int, n_samples: int, rng: np.random.Generator) -> list[Noise]:
        """The noise of an utterance.

        Args:
            sample_rate: Hz.
            n_samples: length of the utterance.
            rng: draws the noise and its level.
        """
        return [Noise(steady_noise(n_samples, sample_rate, rng), _choose(self.snrs_db, rng))]


NoisePolicy = NoiseAugment | MusicAugment | BabbleAugment | MadeNoiseAugment
Policy = ReverbAugment | NoisePolicy


def _choose(values: Sequence[T], rng: np.random.Generator) -> T:
    return values[int(rng.integers(len(values)))]


def _check_snrs(snrs_db: Sequence[float]) -> None:
    if not snrs_db or not all(abs(x) <= MOST_DB for x in snrs_db):
        raise ValueError(f"expected snrs_db as numbers within [-{MOST_DB:g}, {MOST_DB:g}], at least one, got {snrs_db}")
