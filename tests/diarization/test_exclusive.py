"""One speaker at a time."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pysid.diarization.exclusive import exclusive
from pysid.segments import Segment, Turn

turn_lists = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 12), st.sampled_from("abc")).map(
        lambda t: Turn(Segment(float(t[0]), float(t[0] + t[1])), t[2])
    ),
    max_size=10,
)


def talking(turns: list[Turn], second: int) -> set[str]:
    return {turn.speaker for turn in turns if turn.segment.start_s <= second < turn.segment.end_s}


@given(turn_lists)
def test_the_same_time_with_one_of_those_who_talk(turns):
    alone = exclusive(turns)
    assert alone == sorted(alone)
    for second in range(60):
        found, all_of_them = talking(alone, second), talking(turns, second)
        assert len(found) == min(1, len(all_of_them)) and found <= all_of_them
    assert all(a.segment.end_s <= b.segment.start_s for a, b in pairwise(alone))


@given(turn_lists)
def test_once_is_enough_and_the_order_does_not_matter(turns):
    assert exclusive(exclusive(turns)) == exclusive(turns)
    if len({turn.segment.end_s for turn in turns}) == len(turns):  # else the earlier one of two that end together
        assert exclusive(turns[::-1]) == exclusive(turns)
