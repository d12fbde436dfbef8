"""What the text formats of turns share."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pysid.errors import DataError
from pysid.io.turns.cues import by_speaker, cues, cues_in_order, one_line, seconds_text
from pysid.segments import Segment, Turn

times = st.floats(0, 1e5)
segments = st.tuples(times, times).map(sorted).map(lambda pair: Segment(*pair))
turn_lists = st.lists(st.builds(Turn, segments, st.sampled_from("abc")), max_size=12)


@settings(max_examples=60, deadline=None)
@given(st.lists(times, min_size=3, max_size=40))
def test_turns_that_touch_go_on_touching(boundaries):
    boundaries.sort()
    turns = [Turn(Segment(a, b), str(i)) for i, (a, b) in enumerate(pairwise(boundaries))]
    rounded = cues(turns)
    assert all(a.end_ms == b.start_ms for a, b in pairwise(rounded))
    for cue in rounded:
        turn = turns[int(cue.speaker)]
        assert abs(cue.start_ms / 1000 - turn.segment.start_s) < 0.000501
        assert abs(cue.end_ms / 1000 - turn.segment.end_s) < 0.000501


def test_a_turn_of_nothing_is_left_out():
    assert cues([Turn(Segment(1.0, 1.0), "a"), Turn(Segment(2.0001, 2.0004), "b")]) == []


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**9))
def test_seconds_are_exact(time_ms):
    assert float(seconds_text(time_ms)) == time_ms / 1000


def test_cues_by_their_start_keep_overlap():
    turns = [Turn(Segment(2, 3), "b"), Turn(Segment(0, 4), " a \n a"), Turn(Segment(1, 2), "b")]
    assert cues_in_order(turns) == [(0, 4000, "a a"), (1000, 2000, "b"), (2000, 3000, "b")]


@pytest.mark.parametrize("name", ["", " ", "\n\u2028"])
def test_a_name_must_not_be_empty(name):
    with pytest.raises(DataError, match="expected a speaker's name, got "):
        one_line(name)


@settings(max_examples=60, deadline=None)
@given(turn_lists)
def test_by_speaker_covers_the_same_time_without_overlap(turns):
    talks = by_speaker(turns)
    assert set(talks) == {turn.speaker for turn in turns if turn.segment.duration_s > 0}
    for speaker, merged in talks.items():
        own = [turn.segment for turn in turns if turn.speaker == speaker]
        assert all(a.end_s <= b.start_s for a, b in pairwise(merged))
        # Between any two boundaries, somebody's turn covers the middle just where the merged ones do.
        marks = sorted({time for segment in own for time in (segment.start_s, segment.end_s)})
        for low, high in pairwise(marks):
            covered = [[s for s in some if s.start_s <= low and high <= s.end_s] for some in (own, merged)]
            assert bool(covered[0]) == bool(covered[1])


def test_touching_turns_stay_apart():
    turns = [Turn(Segment(0, 1), "a"), Turn(Segment(1, 2), "a")]
    assert by_speaker(turns) == {"a": [Segment(0, 1), Segment(1, 2)]}
