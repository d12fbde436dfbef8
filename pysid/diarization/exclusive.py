"""Turns in which one speaker talks at a time, as transcripts and readers of tables want them."""

from collections.abc import Callable, Sequence
from itertools import pairwise

from pysid.segments import Segment, Turn


def exclusive(turns: Sequence[Turn]) -> list[Turn]:
    """The turns without overlap: where several talk, the time goes to the speaker who continues, whose turn ends last.

    So whoever breaks in and carries on has the floor at once, and whoever says "mhm" in another's turn never has it.
    Together the result covers exactly the time that the turns do. It is in order of time; pieces of a turn that touch
    are one.

    >>> turns = [Turn(Segment(0.0, 5.0), "anna"), Turn(Segment(1.0, 1.5), "ben"), Turn(Segment(4.0, 9.0), "ben")]
    >>> [(turn.segment.start_s, turn.segment.end_s, turn.speaker) for turn in exclusive(turns)]
    [(0.0, 4.0, 'anna'), (4.0, 9.0, 'ben')]
    """
    return one_at_a_time(turns, _who_goes_on)


def one_at_a_time(turns: Sequence[Turn], choose: Callable[[Sequence[Turn]], str | None]) -> list[Turn]:
    """Turns of which no two overlap, in order of time: what `choose` makes of the turns at each moment.

    Args:
        choose: who of these turns, one or more, is the speaker; None leaves the moment out.
    """
    ordered = sorted(turn for turn in turns if turn.segment.duration_s > 0)
    edges_s = sorted({time for turn in ordered for time in (turn.segment.start_s, turn.segment.end_s)})
    result: list[Turn] = []
    active: list[Turn] = []
    arriving = 0
    for start_s, end_s in pairwise(edges_s):
        while arriving < len(ordered) and ordered[arriving].segment.start_s <= start_s:
            active.append(ordered[arriving])
            arriving += 1
        active = [turn for turn in active if turn.segment.end_s > start_s]
        speaker = choose(active) if active else None
        if speaker is None:
            continue
        last = result[-1] if result else None
        if last is not None and last.speaker == speaker and last.segment.end_s == start_s:
            result[-1] = Turn(Segment(last.segment.start_s, end_s), speaker)
        else:
            result.append(Turn(Segment(start_s, end_s), speaker))
    return result


def _who_goes_on(active: Sequence[Turn]) -> str:
    return max(active, key=lambda turn: (turn.segment.end_s, -turn.segment.start_s)).speaker
