"""How sure turns are, with windows in a plane."""

from itertools import pairwise

import numpy as np
import pytest

from pysid.backend.projection import Projection
from pysid.diarization.confidence import SCALE, turn_confidences
from pysid.diarization.steps import Windows
from pysid.segments import Segment, Turn

PLAIN = Projection.from_parts(None, length_norm=False)


def confidences(degrees, labels, turns=None):
    """Windows of a second, one after the other; a turn is a run of one label, or as given."""
    starts = np.arange(len(degrees), dtype=float)
    windows = Windows(starts, starts + 1, np.zeros(len(degrees), int))
    x = np.stack([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))], axis=1)
    labels = np.array(labels)
    if turns is None:
        borders = [0, *(np.flatnonzero(np.diff(labels)) + 1).tolist(), len(labels)]
        turns = [Turn(Segment(float(a), float(b)), f"s{labels[a]}") for a, b in pairwise(borders)]
    return turn_confidences(turns, windows, x, labels, ["s0", "s1"], PLAIN)


def test_like_the_speakers_other_turns():
    found = confidences([0, 90, 0, 90], [0, 1, 0, 1])
    assert found == pytest.approx([1 / (1 + np.exp(-SCALE))] * 4)


def test_like_somebody_elses():
    """The third turn sounds like the other speaker: it does not count for its own."""
    found = confidences([0, 90, 90, 0, 90], [0, 1, 0, 0, 1], None)
    assert found[0] > 0.5 and found[1] > 0.5
    turns = [Turn(Segment(2.0, 3.0), "s0"), Turn(Segment(3.0, 4.0), "s0")]
    doubtful, sure = confidences([0, 90, 90, 0, 90], [0, 1, 0, 0, 1], turns)
    assert doubtful < 0.02 and sure > 0.5
    assert confidences([0, 90, 45, 0, 90], [0, 1, 0, 0, 1], turns)[0] == pytest.approx(0.5)


def test_nothing_to_compare():
    assert confidences([0, 90, 0], [0, 1, 0])[1] is None, "all that the speaker says is this turn"
    assert confidences([0, 90], [0, 1], [Turn(Segment(9.0, 10.0), "s0"), Turn(Segment(0.0, 1.0), "x")]) == [None, None]
    nothing = Windows(np.zeros(0), np.zeros(0), np.zeros(0, int))
    assert turn_confidences([Turn(Segment(0, 1), "a")], nothing, np.zeros((0, 2)), np.zeros(0), [], PLAIN) == [None]


def test_one_speaker_alone_has_nobody_to_be_compared_with():
    turns = [Turn(Segment(0.0, 1.0), "s0")]
    starts = np.arange(2.0)
    windows = Windows(starts, starts + 1, np.zeros(2, int))
    assert turn_confidences(turns, windows, np.eye(2), np.zeros(2, int), ["s0"], PLAIN) == [None]
