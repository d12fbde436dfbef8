"""Second speakers where a network has heard several at once: of each such moment, who speaks next to it.

It is hard to tell from a moment of two voices who else talks, but people mostly talk over the end or the beginning of
each other's turns. Source: S. Otterson and M. Ostendorf, "Efficient use of overlap information in speaker diarization",
ASRU 2007, where the nearest other speaker is the guess.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pysid.diarization.clean_turns import alone
from pysid.diarization.speech import OverlapRules
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


def with_nearest_speakers(turns: Sequence[Turn], overlap: Sequence[Segment], max_distance_s: float) -> list[Turn]:
    """Turns and those of second speakers where one talks alone and overlap was heard, in order of time.

    Args:
        overlap: where it was heard, in order and disjoint.
        max_distance_s: somebody who speaks no nearer than this is not taken for the second speaker.

    >>> turns = [Turn(Segment(0.0, 4.0), "anna"), Turn(Segment(4.0, 9.0), "ben")]
    >>> for turn in with_nearest_speakers(turns, [Segment(3.0, 3.5)], 5.0):
    ...     print(turn.speaker, turn.segment.start_s, turn.segment.end_s)
    anna 0.0 4.0
    ben 3.0 3.5
    ben 4.0 9.0
    """
    starts_s, ends_s = np.array([(turn.segment.start_s, turn.segment.end_s) for turn in turns]).reshape(-1, 2).T
    names = np.array([turn.speaker for turn in turns], object)
    lone = alone(turns)  # disjoint, so that their ends rise as well
    seconds = []
    for stretch in overlap:
        for own in lone[bisect_right(lone, stretch.start_s, key=lambda turn: turn.segment.end_s) :]:
            start_s, end_s = max(stretch.start_s, own.segment.start_s), min(stretch.end_s, own.segment.end_s)
            if start_s >= end_s:
                break
            # From each turn to what lies between the two times; 0 where they touch.
            distances_s = np.maximum(np.maximum(starts_s - end_s, start_s - ends_s), 0.0)
            distances_s[names == own.speaker] = np.inf
            nearest = int(distances_s.argmin())
            if distances_s[nearest] <= max_distance_s and distances_s[nearest] < np.inf:  # somebody else speaks
                seconds.append(Turn(Segment(start_s, end_s), names[nearest]))
    return bridge_gaps([*turns, *seconds], 0.0)
