"""Training batches augmented while they are read: other speeds, noise and rooms, telephones, masks.

The reading process does what needs files, the device does the rest. All draws are functions of the seed, the
epoch, the batch and the place in it: a training that was killed resumes with the very same ones, and processes that
share the batches train on what one process would.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from pysid.augment import Augmenter, Corruption, CorruptionBatch, SpecAugment, SpeedPerturb, Telephone, speed_labels
from pysid.errors import DataError
from pysid.progress import say
from pysid.training.embedding.batches import ChunkBatches, EpochDataset

# What a generator is for, the last of the numbers that seed it; the plan of chunks draws from [seed, epoch].
CORRUPTIONS, ON_DEVICE = 1, 2


@dataclass(frozen=True)
class AugmentedInputs:
    """The chunks of a batch, and what will be done to them on the device.

    Attributes:
        chunks: (b, S) clean waveforms, or (b, T, D) features.
        key: seed, epoch and batch, from which the rest is drawn on the device.
        rows: which of the whole batch the chunks are.
        corruptions: one for each chunk; None where nothing is corrupted.
    """

    chunks: Tensor
    key: tuple[int, int, int]
    rows: slice
    corruptions: CorruptionBatch | None = None

    def to(self, device: torch.device, non_blocking: bool = False) -> "AugmentedInputs":
        """A copy on a device, as torch's `to`."""
        return self._moved(lambda x: x.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> "AugmentedInputs":
        """A copy in pinned memory, from which copies to a GPU run beside other work."""
        return self._moved(lambda x: x.pin_memory())

    def _moved(self, move: Callable[[Any], Any]) -> "AugmentedInputs":
        corruptions = None if self.corruptions is None else move(self.corruptions)
        return replace(self, chunks=move(self.chunks), corruptions=corruptions)


class AugmentedBatches:
    """`ChunkBatches` with any of: other speeds, each a class of its own; noise and rooms; telephones; masks.

    Args:
        batches: of audio for all but masks, else of features.
        n_speakers: classes of `batches`.
        clean_vad: the voiced frames of corrupted audio are those of the chunk before it was corrupted, as in Kaldi's
            recipes, where augmented copies have the VAD of the clean recording.
    """

    def __init__(
        self,
        batches: ChunkBatches,
        n_speakers: int,
        *,
        augmenter: Augmenter | None = None,
        speed: SpeedPerturb | None = None,
        telephone: Telephone | None = None,
        masks: SpecAugment | None = None,
        clean_vad: bool = True,
    ) -> None:
        self.batches = batches
        self.n_speakers = n_speakers
        self.augmenter = augmenter
        self.speed = speed
        self.telephone = telephone
        self.masks = masks
        self.clean_vad = clean_vad

    @property
    def n_batches(self) -> int:
        """Batches an epoch."""
        return self.batches.n_batches

    def epoch(self, epoch: int, process: int = 0, n_processes: int = 1) -> "AugmentedEpoch":
        """As of `ChunkBatches`.

        Args:
            epoch: its number, from which all is drawn.
            process: number of this process, from 0.
            n_processes: among how many batches are shared.
        """
        clean = self.batches.epoch(epoch, process, n_processes)
        return AugmentedEpoch(clean, self.augmenter, (self.batches.plan.seed, epoch))

    def describe(self, epoch: int, batch: int) -> str:
        """Names of the first utterances in a batch, for a message about it."""
        return self.batches.describe(epoch, batch)

    @torch.no_grad()
    def to_features(self, inputs: AugmentedInputs, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Features (b, T, D) and classes (b,) in [0, n_speakers * speeds).

        Raises:
            DataError: none of the chunks has speech.
        """
        clean_labels = labels
        rng = np.random.default_rng([*inputs.key, ON_DEVICE])
        chunks, source, n_whole = inputs.chunks, self.batches.source, self.batches.plan.config.batch_size
        if self.speed is not None:
            chunks, speed = _at_speeds(self.speed, chunks, self.speed.draw(n_whole, rng)[inputs.rows])
            labels = speed_labels(labels, speed, self.speed.config.factors, self.n_speakers)
        heard = chunks
        if self.augmenter is not None and inputs.corruptions is not None:
            heard = self.augmenter.render(chunks, None, inputs.corruptions)
        if self.telephone is not None:
            heard = self.telephone.apply_drawn(heard, None, self.telephone.draw(n_whole, rng)[inputs.rows])
        features = source.to_features(heard, clean=chunks if self.clean_vad and heard is not chunks else None)
        rows = self.batches.spoken_rows(features, clean_labels)
        if rows is not None:
            features, labels = features[rows], labels[rows]
        if self.masks is not None:
            features = self.masks.apply_drawn(features, None, self.masks.draw(n_whole, rng)[inputs.rows])
        return features, labels


class AugmentedEpoch(Dataset[tuple[Any, Tensor]]):
    """Item i is batch i of an epoch: `AugmentedInputs` and labels (b,); where none can be read, as `EpochDataset`.

    A noise or response that cannot be read is reported on standard error, once, and its chunk stays clean.

    Args:
        key: seed and epoch.
    """

    def __init__(self, clean: EpochDataset, augmenter: Augmenter | None, key: tuple[int, int]) -> None:
        self.clean = clean
        self.augmenter = augmenter
        self.key = key
        self._reported: set[str] = set()

    def __len__(self) -> int:
        return len(self.clean)

    def __getitem__(self, i: int) -> tuple[Any, Tensor]:
        chunks, labels = self.clean[i]
        if isinstance(chunks, DataError):
            return chunks, labels
        key, rows = (*self.key, i), self.clean.rows
        places = range(self.clean.batches.plan.config.batch_size)[rows]
        corruptions = None
        if self.augmenter is not None:
            generators = (np.random.default_rng([*key, place, CORRUPTIONS]) for place in places)
            corruptions = CorruptionBatch.stack([self._draw(chunks.shape[1], rng) for rng in generators])
        return AugmentedInputs(chunks, key, rows, corruptions), labels

    def _draw(self, n_samples: int, rng: np.random.Generator) -> Corruption:
        assert self.augmenter is not None
        try:
            return self.augmenter.draw(n_samples, rng)
        except DataError as error:
            if str(error) not in self._reported:
                self._reported.add(str(error))
                say(f"augmenting without {error}")
            return Corruption()


def _at_speeds(perturb: SpeedPerturb, wave: Tensor, drawn: np.ndarray) -> tuple[Tensor, Tensor]:
    """Waves (b, S) at drawn speeds, (b, S) too: ends cut off, or beginnings repeated; and the speeds (b,)."""
    changed, lengths, speed = perturb.apply_drawn(wave, None, drawn)
    index = torch.arange(wave.shape[1], device=wave.device) % lengths[:, None]
    return changed.gather(1, index), speed
