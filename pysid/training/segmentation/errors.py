"""How far a segmentation network is off within single windows: what no clustering could make good."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from pysid.segmentation.protocol import SegmentationNetwork
from pysid.training.segmentation.recordings import Recordings


@dataclass(frozen=True)
class LocalErrors:
    """Frames, summed over speakers: add up those of windows, then `rates` tells the error rate and its parts."""

    missed: int = 0
    false_alarm: int = 0
    confused: int = 0
    total: int = 0

    def __add__(self, other: "LocalErrors") -> "LocalErrors":
        return LocalErrors(
            self.missed + other.missed,
            self.false_alarm + other.false_alarm,
            self.confused + other.confused,
            self.total + other.total,
        )

    def rates(self) -> dict[str, float]:
        """As fractions of the speech in the reference."""
        parts = {"missed": self.missed, "false_alarm": self.false_alarm, "confused": self.confused}
        total = max(self.total, 1)
        return {"local_error": sum(parts.values()) / total, **{name: n / total for name, n in parts.items()}}


def local_errors(said: np.ndarray, active: np.ndarray) -> LocalErrors:
    """Of one window: speakers found (F, S) bool against those of the reference (F, N) bool, assigned one to one.

    >>> local_errors(np.array([[1, 0], [0, 0]], bool), np.array([[0, 1], [1, 0]], bool))
    LocalErrors(missed=1, false_alarm=0, confused=0, total=2)
    """
    together = said.T.astype(np.int64) @ active.astype(np.int64)
    rows, columns = linear_sum_assignment(-together)
    right = int(together[rows, columns].sum())
    n_said, n_active = said.sum(1), active.sum(1)
    return LocalErrors(
        missed=int(np.maximum(n_active - n_said, 0).sum()),
        false_alarm=int(np.maximum(n_said - n_active, 0).sum()),
        confused=int(np.minimum(n_said, n_active).sum()) - right,
        total=int(n_active.sum()),
    )


def measure(
    network: SegmentationNetwork, recordings: Recordings, to_input: Callable[[Tensor], Tensor], shift_s: float
) -> LocalErrors:
    """Over windows every `shift_s` of labelled recordings.

    Args:
        to_input: from samples (1, S) to what the network reads.
    """
    total = LocalErrors()
    for recording, first in recordings.spread(max(1, round(shift_s / network.grid.step_s))):
        wave, active = recordings.at(recording, first)
        assert active is not None
        said = network(to_input(torch.from_numpy(wave)[None]))[0].argmax(-1).numpy()
        found = network.powerset.active(said)
        n = min(len(found), len(active))
        total += local_errors(found[:n], active[:n])
    return total
