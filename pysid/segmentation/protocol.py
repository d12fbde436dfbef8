"""What callers need from a network of local segmentation, ours or another toolkit's."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from torch import Tensor

from pysid.frontend import FbankConfig
from pysid.segmentation.powerset import Powerset


@dataclass(frozen=True)
class FrameGrid:
    """Times of a network's output frames.

    Frame k of a window stands for `[first_s + k step_s, first_s + (k + 1) step_s)` from the window's start. Windows
    start at multiples of `step_s`, so that the frames of all windows of a recording lie on one grid.

    Attributes:
        step_s: from one frame to the next.
        first_s: where the first frame begins; above 0 where a network without padding sees some samples before it.
        window_s: length of the windows that the network was made for; it takes shorter ones.
    """

    step_s: float = 0.02
    first_s: float = 0.0
    window_s: float = 10.0

    def __post_init__(self) -> None:
        if not (0 < self.step_s <= self.window_s < float("inf") and 0 <= self.first_s < self.window_s):
            raise ValueError(f"expected 0 < step_s <= window_s and 0 <= first_s < window_s, got {self}")

    def check_shift(self, shift_s: float) -> None:
        """Raises ValueError where windows that start so many seconds apart leave out what lies between them."""
        if not 0 < shift_s <= self.window_s:
            raise ValueError(f"shift_s must be at most the network's window of {self.window_s:g} s, got {shift_s:g}")

    @property
    def window_frames(self) -> int:
        """Frames of a window; what is before the first is missing after the last, too."""
        return max(1, int((self.window_s - 2 * self.first_s) / self.step_s + 1e-6))


class SegmentationNetwork(Protocol):
    """Who speaks when within windows.

    Attributes:
        grid: times of its frames.
        powerset: what its classes stand for.
        sample_rate: of the audio, in Hz.
        features: what it reads: features before CMVN, in frames from the first sample on (snip_edges off); None where
            it reads samples at int16 scale.
    """

    grid: FrameGrid
    powerset: Powerset
    sample_rate: int
    features: FbankConfig | None

    def __call__(self, windows: Tensor) -> Tensor:
        """(B, F, K) log-probabilities of classes, of windows of one length: samples (B, S) or features (B, T, D).

        The result is float32 on the CPU; inputs may be on any device. Each window is heard by itself: what else is in
        the batch changes nothing. The network itself takes care of levels, means and the like.
        """


@runtime_checkable
class Overlapping(Protocol):
    """What a network has besides, if it shares work between windows that overlap.

    Attributes:
        alignment: frames of the grid; windows that start at multiples of it can share.
    """

    @property
    def alignment(self) -> int:
        """As the class says."""
        ...

    def over(self, stretch: Tensor, starts: Sequence[int], size: int) -> Tensor:
        """What a call gives, (B, F, K), of windows that overlap.

        Args:
            stretch: input frames that hold all of them.
            starts: their first frames in it.
            size: frames of each.
        """
        ...
