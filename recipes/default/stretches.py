"""Verification trials out of meetings: stretches in which one speaker talks alone, each against each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

from pysid.io.tables import Trial
from pysid.segments import Segment, Turn

SHORTEST_S, LONGEST_S = 2.0, 4.0


@dataclass(frozen=True)
class Stretch:
    """A piece of a recording in which `speaker` talks alone."""

    recording: str
    segment: Segment
    speaker: str

    @property
    def name(self) -> str:
        return f"{self.recording}-{round(1000 * self.segment.start_s):06d}"


def alone(turns: Sequence[Turn]) -> list[Turn]:
    """The parts of turns in which nobody else speaks, in order of time.

    >>> [turn.segment for turn in alone([Turn(Segment(0, 5), "anna"), Turn(Segment(4, 6), "ben")])]
    [Segment(start_s=0, end_s=4), Segment(start_s=5, end_s=6)]
    """
    borders = sorted({time for turn in turns for time in (turn.segment.start_s, turn.segment.end_s)})
    parts: list[Turn] = []
    for start_s, end_s in pairwise(borders):
        speaking = {t.speaker for t in turns if t.segment.start_s <= start_s and t.segment.end_s >= end_s}
        if len(speaking) != 1:
            continue
        (speaker,) = speaking
        goes_on = parts and parts[-1].speaker == speaker and parts[-1].segment.end_s == start_s
        begun_s = parts.pop().segment.start_s if goes_on else start_s
        parts.append(Turn(Segment(begun_s, end_s), speaker))
    return parts


def stretches(reference: Mapping[str, Sequence[Turn]]) -> list[Stretch]:
    """All of at least `SHORTEST_S`, long ones in pieces of `LONGEST_S`; a rest that is too short is left out."""
    found = []
    for recording, turns in reference.items():
        for turn in alone(turns):
            start_s = turn.segment.start_s
            while turn.segment.end_s - start_s >= SHORTEST_S:
                end_s = min(start_s + LONGEST_S, turn.segment.end_s)
                found.append(Stretch(recording, Segment(start_s, end_s), turn.speaker))
                start_s = end_s
    return found


def all_pairs(found: Sequence[Stretch]) -> list[Trial]:
    """Each stretch against each later one."""
    return [Trial(a.name, b.name, a.speaker == b.speaker) for a, b in combinations(found, 2)]
