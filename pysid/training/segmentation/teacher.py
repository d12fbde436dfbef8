"""Another segmentation network to learn from: what it says of a window, on the frames of the network that learns."""

import numpy as np
import torch

from pysid.errors import DataError
from pysid.segmentation.powerset import Powerset
from pysid.segmentation.protocol import FrameGrid, SegmentationNetwork
from pysid.training.segmentation.targets import resampled


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

    def __call__(self, wave: np.ndarray) -> np.ndarray:
        """(F, K) float32 posteriors of a window (S,) at int16 scale."""
        with torch.inference_mode():
            said = self.network(torch.from_numpy(wave.astype(np.float32))[None])[0].exp().numpy()
        own = self.network.grid
        n_frames = round(len(wave) / self.sample_rate / self.grid.step_s)
        middles_s = (np.arange(n_frames) + 0.5) * self.grid.step_s
        return resampled(said, own.first_s + (np.arange(len(said)) + 0.5) * own.step_s, middles_s).astype(np.float32)

    def speech(self, wave: np.ndarray) -> np.ndarray:
        """(F,) bool: where somebody speaks in a clip of any length: exact enough to be the truth of what is mixed."""
        size = round(self.network.grid.window_s * self.sample_rate)
        hop = round(self.grid.step_s * self.sample_rate)
        n_frames = len(wave) // hop
        parts = []
        for start in range(0, max(len(wave), 1), size):
            piece = wave[start : start + size]
            # A short clip is heard to and fro, so that its level stays: the network normalizes what it hears.
            whole = np.resize(np.concatenate([piece, piece[::-1]]), size) if len(piece) else np.zeros(size, np.float32)
            parts.append(self(whole)[: -(-len(piece) // hop), 0])
        return np.concatenate(parts)[:n_frames] < 0.5
