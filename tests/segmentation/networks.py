"""A network of local segmentation that needs no training: it hears what is written into the samples."""

import numpy as np
import torch
from torch import Tensor

from pysid.segmentation import FrameGrid, Powerset

RATE = 100  # Hz
STEP = 10  # samples


class Readable:
    """Each stretch of `STEP` samples has the number of its class; local speakers are numbered as they first speak."""

    features = None
    sample_rate = RATE

    def __init__(self, window_s: float = 4.0) -> None:
        self.grid = FrameGrid(STEP / RATE, 0.0, window_s)
        self.powerset = Powerset(3, 2)
        self.heard: list[np.ndarray] = []

    def __call__(self, windows: Tensor) -> Tensor:
        codes = windows[:, ::STEP].round().long().numpy()  # bits: who of the recording speaks
        rows = [self._local(row) for row in codes]
        self.heard += list(codes)
        return (
            torch.nn.functional.one_hot(torch.from_numpy(np.stack(rows)), len(self.powerset))
            .float()
            .clamp(min=1e-6)
            .log()
        )

    def _local(self, codes: np.ndarray) -> np.ndarray:
        speakers = [s for s in range(8) if ((codes >> s) & 1).any()]
        speakers.sort(key=lambda s: int(((codes >> s) & 1).argmax()))
        active = np.stack([(codes >> s) & 1 for s in speakers[:3]] or [codes * 0], -1)
        padded = np.pad(active, ((0, 0), (0, 3 - active.shape[1])))
        return self.powerset.classes(padded.astype(bool))


def wave(codes: list[int]) -> np.ndarray:
    """Samples in which `codes` are written, one a frame."""
    return np.repeat(np.array(codes, np.float32), STEP)
