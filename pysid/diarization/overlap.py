"""Overlapped speech: windows in which a second speaker talks too, and the turns of these.

A window of two speakers has an embedding that lies between theirs. It is found where a mixture of two speakers'
mean embeddings, with weights that are not negative, comes much nearer to the window's than the mean of its own
speaker does.

This asks a lot of embeddings, and a window across a change of speakers looks the same. Where most of what is found is
no overlap, the error rate rises: with the model that ships with pysid nothing is gained, so measure before use.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pysid.backend.chain import Backend
from pysid.backend.normalize import length_normalize
from pysid.backend.projection import Projection
from pysid.diarization.steps import Clustering, OverlapAssigner, Windows
from pysid.diarization.turns import bridge_gaps, turns_from_windows
from pysid.segments import Turn

MIN_SINE = 1e-3  # two speakers with a smaller angle between them cannot be told apart


@dataclass(frozen=True, kw_only=True)
class OverlapConfig:
    """Settings of `MixtureOverlap`.

    Attributes:
        min_gain: by how much the cosine between the window and the mixture of two speakers must exceed that between
            the window and its own speaker, in [0, 2].
        min_share: weight of the second speaker in the mixture, of both speakers' weights, in [0, 1].
        at_changes: look also at windows beside which, in the same stretch of speech, the main speaker is another.
    """

    kind: Literal["mixture"] = "mixture"
    min_gain: float = 0.1
    min_share: float = 0.3
    at_changes: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.min_gain <= 2:
            raise ValueError(f"min_gain must lie in [0, 2], got {self.min_gain}")
        if not 0 <= self.min_share <= 1:
            raise ValueError(f"min_share must lie in [0, 1], got {self.min_share}")


class MixtureOverlap:
    """An `OverlapAssigner` that compares windows with mixtures of two speakers.

    Args:
        config: settings.
        projection: what is done to embeddings first, such as a back-end's `projection`.
    """

    def __init__(self, config: OverlapConfig, projection: Projection) -> None:
        self.config = config
        self.projection = projection

    def __call__(self, embeddings: np.ndarray, windows: Windows, clustering: Clustering) -> np.ndarray:
        """(N,) int: the second speaker of each window with embedding (N, E), -1 where there is none.

        Raises:
            DataError: embeddings that the projection does not fit, or with a NaN or an infinity.
        """
        labels = clustering.labels
        x = length_normalize(self.projection.transform(embeddings), scale_up=False)
        sums = (labels == np.arange(clustering.n_speakers)[:, None]) @ x
        second, gain, share = best_mixtures(x, length_normalize(sums, scale_up=False), labels)
        found = (gain >= self.config.min_gain) & (share >= self.config.min_share) & (gain > 0)
        if not self.config.at_changes:
            found &= ~_is_beside_change(labels, windows.speech)
        return np.where(found, second, -1)


def make_overlap(config: OverlapConfig, backend: Backend) -> OverlapAssigner:
    """The assigner that a configuration names; of a back-end it takes the projection alone."""
    return MixtureOverlap(config, backend.projection)


def best_mixtures(x: np.ndarray, speakers: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each window's speaker with another one, the mixture nearest to the window.

    With unit vectors x of a window, a and b of the speakers, the mixture u a + v b of largest cosine with x is its
    projection onto their plane, where u and v are positive; elsewhere two speakers explain no more than one.

    Args:
        x: (N, D) windows of length 1, or 0.
        speakers: (S, D) of length 1, or 0.
        labels: (N,) speaker of each window.
    Returns:
        second: (N,) int, the other speaker.
        gain: (N,) cosine of the mixture less that of the window's speaker; 0 where two explain no more.
        share: (N,) v / (u + v), or 0.
    """
    cosines = x @ speakers.T  # (N, S)
    between = (speakers @ speakers.T)[labels]  # (N, S) cosine of a and b
    own = np.take_along_axis(cosines, labels[:, None], axis=1)
    square = np.maximum(1 - between**2, MIN_SINE**2)
    u, v = (own - between * cosines) / square, (cosines - between * own) / square
    is_mixture = (u > 0) & (v > 0) & (square > MIN_SINE**2)
    gains = np.where(is_mixture, np.sqrt(np.maximum(u * own + v * cosines, 0)) - own, 0)
    shares = np.where(is_mixture, v / np.where(is_mixture, u + v, 1), 0)
    second = gains.argmax(axis=1)
    row = np.arange(len(x))
    return second, gains[row, second], shares[row, second]


def with_second_speakers(
    turns: Sequence[Turn], windows: Windows, second: np.ndarray, names: Sequence[str]
) -> list[Turn]:
    """Turns and those of second speakers, in order of time; what a speaker has twice is joined.

    A second speaker gets of a window what `turns_from_windows` gives to the first.

    Args:
        second: (N,) speaker of each window, -1 where there is none.
        names: of the speakers, indexed by `second`.

    >>> windows = Windows(np.array([0.0, 0.75, 1.5]), np.array([1.5, 2.25, 3.0]), np.zeros(3, dtype=int))
    >>> turns = turns_from_windows(windows, [0, 0, 0], ["anna", "ben"])
    >>> for turn in with_second_speakers(turns, windows, np.array([-1, 1, -1]), ["anna", "ben"]):
    ...     print(turn.segment.start_s, turn.segment.end_s, turn.speaker)
    0.0 3.0 anna
    1.125 1.875 ben
    """
    layer = turns_from_windows(windows, second, [*names, ""])  # -1 is the last name
    return bridge_gaps([*turns, *(turn for turn in layer if turn.speaker)], 0.0)


def _is_beside_change(labels: np.ndarray, speech: np.ndarray) -> np.ndarray:
    """(N,) whether the window before or after, in the same stretch of speech, is of another speaker."""
    change = (np.diff(labels) != 0) & (np.diff(speech) == 0)
    return np.append(change, False) | np.append(False, change)
