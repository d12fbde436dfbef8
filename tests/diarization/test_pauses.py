import pytest

from pysid.diarization.pauses import pauses_between, snap_to_pauses
from pysid.segments import Segment, Turn


def times(turns: list[Turn]) -> list[tuple[float, float]]:
    return [(turn.segment.start_s, turn.segment.end_s) for turn in turns]


TURNS = [Turn(Segment(0.0, 4.0), "a"), Turn(Segment(4.0, 7.0), "b"), Turn(Segment(7.0, 9.0), "a")]


@pytest.mark.parametrize(
    ("pauses", "expected"),
    [
        ([], [(0, 4), (4, 7), (7, 9)]),
        ([Segment(3.9, 4.2)], [(0, 3.9), (4.2, 7), (7, 9)]),  # around the border
        ([Segment(3.0, 3.8)], [(0, 3.0), (3.8, 7), (7, 9)]),  # before it
        ([Segment(4.1, 4.3)], [(0, 4.1), (4.3, 7), (7, 9)]),  # after it
        ([Segment(4.5, 4.6)], [(0, 4), (4, 7), (7, 9)]),  # out of reach
        ([Segment(3.7, 3.8), Segment(4.1, 4.2)], [(0, 4.1), (4.2, 7), (7, 9)]),  # the nearer of two
        ([Segment(1.0, 2.0), Segment(3.9, 4.0), Segment(7.0, 7.5)], [(0, 3.9), (4.0, 7.0), (7.5, 9)]),
        ([Segment(6.9, 9.5)], [(0, 4), (4, 7), (7, 9)]),  # nothing would be left of the last turn
    ],
)
def test_borders_move_to_pauses(pauses, expected):
    assert times(snap_to_pauses(TURNS, pauses, 0.25)) == expected


def test_other_borders_stay():
    same = [Turn(Segment(0.0, 4.0), "a"), Turn(Segment(4.0, 7.0), "a")]
    apart = [Turn(Segment(0.0, 4.0), "a"), Turn(Segment(4.5, 7.0), "b")]
    overlapping = [Turn(Segment(0.0, 4.2), "a"), Turn(Segment(4.0, 7.0), "b")]
    for turns in (same, apart, overlapping, []):
        assert snap_to_pauses(turns, [Segment(3.9, 4.1)], 0.25) == turns


def test_pauses_are_what_is_not_in_the_segments():
    assert pauses_between([]) == pauses_between([Segment(0, 1)]) == []
