"""Pauses at changes of speakers.

Short pauses are bridged before windows are cut, since a speaker's turn goes on over them. Where the next speaker begins
after a pause, though, the pause is nobody's, and the border belongs there.
"""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise

from pysid.segments import Segment, Turn

TOLERANCE_S = 1e-6


def pauses_between(segments: Sequence[Segment]) -> list[Segment]:
    """What lies between segments that are in order and apart.

    >>> pauses_between([Segment(0, 1), Segment(3, 4), Segment(4.5, 6)])
    [Segment(start_s=1, end_s=3), Segment(start_s=4, end_s=4.5)]
    """
    return [Segment(a.end_s, b.start_s) for a, b in pairwise(segments)]


def snap_to_pauses(turns: Sequence[Turn], pauses: Sequence[Segment], reach_s: float) -> list[Turn]:
    """Moves borders between speakers to the pause nearest to each, which becomes nobody's.

    Args:
        turns: in order of their starts; a border is where one ends and the next, of another speaker, starts.
        pauses: in order and apart.
        reach_s: a border farther than this from any pause stays. So does one that would leave a turn nothing.

    >>> turns = [Turn(Segment(0.0, 5.6), "anna"), Turn(Segment(5.6, 9.0), "ben")]
    >>> [(turn.segment.start_s, turn.segment.end_s) for turn in snap_to_pauses(turns, [Segment(5.0, 5.5)], 0.25)]
    [(0.0, 5.0), (5.5, 9.0)]
    """
    snapped = list(turns)
    for i, (turn, following) in enumerate(pairwise(turns)):
        border_s = turn.segment.end_s
        if turn.speaker == following.speaker or abs(following.segment.start_s - border_s) > TOLERANCE_S:
            continue
        pause = _nearest(pauses, border_s)
        if pause is None or _distance(pause, border_s) > reach_s:
            continue
        start_s = snapped[i].segment.start_s
        if start_s < pause.start_s and pause.end_s < following.segment.end_s:
            snapped[i] = Turn(Segment(start_s, pause.start_s), turn.speaker)
            snapped[i + 1] = Turn(Segment(pause.end_s, following.segment.end_s), following.speaker)
    return snapped


def _nearest(pauses: Sequence[Segment], time_s: float) -> Segment | None:
    place = bisect_left(pauses, time_s, key=lambda pause: pause.end_s)
    return min(pauses[max(0, place - 1) : place + 1], key=lambda pause: _distance(pause, time_s), default=None)


def _distance(pause: Segment, time_s: float) -> float:
    return max(pause.start_s - time_s, time_s - pause.end_s, 0.0)
