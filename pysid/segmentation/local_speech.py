"""Who speaks in each window of a recording: runs a segmentation network on a recording that comes in blocks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pysid.segmentation.protocol import FrameGrid, Overlapping, SegmentationNetwork
from pysid.segments import Segment

BATCH = 8  # windows that go through the network together
SHORTEST_S = 0.25  # of a window: a shorter recording gets silence at its end


@dataclass(frozen=True, eq=False)
class LocalSpeech:
    """The local speakers of W windows.

    Frame k of window w is frame `starts[w] + k` of the recording, and stands for the `step_s` seconds from
    `first_s + (starts[w] + k) step_s` on.

    Attributes:
        grid: `step_s` and `first_s`.
        starts: (W,) int, ascending.
        active: (W, F, S) bool: who speaks. F is the same for all windows.
        duration_s: of the recording.
    """

    grid: FrameGrid
    starts: np.ndarray
    active: np.ndarray
    duration_s: float

    @property
    def n_frames(self) -> int:
        """Of the recording."""
        return int(self.starts[-1]) + self.active.shape[1] if len(self.starts) else 0

    @property
    def windows_at_once(self) -> float:
        """How many windows an instant is in, on average."""
        return len(self.starts) * self.active.shape[1] / max(self.n_frames, 1)

    @property
    def clean(self) -> np.ndarray:
        """(W, F, S) bool: who speaks alone."""
        return np.asarray(self.active & (self.active.sum(-1, keepdims=True) == 1))

    def on_grid(self, segments: Sequence[Segment]) -> np.ndarray:
        """(T,) bool: the frames of the recording whose middle lies in one of the segments, in order, disjoint."""
        middles_s = self.grid.first_s + (np.arange(self.n_frames) + 0.5) * self.grid.step_s
        edges = np.array([(x.start_s, x.end_s) for x in segments]).reshape(-1)
        return np.asarray(np.searchsorted(edges, middles_s, "right") % 2 == 1)

    def within(self, segments: Sequence[Segment]) -> np.ndarray:
        """(W, F) bool: likewise, of each window's frames."""
        inside = self.on_grid(segments)
        return np.asarray(inside[self.starts[:, None] + np.arange(self.active.shape[1])])

    def times_s(self, window: int) -> tuple[float, float]:
        """Start and end of a window."""
        start_s = self.grid.first_s + float(self.starts[window]) * self.grid.step_s
        return start_s, start_s + self.active.shape[1] * self.grid.step_s


class Segmenter:
    """Runs a network over the windows of a recording whose input frames come in pieces.

    An input frame is a sample where the network reads samples, else a frame of features. The last window is moved
    back, so that it ends with the recording; a recording shorter than a window is one shorter window.

    Args:
        shift_s: from the start of a window to that of the next, at most the length of one; rounded to the network's
            frames, or to places from which its windows share work.
    Raises:
        ValueError: a longer shift, which leaves out what lies between windows.
    """

    def __init__(self, network: SegmentationNetwork, shift_s: float) -> None:
        self.network = network
        rate = network.sample_rate if network.features is None else network.sample_rate / network.features.shift_samples
        grid = network.grid
        self._rate = rate
        self._step = max(1, round(grid.step_s * rate))  # input frames to a frame of the network
        self._size = round(grid.window_s * rate)
        alignment = network.alignment if isinstance(network, Overlapping) else 1
        grid.check_shift(shift_s)
        steps = min(round(shift_s / grid.step_s / alignment), grid.window_frames // alignment)
        self._shift = max(1, steps) * alignment  # frames of the network
        self._held: Tensor | None = None  # input frames from `_first` on
        self._first = 0
        self._next = 0  # start of the next window, in frames of the network
        self._starts: list[int] = []
        self._active: list[np.ndarray] = []

    def feed(self, frames: Tensor) -> None:
        """The next input frames: samples (N,) at int16 scale, or features (N, D)."""
        self._held = frames if self._held is None else torch.cat([self._held, frames])
        while (self._next + (BATCH - 1) * self._shift) * self._step + self._size <= self._end:
            self._run([self._next + i * self._shift for i in range(BATCH)])
        keep = max(0, min(self._next * self._step, self._end - 2 * self._size) - self._first)
        self._held, self._first = self._held[keep:], self._first + keep

    def finish(self) -> LocalSpeech:
        """The local speakers, once all of the recording has been fed."""
        end = self._end
        starts = []
        while self._next * self._step + self._size <= end:
            starts.append(self._next)
            self._next += self._shift
        last = max(0, end - self._size) // self._step
        if end and (not (known := self._starts + starts) or last > known[-1]):
            starts.append(last)
        for i in range(0, len(starts), BATCH):
            self._run(starts[i : i + BATCH])
        n_speakers = self.network.powerset.n_speakers
        active = np.concatenate(self._active) if self._active else np.zeros((0, 0, n_speakers), bool)
        return LocalSpeech(self.network.grid, np.array(self._starts, np.int64), active, end / self._rate)

    @property
    def _end(self) -> int:
        return self._first + (0 if self._held is None else len(self._held))

    @torch.inference_mode()
    def _run(self, starts: Sequence[int]) -> None:
        assert self._held is not None
        places = [start * self._step - self._first for start in starts]
        if isinstance(self.network, Overlapping) and self._first + len(self._held) >= self._size:
            stretch = self._held[places[0] : places[-1] + self._size]
            said = self.network.over(stretch, [place - places[0] for place in places], self._size)
        else:
            said = self.network(self._filled([self._held[place:][: self._size] for place in places]))
        self._active.append(self.network.powerset.active(said.argmax(-1).cpu().numpy()))
        self._starts += starts
        self._next = starts[-1] + self._shift

    def _filled(self, windows: Sequence[Tensor]) -> Tensor:
        """Windows of one length together; those that are too short for a network end in silence."""
        batch = torch.stack(list(windows))
        missing = round(SHORTEST_S * self._rate) - batch.shape[1]
        if missing > 0:
            batch = torch.cat([batch, batch.new_zeros(len(batch), missing, *batch.shape[2:])], 1)
        return batch
