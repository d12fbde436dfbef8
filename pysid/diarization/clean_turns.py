"""Turns as readers want them: without fragments, without a break at each breath, one speaker at a time.

What is best for the diarization error rate is not best to read: every bridged pause counts as a false alarm. So tables
and RTTM keep the turns as they are; subtitles and the page show `joined_turns`.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from pysid.diarization.exclusive import one_at_a_time
from pysid.diarization.turns import TOLERANCE_S, bridge_gaps
from pysid.segments import Segment, Turn

JOIN_S = 0.8  # the shortest pause that ends a subtitle, here and in transcripts


def without_fragments(
    turns: Sequence[Turn], min_s: float, min_speakers: int = 0, min_speaker_s: float = 0.0
) -> list[Turn]:
    """The turns with those shorter than `min_s` given to the turn that they touch, or left out where there is none.

    A fragment is seldom a real turn: mostly one border between two speakers was found in two places. Nor is a speaker
    who talks for half a second in all: no embedding of that tells voices apart. Of two turns that a fragment touches
    the longer one gets it; one that lies within another turn, and thus overlaps it, is left out. The result is in order
    of the starts.

    Args:
        turns: in any order.
        min_s: what is shorter is a fragment.
        min_speakers: so many speakers are left, if need be with fragments.
        min_speaker_s: of those who talk less than this in all, all turns are fragments; whoever has the longest turn
            stays.

    >>> turns = [Turn(Segment(0.0, 0.04), "b"), Turn(Segment(0.04, 3.0), "a"), Turn(Segment(5.0, 5.1), "b")]
    >>> without_fragments(turns, 0.2)
    [Turn(segment=Segment(start_s=0.0, end_s=3.0), speaker='a')]
    """
    turns = bridge_gaps(turns, 0.0)
    kept: dict[int, Turn] = dict(enumerate(turns))
    longest = _longest_turns(kept)
    spared = {i for i in longest[:min_speakers] if kept[i].segment.duration_s < min_s - TOLERANCE_S}
    rare = _rare(turns, min_speaker_s) - {kept[i].speaker for i in longest[: max(min_speakers, 1)]}
    starting: defaultdict[int, set[int]] = defaultdict(set)  # the numbers of turns, by their starts in microseconds
    ending: defaultdict[int, set[int]] = defaultdict(set)
    for i, turn in kept.items():
        starting[_microseconds(turn.segment.start_s)].add(i)
        ending[_microseconds(turn.segment.end_s)].add(i)
    starts_s = np.sort([turn.segment.start_s for turn in turns])
    ends_s = np.sort([turn.segment.end_s for turn in turns])
    for i in sorted(kept, key=lambda i: kept[i].segment.duration_s):
        fragment = kept[i].segment
        if kept[i].speaker not in rare and (i in spared or fragment.duration_s >= min_s - TOLERANCE_S):
            continue  # it was long enough, or has become so
        del kept[i]
        starting[_microseconds(fragment.start_s)].discard(i)
        ending[_microseconds(fragment.end_s)].discard(i)
        touching = ending[_microseconds(fragment.start_s)] | starting[_microseconds(fragment.end_s)]
        n_there = np.searchsorted(starts_s, fragment.end_s - TOLERANCE_S) - np.searchsorted(
            ends_s, fragment.start_s + TOLERANCE_S
        )
        if not touching or n_there > 1:  # else somebody speaks there all the same
            continue
        heir = max(touching, key=lambda j: (kept[j].segment.duration_s, -j))
        whole = kept[heir].segment
        starting[_microseconds(whole.start_s)].discard(heir)
        ending[_microseconds(whole.end_s)].discard(heir)
        whole = Segment(min(whole.start_s, fragment.start_s), max(whole.end_s, fragment.end_s))
        starting[_microseconds(whole.start_s)].add(heir)
        ending[_microseconds(whole.end_s)].add(heir)
        kept[heir] = Turn(whole, kept[heir].speaker)
    return sorted(bridge_gaps(list(kept.values()), 0.0))


def _rare(turns: Sequence[Turn], min_speaker_s: float) -> set[str]:
    """Who talks less than `min_speaker_s` in all."""
    talked_s: defaultdict[str, float] = defaultdict(float)
    for turn in turns:
        talked_s[turn.speaker] += turn.segment.duration_s
    return {name for name, s in talked_s.items() if s < min_speaker_s - TOLERANCE_S}


def _longest_turns(turns: Mapping[int, Turn]) -> list[int]:
    """The number of each speaker's longest turn, the longest of all first."""
    longest: dict[str, int] = {}
    for i, turn in turns.items():
        best = longest.get(turn.speaker)
        if best is None or turn.segment.duration_s > turns[best].segment.duration_s:
            longest[turn.speaker] = i
    return sorted(longest.values(), key=lambda i: -turns[i].segment.duration_s)


def joined_turns(turns: Sequence[Turn], join_s: float = JOIN_S) -> list[Turn]:
    """The turns as subtitles and the page show them: a speaker's pauses of up to `join_s`, in which nobody else
    speaks, do not end a turn."""
    return bridge_gaps(turns, join_s)


def alone(turns: Sequence[Turn]) -> list[Turn]:
    """The parts of turns in which nobody but the speaker talks, in order of time.

    >>> turns = [Turn(Segment(0.0, 5.0), "anna"), Turn(Segment(1.0, 1.5), "ben"), Turn(Segment(4.0, 9.0), "ben")]
    >>> [(turn.segment.start_s, turn.segment.end_s, turn.speaker) for turn in alone(turns)]
    [(0.0, 1.0, 'anna'), (1.5, 4.0, 'anna'), (5.0, 9.0, 'ben')]
    """
    return one_at_a_time(turns, _only_speaker)


def _only_speaker(active: Sequence[Turn]) -> str | None:
    speakers = {turn.speaker for turn in active}
    return speakers.pop() if len(speakers) == 1 else None


def _microseconds(time_s: float) -> int:
    return round(1e6 * time_s)
