"""Another segmentation network to learn from: what it says of a window, on the frames of the network that learns."""

from collections.abc import Sequence

import numpy as np
import torch

from pysid.errors import DataError
from pysid.segmentation.powerset import Powerset
from pysid.segmentation.protocol import FrameGrid, SegmentationNetwork
from pysid.training.segmentation.targets import resampled

AT_ONCE = 16  # pieces of clips


class Teacher:
    """Posteriors of another network.

    Args:
        network: reads samples; its speakers and sets are those of the network that learns.
        grid: the frames of that one.
        powerset: its sets.
        sample_rate: of the windows, in Hz.
    Raises:
        DataError: the network is of another kind.
    """

    def __init__(self, network: SegmentationNetwork, grid: FrameGrid, powerset: Powerset, sample_rate: int) -> None:
        if network.features is not None:
            raise DataError("expected a teacher that reads samples, got one that reads features")
        if network.powerset != powerset:
            raise DataError(f"expected a teacher of {powerset}, got one of {network.powerset}")
        if network.sample_rate != sample_rate:
            raise DataError(f"expected a teacher for {sample_rate} Hz, got one for {network.sample_rate} Hz")
        if network.grid.window_s < grid.window_s:
            raise DataError(
                f"expected a teacher for windows of {grid.window_s:g} s, got one for {network.grid.window_s:g} s"
            )
        self.network = network
        self.grid = grid
        self.sample_rate = sample_rate

    def __call__(self, waves: np.ndarray) -> np.ndarray:
        """(B, F, K) float32 posteriors of windows (B, S) at int16 scale; many at once take less time."""
        with torch.inference_mode():
            said = self.network(torch.from_numpy(waves.astype(np.float32))).exp().numpy()
        own = self.network.grid
        n_frames = round(waves.shape[1] / self.sample_rate / self.grid.step_s)
        middles_s = (np.arange(n_frames) + 0.5) * self.grid.step_s
        at_s = own.first_s + (np.arange(said.shape[1]) + 0.5) * own.step_s
        return np.stack([resampled(each, at_s, middles_s) for each in said]).astype(np.float32)

    def speech(self, waves: Sequence[np.ndarray]) -> list[np.ndarray]:
        """(F,) bool each: where somebody speaks in clips of any length: exact enough to be the truth of mixtures."""
        size = round(self.network.grid.window_s * self.sample_rate)
        hop = round(self.grid.step_s * self.sample_rate)
        pieces = [wave[start : start + size] for wave in waves for start in range(0, len(wave), size)]
        said: list[np.ndarray] = []
        for first in range(0, len(pieces), AT_ONCE):
            some = pieces[first : first + AT_ONCE]
            # A short clip is heard to and fro, so that its level stays: the network normalizes what it hears.
            heard = self(np.stack([np.resize(np.concatenate([piece, piece[::-1]]), size) for piece in some]))
            said += [own[: len(piece) // hop, 0] < 0.5 for own, piece in zip(heard, some, strict=True)]
        ends = np.cumsum([-(-len(wave) // size) for wave in waves])
        return [
            np.concatenate([np.zeros(0, bool), *said[end - -(-len(wave) // size) : end]])
            for wave, end in zip(waves, ends, strict=True)
        ]
