"""Pieces of time."""

import math

import pytest

from pysid.segments import Segment, Turn


@pytest.mark.parametrize(("start", "end"), [(-0.1, 1), (2, 1), (math.nan, 1), (0, math.nan)])
def test_a_segment_does_not_end_before_it_starts(start, end):
    with pytest.raises(ValueError, match="a segment needs 0 <= start <= end"):
        Segment(start, end)


def test_turns_sort_by_time_then_speaker():
    turns = [Turn(Segment(1, 2), "a"), Turn(Segment(0, 3), "b"), Turn(Segment(0, 3), "a"), Turn(Segment(0, 2), "z")]
    assert [(x.segment.start_s, x.segment.end_s, x.speaker) for x in sorted(turns)] == [
        (0, 2, "z"), (0, 3, "a"), (0, 3, "b"), (1, 2, "a"),
    ]  # fmt: skip
    assert Segment(0, math.inf).duration_s == math.inf and Segment(1, 1).duration_s == 0
