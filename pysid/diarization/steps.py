"""What the steps of diarization hand to each other: windows, the number of speakers, clusterings.

Every step is an object that is called with arrays and gives one of these, so each can be replaced by any other
that keeps to its protocol.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Protocol, TypedDict

import numpy as np

from pysid.segments import Segment, Turn


@dataclass(frozen=True, eq=False)
class Windows:
    """The N pieces of speech that get an embedding each, in order of time within their stretch of speech.

    Attributes:
        start_s: (N,) seconds; end_s: (N,) seconds, exclusive.
        speech: (N,) which stretch of speech each lies in, counted from 0, never falling.
        apart: (N,) int, or None: those of one number are known to be of different speakers.
        speech_s: (N,) seconds of speech that each stands for, or None: all of it.
    """

    start_s: np.ndarray
    end_s: np.ndarray
    speech: np.ndarray
    apart: np.ndarray | None = None
    speech_s: np.ndarray | None = None

    def __post_init__(self) -> None:
        if not len(self.start_s) == len(self.end_s) == len(self.speech):
            raise ValueError(
                f"windows need as many starts as ends and indices, got {len(self.start_s)}, {len(self.end_s)} and "
                f"{len(self.speech)}"
            )

    def __len__(self) -> int:
        return len(self.start_s)

    def chosen(self, which: slice | np.ndarray) -> "Windows":
        """Some of them."""
        apart, speech_s = (None if x is None else x[which] for x in (self.apart, self.speech_s))
        return Windows(self.start_s[which], self.end_s[which], self.speech[which], apart, speech_s)

    @property
    def centre_s(self) -> np.ndarray:
        """(N,) seconds."""
        return (self.start_s + self.end_s) / 2


@dataclass(frozen=True)
class SpeakerCount:
    """How many speakers a recording may have: known, bounded, or (maximum None) to be found.

    Raises:
        TypeError: a number that is no whole number; NumPy's integers are.
        ValueError: not 1 <= minimum <= maximum.

    >>> SpeakerCount.exactly(4).given
    4
    >>> SpeakerCount(maximum=6).clip(9)
    6
    """

    minimum: int = 1
    maximum: int | None = None

    def __post_init__(self) -> None:
        for n in (self.minimum, self.maximum):
            if n is not None and (isinstance(n, bool) or not isinstance(n, Integral)):
                raise TypeError(f"numbers of speakers must be whole numbers, got {n!r}")
        if self.minimum < 1 or (self.maximum is not None and self.maximum < self.minimum):
            raise ValueError(f"expected 1 <= minimum <= maximum speakers, got {self.minimum} and {self.maximum}")

    @classmethod
    def exactly(cls, n: int) -> "SpeakerCount":
        """A number that is known."""
        return cls(n, n)

    @property
    def given(self) -> int | None:
        """The number, where only one is allowed."""
        return self.minimum if self.minimum == self.maximum else None

    def clip(self, n: int) -> int:
        """The allowed number nearest to `n`."""
        return max(self.minimum, n if self.maximum is None else min(n, self.maximum))


ANY_NUMBER = SpeakerCount()


@dataclass(frozen=True, eq=False)
class Clustering:
    """Who speaks in each window.

    Attributes:
        labels: (N,) int, speakers counted from 0, by a clusterer in the order of their first windows.
        posteriors: (N, S) probability of each speaker, where the clusterer has them.
    """

    labels: np.ndarray
    posteriors: np.ndarray | None = None

    @property
    def n_speakers(self) -> int:
        """How many there are; 0 without windows."""
        return int(self.labels.max()) + 1 if len(self.labels) else 0

    @classmethod
    def in_order(cls, labels: np.ndarray, posteriors: np.ndarray | None = None) -> "Clustering":
        """Numbers any labels (N,) by first appearance; columns of posteriors (N, S) are indexed by them.

        Speakers that no window is labelled with lose their column.

        >>> Clustering.in_order(np.array([7, 7, 2, 7])).labels
        array([0, 0, 1, 0])
        """
        values, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
        order = np.argsort(first)
        rank = np.empty(len(values), dtype=np.int64)
        rank[order] = np.arange(len(values))
        return cls(rank[inverse.reshape(-1)], None if posteriors is None else posteriors[:, values[order]])


class Affinity(Protocol):
    """How alike windows are."""

    def __call__(self, embeddings: np.ndarray) -> np.ndarray:
        """(N, N) float32 of embeddings (N, E): symmetric, higher is more alike."""


class Clusterer(Protocol):
    """Who speaks in each window."""

    def __call__(self, embeddings: np.ndarray, windows: Windows, count: SpeakerCount) -> Clustering:
        """Clusters embeddings (N, E), N >= 1, of `windows`."""


class Resegmenter(Protocol):
    """Moves the borders of turns to where the frames say they are."""

    def __call__(self, features: np.ndarray, shift_s: float, speech: list[Segment], turns: list[Turn]) -> list[Turn]:
        """New turns within `speech`, of features (T, D) before CMVN, a frame every `shift_s` seconds."""


class SpeechFinder(Protocol):
    """Finds where somebody speaks."""

    def __call__(self, features: np.ndarray, shift_s: float) -> Sequence[Segment]:
        """Stretches of speech, of features (T, D) before CMVN, a frame every `shift_s` seconds."""


class WindowCutter(Protocol):
    """Cuts stretches of speech into the pieces that get an embedding each."""

    def __call__(self, speech: Sequence[Segment]) -> Windows:
        """Windows within `speech`, which is in order of time and does not overlap."""


class OverlapAssigner(Protocol):
    """Finds windows in which a second speaker talks too."""

    def __call__(self, embeddings: np.ndarray, windows: Windows, clustering: Clustering) -> np.ndarray:
        """(N,) int: the second speaker of each window, -1 where there is none."""


class Steps(TypedDict, total=False):
    """Objects that do steps of diarization in place of those that the settings name."""

    speech: SpeechFinder
    windows: WindowCutter
    affinity: Affinity
    clusterer: Clusterer
    resegmenter: Resegmenter
    overlap: OverlapAssigner


UNIFORM_ONLY = ("speech", "windows", "resegmenter", "overlap")  # where windows are local, one network does these


def check_steps(steps: Steps, local: bool) -> None:
    """Checks that all steps exist.

    Args:
        local: windows are of the kind "local".
    Raises:
        TypeError: there is no such step, or it cannot be called.
        ValueError: a step that is not done where windows are local.
    """
    for name, step in steps.items():
        if name not in Steps.__annotations__:
            raise TypeError(f"there is no step {name!r}; the steps are {', '.join(Steps.__annotations__)}")
        if not callable(step):
            raise TypeError(f"the step {name!r} must be an object that can be called, got {type(step).__name__}")
        if local and name in UNIFORM_ONLY:
            raise ValueError(f"the network of local windows does the step {name!r}; set windows.kind to uniform")
