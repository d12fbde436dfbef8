"""Training crops: pieces of recordings, changed in loudness and timbre, with the number of their speakers.

What is in a batch is a function of (seed, epoch, batch), as for `pysid.training.embedding.chunks`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from pysid.ranges import MOST_DB, check_levels
from pysid.segments import Turn

NEPERS_PER_DB = np.log(10) / 10  # of power, which log-mel features are the logarithm of


@dataclass(frozen=True, kw_only=True)
class CropConfig:
    """How crops are cut and changed.

    Attributes:
        n_frames: of a crop; shorter recordings are left out.
        batch_size: crops in a batch, over all processes together.
        crops_per_epoch: 0 for as many as the recordings could be cut into.
        gain_db: lowest and highest gain, drawn uniformly.
        tilt_db: the lowest band gains or loses up to this much against the highest, drawn uniformly.
    """

    n_frames: int = 800
    batch_size: int = 32
    crops_per_epoch: int = 0
    gain_db: tuple[float, float] = (-6.0, 6.0)
    tilt_db: float = 6.0

    def __post_init__(self) -> None:
        if self.n_frames < 1 or self.batch_size < 1 or self.crops_per_epoch < 0:
            raise ValueError("n_frames and batch_size must be positive, crops_per_epoch must not be negative")
        check_levels(gain_db=self.gain_db)
        if not 0 <= self.tilt_db <= MOST_DB:
            raise ValueError(f"tilt_db must lie in [0, {MOST_DB:g}], got {self.tilt_db}")


def count_speakers(turns: Iterable[Turn], n_frames: int, shift_s: float) -> np.ndarray:
    """(T,) uint8: how many speak in each frame; frame t lasts from t to t + 1 times `shift_s`.

    Args:
        turns: in any order; one speaker's must not overlap.
        n_frames: T.
        shift_s: from one frame to the next.

    >>> from pysid.segments import Segment
    >>> count_speakers([Turn(Segment(0.0, 0.02), "a"), Turn(Segment(0.01, 0.03), "b")], 4, 0.01)
    array([1, 2, 1, 0], dtype=uint8)
    """
    counts = np.zeros(n_frames, np.uint8)
    for turn in turns:
        counts[round(turn.segment.start_s / shift_s) : round(turn.segment.end_s / shift_s)] += 1
    return counts


class ActivityBatches:
    """Batches of crops out of recordings in memory, for `pysid.training.trainer.Trainer`.

    Args:
        features: (T_i, D) of each recording, in half precision or more, as of `levelled`.
        counts: (T_i,) speakers of each frame.
        stride: frames to an output of the network.
    Raises:
        ValueError: no recording is long enough, or not as many counts as features.
    """

    def __init__(
        self,
        names: Sequence[str],
        features: Sequence[np.ndarray],
        counts: Sequence[np.ndarray],
        config: CropConfig,
        stride: int,
        seed: int,
    ) -> None:
        if [*map(len, features)] != [*map(len, counts)] or len(names) != len(features):
            raise ValueError("expected a name and the counts of all frames for each recording")
        kept = [i for i, x in enumerate(features) if len(x) >= config.n_frames]
        if not kept:
            raise ValueError(f"expected recordings of {config.n_frames} frames or more, got none")
        self.names = [names[i] for i in kept]
        self.features = [features[i] for i in kept]
        self.counts = [counts[i] for i in kept]
        self.config = config
        self.stride = stride
        self.seed = seed
        # A recording is drawn as often as crops could begin in it.
        self._edges = np.cumsum([len(x) - config.n_frames + 1 for x in self.features])
        n_crops = config.crops_per_epoch or sum(map(len, self.features)) // config.n_frames
        self.n_batches = max(1, n_crops // config.batch_size)

    def epoch(self, epoch: int, process: int = 0, n_processes: int = 1) -> "ActivityEpoch":
        """One process's share of each batch of an epoch.

        Args:
            epoch: its number, from which crops are drawn.
            process: number of this process, from 0.
            n_processes: among how many batches are shared.
        """
        size = self.config.batch_size
        return ActivityEpoch(self, epoch, slice(process * size // n_processes, (process + 1) * size // n_processes))

    def to_features(self, inputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """The two as they are: the crops are features already."""
        return inputs, labels

    def describe(self, epoch: int, batch: int) -> str:
        """Names of the first recordings in a batch, for a message about it."""
        return ", ".join(self.names[i] for i, _ in self.crops(epoch, batch)[:3])

    def crops(self, epoch: int, batch: int) -> list[tuple[int, int]]:
        """(recording, first frame) of the crops of a batch."""
        rng = np.random.default_rng([self.seed, epoch, batch])
        places = rng.integers(self._edges[-1], size=self.config.batch_size)
        recordings = np.searchsorted(self._edges, places, side="right")
        before = np.concatenate([[0], self._edges])[recordings]
        return list(zip(recordings.tolist(), (places - before).tolist(), strict=True))


class ActivityEpoch(Dataset[tuple[Tensor, Tensor]]):
    """Item i is batch i of an epoch: features (b, T, D), and speakers (b, ceil(T / stride)) of each output."""

    def __init__(self, batches: ActivityBatches, epoch: int, rows: slice) -> None:
        self.batches = batches
        self.epoch = epoch
        self.rows = rows

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
        b, c = self.batches, self.batches.config
        rng = np.random.default_rng([b.seed, self.epoch, i, 1])
        gains = rng.uniform(*c.gain_db, size=c.batch_size)
        tilts = rng.uniform(-c.tilt_db, c.tilt_db, size=c.batch_size)
        places = [(n, slice(at, at + c.n_frames)) for n, at in b.crops(self.epoch, i)[self.rows]]
        x = np.stack([b.features[n][own] for n, own in places]).astype(np.float32)
        slope = np.linspace(0.5, -0.5, x.shape[2], dtype=np.float32)
        change_db = gains[self.rows, None] + tilts[self.rows, None] * slope  # (b, D)
        x += (NEPERS_PER_DB * change_db[:, None]).astype(np.float32)
        counts = np.stack([b.counts[n][own][:: b.stride] for n, own in places])
        return torch.from_numpy(x), torch.from_numpy(counts.astype(np.int64))
