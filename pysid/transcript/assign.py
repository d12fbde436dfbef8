"""Words to speakers.

A word goes to the speaker whose turns it overlaps most. Where two speak all the time that it takes, it goes to the one
who goes on: whose turn ends last. A word outside all turns goes to the turn nearest to it, if that is near.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pysid.segments import Turn
from pysid.transcript.words import Word

NEAREST_S = 1.0
SHORTEST_S = 0.02  # that a word is taken to last: some recognisers give words that last no time
SAME_S = 1e-3


def assign_speakers(words: Sequence[Word], turns: Sequence[Turn], nearest_s: float = NEAREST_S) -> list[Word]:
    """The words with the speakers that the turns give them.

    Args:
        turns: in any order; they may overlap.
        nearest_s: a word outside all turns goes to the nearest one if that is at most so far away, else to nobody.

    >>> from pysid.segments import Segment
    >>> turns = [Turn(Segment(0.0, 1.4), "anna"), Turn(Segment(1.2, 3.0), "ben")]
    >>> words = [Word(1.0, 1.3, "well"), Word(1.25, 1.35, "yes"), Word(3.5, 4.0, "so"), Word(5.0, 5.2, "oh")]
    >>> [word.speaker for word in assign_speakers(words, turns)]
    ['anna', 'ben', 'ben', None]
    """
    if nearest_s < 0:
        raise ValueError(f"nearest_s must not be negative, got {nearest_s}")
    look = _Turns([turn for turn in turns if turn.segment.duration_s > 0])
    return [replace(word, speaker=look.speaker(word, nearest_s)) for word in words]


class _Turns:
    """Turns by their start, with the latest end of all up to each, so that those at a time are found at once."""

    def __init__(self, turns: Sequence[Turn]) -> None:
        self.turns = sorted(turns)
        self.starts_s = [turn.segment.start_s for turn in self.turns]
        ends_s = [turn.segment.end_s for turn in self.turns]
        self.latest_s = np.maximum.accumulate(ends_s).tolist() if ends_s else []

    def between(self, start_s: float, end_s: float) -> list[Turn]:
        """The turns that have part of this time."""
        first, last = bisect_left(self.latest_s, start_s), bisect_left(self.starts_s, end_s)
        return [turn for turn in self.turns[first:last] if turn.segment.end_s > start_s]

    def speaker(self, word: Word, nearest_s: float) -> str | None:
        middle_s, half_s = (word.start_s + word.end_s) / 2, max(word.end_s - word.start_s, SHORTEST_S) / 2
        start_s, end_s = middle_s - half_s, middle_s + half_s
        shared: defaultdict[str, float] = defaultdict(float)
        goes_on_s: dict[str, float] = {}
        for turn in self.between(start_s, end_s):
            shared[turn.speaker] += min(turn.segment.end_s, end_s) - max(turn.segment.start_s, start_s)
            goes_on_s[turn.speaker] = max(goes_on_s.get(turn.speaker, 0.0), turn.segment.end_s)
        if shared:
            most = max(shared.values())
            return max((x for x in shared if shared[x] >= most - SAME_S), key=lambda speaker: goes_on_s[speaker])
        return self._nearest(start_s, end_s, nearest_s)

    def _nearest(self, start_s: float, end_s: float, within_s: float) -> str | None:
        near = self.between(start_s - within_s - SAME_S, end_s + within_s + SAME_S)
        apart = [(max(turn.segment.start_s - end_s, start_s - turn.segment.end_s), turn) for turn in near]
        best = min(apart, key=lambda pair: pair[0], default=None)
        return best[1].speaker if best is not None and best[0] <= within_s else None
