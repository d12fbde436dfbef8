"""What was drawn for the utterances of a batch, and how it travels from the process that drew it to the device."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Corruption:
    """What was drawn for an utterance; with neither response nor noise it stays as it is.

    Attributes:
        kind: of the policy; "clean" without one.
        response: (R,) float32 room response at int16 scale.
        noise: (S,) float32 for speech of unit power, from `noise.add_up`.
    """

    kind: str = "clean"
    response: np.ndarray | None = None
    noise: np.ndarray | None = None


@dataclass(frozen=True)
class CorruptedRows:
    """Rows of a batch that are corrupted together.

    Attributes:
        rows: (n,) which they are.
        response, response_lengths: (n, R) and (n,), or both None.
        noise: (n, S), or None.
    """

    rows: list[int]
    response: Tensor | None
    response_lengths: list[int] | None
    noise: Tensor | None

    @classmethod
    def stack(cls, corruptions: Sequence[Corruption], rows: list[int]) -> "CorruptedRows":
        """The group of those rows' corruptions, responses and noises padded with zeros to the longest."""
        response, lengths = _stack([corruptions[row].response for row in rows])
        noise, _ = _stack([corruptions[row].noise for row in rows])
        return cls(rows, response, lengths, noise)

    def moved(self, move: Callable[[Tensor], Tensor]) -> "CorruptedRows":
        """A copy whose tensors went through `move`, such as onto a device."""
        moved = [None if x is None else move(x) for x in (self.response, self.noise)]
        return replace(self, response=moved[0], noise=moved[1])


@dataclass(frozen=True)
class CorruptionBatch:
    """The corruptions of a batch as a few tensors, the quickest form to send to another process or a GPU.

    Attributes:
        kinds: (B,) kind of each.
        groups: those with a room response, and those with noise alone; empty groups are left out.
    """

    kinds: list[str]
    groups: list[CorruptedRows]

    @classmethod
    def stack(cls, corruptions: Sequence[Corruption]) -> "CorruptionBatch":
        """The batch of one corruption per utterance, sorted into groups that one call renders."""
        in_room = [row for row, c in enumerate(corruptions) if c.response is not None]
        in_noise = [row for row, c in enumerate(corruptions) if c.response is None and c.noise is not None]
        groups = [CorruptedRows.stack(corruptions, rows) for rows in (in_room, in_noise) if rows]
        return cls([c.kind for c in corruptions], groups)

    def to(self, device: torch.device, non_blocking: bool = False) -> "CorruptionBatch":
        """A copy on a device, as torch's `to`."""
        return self._moved(lambda x: x.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> "CorruptionBatch":
        """A copy in pinned memory, from which copies to a GPU run beside other work."""
        return self._moved(Tensor.pin_memory)

    def _moved(self, move: Callable[[Tensor], Tensor]) -> "CorruptionBatch":
        return replace(self, groups=[group.moved(move) for group in self.groups])


def _stack(signals: Sequence[np.ndarray | None]) -> tuple[Tensor | None, list[int] | None]:
    """Signals of any lengths as (n, longest) float32, and their lengths; None where there are none."""
    lengths = [0 if signal is None else len(signal) for signal in signals]
    if not any(lengths):
        return None, None
    batch = np.zeros((len(signals), max(lengths)), np.float32)
    for row, signal in zip(batch, signals, strict=True):
        if signal is not None:
            row[: len(signal)] = signal
    return torch.from_numpy(batch), lengths
