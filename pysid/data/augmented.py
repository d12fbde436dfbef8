"""Training batches made harder while they are read: other speeds, noise and rooms, masks.

The reading process draws what files are needed for, the device does the rest. All draws are functions of the seed, the
epoch and the batch, so that a training that was killed goes on with the very same ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from pysid.augment import Augmenter, Corruption, SpecAugment, SpeedPerturb, speed_labels
from pysid.data.batches import ChunkBatches, EpochDataset
from pysid.errors import DataError
from pysid.progress import say

# What a generator is for, the last of the numbers that seed it; the plan of chunks draws from [seed, epoch].
CORRUPTIONS, ON_DEVICE = 1, 2


@dataclass(frozen=True)
class AugmentedInputs:
    """The chunks of a batch, and what will be done to them on the device.

    Attributes:
        chunks: (b, S) clean waveforms, or (b, T, D) features.
        key: seed, epoch, batch and process, from which the rest is drawn on the device.
        corruptions: one for each chunk, without its noise; none where nothing is corrupted.
        noises: (n, S) of the rows `noisy`. Passed on from another process, one tensor costs half of n arrays.
    """

    chunks: Tensor
    key: tuple[int, ...]
    corruptions: Sequence[Corruption] = ()
    noises: Tensor | None = None
    noisy: Sequence[int] = ()

    @classmethod
    def pack(cls, chunks: Tensor, key: tuple[int, ...], corruptions: Sequence[Corruption]) -> Self:
        drawn = {row: c.noise for row, c in enumerate(corruptions) if c.noise is not None}
        noises = torch.from_numpy(np.stack(list(drawn.values()))) if drawn else None
        return cls(chunks, key, [replace(c, noise=None) for c in corruptions], noises, list(drawn))

    def unpack(self) -> list[Corruption]:
        """The corruptions with their noises."""
        whole = list(self.corruptions)
        for row, noise in zip(self.noisy, () if self.noises is None else self.noises.numpy(), strict=True):
            whole[row] = replace(whole[row], noise=noise)
        return whole

    def to(self, device: torch.device, non_blocking: bool = False) -> "AugmentedInputs":
        """With the chunks there; the noises follow when they are rendered."""
        return replace(self, chunks=self.chunks.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> "AugmentedInputs":
        return replace(self, chunks=self.chunks.pin_memory())


class AugmentedBatches:
    """`ChunkBatches` with any of: other speeds, each a class of its own; noise, music, babble, rooms; masks.

    In corrupted audio the voiced frames are those of the chunk before it was corrupted, as in Kaldi's recipes, where
    augmented copies have the VAD of the clean recording.

    Args:
        batches: of audio for the first two, else of features.
        n_speakers: classes of `batches`.
    """

    def __init__(
        self,
        batches: ChunkBatches,
        n_speakers: int,
        *,
        augmenter: Augmenter | None = None,
        speed: SpeedPerturb | None = None,
        masks: SpecAugment | None = None,
    ) -> None:
        self.batches = batches
        self.n_speakers = n_speakers
        self.augmenter = augmenter
        self.speed = speed
        self.masks = masks

    @property
    def n_batches(self) -> int:
        return self.batches.n_batches

    def epoch(self, epoch: int, process: int = 0, n_processes: int = 1) -> "AugmentedEpoch":
        """As of `ChunkBatches`; each process draws for its own share."""
        key = (self.batches.plan.seed, epoch, process)
        return AugmentedEpoch(self.batches.epoch(epoch, process, n_processes), self.augmenter, key)

    def describe(self, epoch: int, batch: int) -> str:
        return self.batches.describe(epoch, batch)

    @torch.no_grad()
    def to_features(self, inputs: AugmentedInputs, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Features (b, T, D) and classes (b,) in [0, n_speakers * speeds)."""
        rng = np.random.default_rng([*inputs.key, ON_DEVICE])
        chunks, source = inputs.chunks, self.batches.source
        if self.speed is not None:
            chunks, speed = _at_speeds(self.speed, chunks, rng)
            labels = speed_labels(labels, speed, self.speed.config.factors, self.n_speakers)
        if self.augmenter is None:
            features = source.to_features(chunks)
        else:
            features = source.to_features(self.augmenter.render(chunks, None, inputs.unpack()), clean=chunks)
        return features if self.masks is None else self.masks(features, None, rng), labels


class AugmentedEpoch(Dataset[tuple[Any, Tensor]]):
    """Item i is batch i of an epoch: `AugmentedInputs` and labels (b,); where none can be read, as `EpochDataset`.

    A recording to corrupt with that cannot be read is said on standard error, once, and leaves its chunk clean.

    Args:
        key: seed, epoch and process.
    """

    def __init__(self, clean: EpochDataset, augmenter: Augmenter | None, key: tuple[int, int, int]) -> None:
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
        key = (*self.key, i)
        rng = np.random.default_rng([*key, CORRUPTIONS])
        corruptions = [] if self.augmenter is None else [self._draw(chunks.shape[1], rng) for _ in chunks]
        return AugmentedInputs.pack(chunks, key, corruptions), labels

    def _draw(self, n_samples: int, rng: np.random.Generator) -> Corruption:
        assert self.augmenter is not None
        try:
            return self.augmenter.draw(n_samples, rng)
        except DataError as error:
            if str(error) not in self._reported:
                self._reported.add(str(error))
                say(f"augmenting without {error}")
            return Corruption()


def _at_speeds(perturb: SpeedPerturb, wave: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Waves (b, S) at drawn speeds, (b, S) too: the end is cut off, or the beginning repeated; and the speeds (b,)."""
    changed, lengths, speed = perturb(wave, None, rng)
    index = torch.arange(wave.shape[1], device=wave.device) % lengths[:, None]
    return changed.gather(1, index), speed
