"""Turns for readers: by hand, and whatever turns there are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pysid.diarization.clean_turns import alone, joined_turns, without_fragments
from pysid.segments import Segment, Turn

times = st.tuples(st.integers(0, 400), st.integers(1, 60)).map(lambda x: Segment(x[0] / 20, (x[0] + x[1]) / 20))
turn_lists = st.lists(st.builds(Turn, times, st.sampled_from("abc")), max_size=12)


def turn(start_s, end_s, speaker):
    return Turn(Segment(start_s, end_s), speaker)


def speakers_at(turns):
    """Who talks in each twentieth of a second."""
    grid = np.arange(480) / 20 + 0.025
    return [{t.speaker for t in turns if t.segment.start_s < time < t.segment.end_s} for time in grid]


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        ([turn(0, 2, "a"), turn(2, 2.1, "b"), turn(2.1, 3, "c")], [turn(0, 2.1, "a"), turn(2.1, 3, "c")]),
        ([turn(0, 1, "a"), turn(1, 1.1, "b"), turn(1.1, 3, "c")], [turn(0, 1, "a"), turn(1, 3, "c")]),
        ([turn(0, 1, "a"), turn(1, 1.1, "b"), turn(1.1, 3, "a")], [turn(0, 3, "a")]),
        ([turn(0, 1, "a"), turn(1.5, 1.6, "b")], [turn(0, 1, "a")]),
        ([turn(0, 3, "a"), turn(1, 1.1, "b")], [turn(0, 3, "a")]),
        ([turn(0, 3, "a"), turn(2.9, 3.0, "b"), turn(3, 5, "c")], [turn(0, 3, "a"), turn(3, 5, "c")]),
        # Two fragments that touch are together long enough.
        ([turn(0, 0.12, "a"), turn(0.12, 0.28, "b")], [turn(0, 0.28, "b")]),
        ([turn(0, 0.2, "a")], [turn(0, 0.2, "a")]),
        ([], []),
    ],
)
def test_fragments(turns, expected):
    assert without_fragments(turns, 0.2) == expected


@settings(deadline=None)
@given(turn_lists)
def test_no_fragment_survives_and_nothing_else_is_lost(turns):
    kept = without_fragments(turns, 0.5)
    assert all(x.segment.duration_s >= 0.5 - 1e-6 for x in kept)
    long_enough = speakers_at([x for x in turns if x.segment.duration_s >= 0.5 - 1e-6])
    for before, after in zip(long_enough, speakers_at(kept), strict=True):
        assert before <= after
    assert without_fragments(kept, 0.5) == kept
    assert speakers_at(without_fragments(turns, 0.0)) == speakers_at(turns)


def test_speakers_who_were_asked_for_stay():
    turns = [turn(0, 2, "a"), turn(2, 2.1, "b"), turn(2.1, 3, "a"), turn(5, 5.15, "c"), turn(6, 6.05, "c")]
    assert without_fragments(turns, 0.2, 1) == [turn(0, 3, "a")]
    assert without_fragments(turns, 0.2, 2) == [turn(0, 3, "a"), turn(5, 5.15, "c")]
    assert without_fragments(turns, 0.2, 9) == turns[:4]


def test_who_hardly_talks_is_no_speaker():
    turns = [turn(0, 2, "a"), turn(2, 2.3, "b"), turn(2.3, 3, "a"), turn(5, 5.4, "c"), turn(7, 7.2, "c")]
    assert without_fragments(turns, 0.2, min_speaker_s=0.5) == [turn(0, 3, "a"), *turns[3:]]
    assert without_fragments(turns, 0.2, min_speaker_s=0.7) == [turn(0, 3, "a")]
    assert without_fragments(turns, 0.2, min_speakers=2, min_speaker_s=0.7) == [turn(0, 3, "a"), *turns[3:]]
    # Many short turns are no reason to keep a speaker whose longest one is a fragment, instead of another.
    crumbs = [turn(0, 2, "a"), turn(3, 3.3, "b"), *(turn(4 + i, 4.1 + i, "c") for i in range(4))]
    assert without_fragments(crumbs, 0.2, min_speakers=2, min_speaker_s=0.5) == crumbs[:2]
    assert without_fragments(turns[1:2], 0.2, min_speaker_s=0.7) == turns[1:2]  # all the speech there is
    assert without_fragments([], 0.2, min_speaker_s=0.7) == []


@settings(deadline=None)
@given(turn_lists)
def test_rare_speakers_never_survive(turns):
    kept = without_fragments(turns, 0.0, min_speaker_s=0.5)
    talked_s = {x.speaker: 0.0 for x in kept}
    for x in kept:
        talked_s[x.speaker] += x.segment.duration_s
    assert len(talked_s) <= 1 or all(s >= 0.5 - 1e-5 for s in talked_s.values())
    assert bool(kept) == bool(turns)


@settings(deadline=None)
@given(turn_lists)
def test_alone_is_where_one_speaker_talks(turns):
    for there, only in zip(speakers_at(turns), speakers_at(alone(turns)), strict=True):
        assert only == (there if len(there) == 1 else set())


def test_pauses_are_bridged_but_not_over_somebody_else():
    turns = [turn(0, 1, "a"), turn(1.5, 2, "a"), turn(2.2, 3, "b"), turn(3.4, 4, "a"), turn(5, 6, "a")]
    joined = [turn(0, 2, "a"), turn(2.2, 3, "b"), turn(3.4, 4, "a"), turn(5, 6, "a")]
    assert joined_turns(turns) == joined and joined_turns(turns, 0.0) == turns
