"""Turns and pyannote's annotations."""

from hypothesis import given, settings
from hypothesis import strategies as st
from pyannote.core import Annotation
from pyannote.core import Segment as Piece

from pysid.io.turns.annotation import from_annotation, to_annotation
from pysid.segments import Segment, Turn

segments = st.tuples(st.integers(0, 50), st.integers(1, 9)).map(lambda t: Segment(t[0] / 10, (t[0] + t[1]) / 10))


def in_order(turns):
    return sorted(turns, key=lambda turn: (turn.segment, turn.speaker))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.builds(Turn, segments, st.sampled_from("abc")), max_size=15))
def test_round_trip_keeps_turns_at_the_same_time(turns):
    annotation = to_annotation(turns, "meeting")
    assert annotation.uri == "meeting"
    assert in_order(from_annotation(annotation)) == in_order(turns)


def test_what_pyannote_makes():
    annotation = Annotation()
    annotation[Piece(-0.01, 1.0), "A"] = 7
    annotation[Piece(-0.5, 0.0), "B"] = "x"
    assert from_annotation(annotation) == [Turn(Segment(0.0, 1.0), "7")]
