"""Second speakers where a network has heard several at once: of each such moment, who speaks next to it.

It is hard to tell from a moment of two voices who else talks, but people mostly talk over the end or the beginning of
each other's turns. Source: S. Otterson and M. Ostendorf, "Efficient use of overlap information in speaker diarization",
ASRU 2007, where the nearest other speaker is the guess.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pysid.diarization.speech import OverlapRules, speech_segments
from pysid.diarization.turns import bridge_gaps
from pysid.segments import Segment, Turn


@dataclass(frozen=True, kw_only=True)
class NetworkOverlapConfig(OverlapRules):
    """The network that came with the model finds overlapping speech: see `pysid.activity`.

    Attributes:
        max_distance_s: somebody who speaks no nearer than this is not taken for the second speaker.
    """

    kind: Literal["network"] = "network"
    max_distance_s: float = 5.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.max_distance_s >= 0:
            raise ValueError(f"max_distance_s must not be negative, got {self.max_distance_s}")


def with_nearest_speakers(
    turns: Sequence[Turn], overlap: np.ndarray, shift_s: float, config: NetworkOverlapConfig = NetworkOverlapConfig()
) -> list[Turn]:
    """Turns, none of which overlap, and those of second speakers, in order of time.

    Args:
        overlap: (T,) probability of overlap in each frame.
        shift_s: time from one frame to the next.

    >>> turns = [Turn(Segment(0.0, 4.0), "anna"), Turn(Segment(4.0, 9.0), "ben")]
    >>> overlap = np.repeat([0.0, 1.0, 0.0], [30, 5, 55])  # from 3 to 3.5 s
    >>> for turn in with_nearest_speakers(turns, overlap, 0.1, NetworkOverlapConfig(window_s=0.0)):
    ...     print(turn.speaker, turn.segment.start_s, turn.segment.end_s)
    anna 0.0 4.0
    ben 3.0 3.5
    ben 4.0 9.0
    """
    seconds = []
    for stretch in speech_segments(overlap, shift_s, config.as_speech):
        for turn in turns:
            start_s = max(stretch.start_s, turn.segment.start_s)
            end_s = min(stretch.end_s, turn.segment.end_s)
            if start_s >= end_s:
                continue
            others = [(_distance_s(other.segment, start_s, end_s), other) for other in turns]
            near = min(
                (pair for pair in others if pair[1].speaker != turn.speaker), key=lambda pair: pair[0], default=None
            )
            if near is not None and near[0] <= config.max_distance_s:
                seconds.append(Turn(Segment(start_s, end_s), near[1].speaker))
    return bridge_gaps([*turns, *seconds], 0.0)


def _distance_s(segment: Segment, start_s: float, end_s: float) -> float:
    """From a segment to what lies between two times; 0 where they touch."""
    return max(segment.start_s - end_s, start_s - segment.end_s, 0.0)
