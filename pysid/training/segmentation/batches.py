"""Batches of windows from all sources, each with what the network is to say of its frames.

What is in a batch is a function of (seed, epoch, batch), as for `pysid.training.embedding.chunks`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from pysid.frontend import Fbank, FbankConfig
from pysid.segmentation.powerset import Powerset
from pysid.training.segmentation.mixing import Mixer
from pysid.training.segmentation.recordings import Recordings
from pysid.training.segmentation.targets import matched, one_hot, true_classes
from pysid.training.segmentation.teacher import Teacher
from pysid.training.segmentation.variation import VariedRecordings


@dataclass(frozen=True, kw_only=True)
class BatchConfig:
    """What batches are made of.

    Attributes:
        batch_size: windows in a batch, over all processes together.
        n_batches: in an epoch.
        mixed, labelled, unlabelled: how often windows are mixed, cut out of recordings with reference turns, and out of
            recordings without; of the sources that there are.
        teacher_share: of the windows with a known truth that the teacher hears, too.
        teacher_weight: of what it says, beside the truth.
    """

    batch_size: int = 32
    n_batches: int = 1000
    mixed: float = 0.95
    labelled: float = 0.3
    unlabelled: float = 0.05
    teacher_share: float = 0.0
    teacher_weight: float = 0.5

    def __post_init__(self) -> None:
        if self.batch_size < 1 or self.n_batches < 1:
            raise ValueError("batch_size and n_batches must be positive")
        if min(self.mixed, self.labelled, self.unlabelled) < 0 or not self.mixed + self.labelled + self.unlabelled > 0:
            raise ValueError("mixed, labelled and unlabelled must not be negative, and one of them positive")
        if not (0 <= self.teacher_share <= 1 and 0 <= self.teacher_weight <= 1):
            raise ValueError("teacher_share and teacher_weight must lie in [0, 1]")


@dataclass(frozen=True)
class Sources:
    """Where windows come from; None where there is no such source."""

    mixer: Mixer | None = None
    labelled: Recordings | None = None
    unlabelled: Recordings | VariedRecordings | None = None
    teacher: Teacher | None = None


class WindowBatches:
    """Batches for `pysid.training.trainer.Trainer`: samples (b, S) int16, and targets (b, F, K) float16.

    Args:
        features: what the network reads.
    Raises:
        ValueError: no source is drawn from, or unlabelled recordings have no teacher.
    """

    def __init__(
        self, config: BatchConfig, sources: Sources, powerset: Powerset, features: FbankConfig, seed: int
    ) -> None:
        weights = [
            config.mixed * (sources.mixer is not None),
            config.labelled * (sources.labelled is not None),
            config.unlabelled * (sources.unlabelled is not None),
        ]
        if not sum(weights):
            raise ValueError("expected a source of windows, got none")
        if weights[2] and sources.teacher is None:
            raise ValueError("recordings without reference turns need a teacher")
        self.config = config
        self.sources = sources
        self.powerset = powerset
        self.seed = seed
        self.n_batches = config.n_batches
        self._shares = np.array(weights) / sum(weights)
        self._fbank = Fbank(features)

    def epoch(self, epoch: int, process: int = 0, n_processes: int = 1) -> "WindowEpoch":
        """One process's share of each batch of an epoch.

        Args:
            epoch: its number; another one draws other windows.
            process: the number of the process, in [0, n_processes).
            n_processes: that share a batch, each with rows of its own.
        """
        size = self.config.batch_size
        return WindowEpoch(self, epoch, range(process * size // n_processes, (process + 1) * size // n_processes))

    def to_features(self, inputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Log mel energies (b, T, D) of samples (b, S), on their device, and the targets as they are."""
        with torch.no_grad():
            return self._fbank.to(inputs.device)(inputs.float()), labels

    def describe(self, epoch: int, batch: int) -> str:
        """The seed, from which a batch can be drawn again, for a message about it."""
        return f"windows drawn with seed {self.seed}"

    def windows(self, epoch: int, batch: int, rows: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Windows (R, S) int16, and their targets (R, F, K) float32.

        Args:
            epoch, batch: numbers of both, as of `epoch`.
            rows: the places of the windows in the batch, in [0, batch_size).
        """
        waves, actives, asked = zip(*(self._draw(epoch, batch, row) for row in rows), strict=True)
        samples = np.stack(waves)
        places, heard = np.flatnonzero(asked), {}
        if len(places):
            assert self.sources.teacher is not None
            heard = dict(zip(places.tolist(), self.sources.teacher(samples[places]), strict=True))
        return samples, np.stack([self._target(active, heard.get(i)) for i, active in enumerate(actives)])

    def _draw(self, epoch: int, batch: int, row: int) -> tuple[np.ndarray, np.ndarray | None, bool]:
        """A window, who speaks in it where that is known, and whether the teacher is to hear it."""
        rng = np.random.default_rng([self.seed, epoch, batch, row])
        source = [self.sources.mixer, self.sources.labelled, self.sources.unlabelled][rng.choice(3, p=self._shares)]
        assert source is not None
        wave, active = source.window(rng)
        asked = active is None or (self.sources.teacher is not None and rng.random() < self.config.teacher_share)
        return wave.astype(np.int16), active, asked

    def _target(self, active: np.ndarray | None, heard: np.ndarray | None) -> np.ndarray:
        """What is to be said of a window, of which the truth is known, or what the teacher heard, or both."""
        if active is None:
            assert heard is not None
            return heard
        target = one_hot(*true_classes(active, self.powerset), len(self.powerset))
        if heard is None:
            return target
        counts = target.any(1, keepdims=True)  # frames that the truth leaves out stay so
        weight = self.config.teacher_weight
        return (1 - weight) * target + weight * matched(heard, target, self.powerset) * counts


class WindowEpoch(Dataset[tuple[Tensor, Tensor]]):
    """Item i is batch i of an epoch."""

    def __init__(self, batches: WindowBatches, epoch: int, rows: range) -> None:
        self.batches = batches
        self.epoch = epoch
        self.rows = rows

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
        waves, targets = self.batches.windows(self.epoch, i, self.rows)
        return torch.from_numpy(waves), torch.from_numpy(targets.astype(np.float16))
