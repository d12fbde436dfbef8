"""Praat TextGrids, read back by Praat's own rule: only free-standing numbers and quoted strings count."""

import re
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pysid.errors import DataError
from pysid.io.turns.cues import by_speaker
from pysid.io.turns.textgrid import format_textgrid, read_textgrid
from pysid.segments import Segment, Turn

names = st.sampled_from(["anna", 'the "boss"', "Zoë 2", '"', "李雷"])
segments = st.tuples(st.integers(0, 60000), st.integers(1, 9000)).map(
    lambda t: Segment(t[0] / 1000, (t[0] + t[1]) / 1000)
)


def tokens(text: str) -> Iterator[str | float]:
    for quoted, number in re.findall(r'"((?:[^"]|"")*)"|(?<!\S)([-\d][\d.]*)(?!\S)', text):
        yield float(number) if number else quoted.replace('""', '"')


def parsed(text: str) -> tuple[float, dict[str, list[tuple[float, float, str]]]]:
    """The duration, and the intervals of each tier."""
    head, start, end, n_tiers, *rest = [*tokens(text)][1:]
    assert (head, start) == ("TextGrid", 0)
    tiers = {}
    for _ in range(int(n_tiers)):
        kind, name, tier_start, tier_end, n_intervals = rest[:5]
        assert (kind, tier_start, tier_end) == ("IntervalTier", 0, end)
        stop = 5 + 3 * int(n_intervals)
        tiers[name] = [tuple(rest[i : i + 3]) for i in range(5, stop, 3)]
        rest = rest[stop:]
    assert rest == []
    return end, tiers


@settings(max_examples=60, deadline=None)
@given(st.lists(st.builds(Turn, segments, names), max_size=8), st.integers(1, 70000))
def test_the_intervals_fill_the_recording_and_hold_the_turns(turns, duration_ms):
    end, tiers = parsed(format_textgrid(turns, duration_ms / 1000))
    assert end == max([duration_ms / 1000, *(turn.segment.end_s for turn in turns)])
    for intervals in tiers.values():
        assert intervals[0][0] == 0 and intervals[-1][1] == end
        assert all(a[1] == b[0] for a, b in pairwise(intervals))
    back = {name: [Segment(a, b) for a, b, text in of_tier if text] for name, of_tier in tiers.items()}
    assert back == (by_speaker(turns) or {"speech": []})
    assert all(text in ("", name) for name, of_tier in tiers.items() for _, _, text in of_tier)


def test_a_name_with_white_space_is_one_speaker():
    _, tiers = parsed(format_textgrid([Turn(Segment(0, 1), "a  b"), Turn(Segment(2, 3), "a\nb")], 4.0))
    assert tiers == {"a b": [(0, 1, "a b"), (1, 2, ""), (2, 3, "a b"), (3, 4, "")]}


def test_a_turn_of_nothing_makes_no_interval():
    _, tiers = parsed(format_textgrid([Turn(Segment(0, 1), "a"), Turn(Segment(2.0001, 2.0002), "a")], 4.0))
    assert tiers == {"a": [(0, 1, "a"), (1, 4, "")]}


def test_an_empty_name():
    with pytest.raises(DataError, match="expected a speaker's name"):
        format_textgrid([Turn(Segment(0, 1), "")], 4.0)


@pytest.mark.parametrize("number", ["1e999", "1e10", "-1e999", "1.2.3", "9" * 5000])
def test_numbers_beyond_reason(tmp_path, number):
    path = tmp_path / "a.TextGrid"
    text = format_textgrid([Turn(Segment(0, 1), "a")], 2.0)
    for old in ("xmax = 2.000", "size = 1", "xmax = 1.000"):
        path.write_text(text.replace(old, f"{old.partition('=')[0]}= {number}"))
        with pytest.raises(DataError, match=r"a\.TextGrid: expected a number of at most 1e\+09, got ") as caught:
            read_textgrid(path)
        assert len(str(caught.value)) < 400
