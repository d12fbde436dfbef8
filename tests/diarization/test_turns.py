from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pysid.diarization.steps import Windows
from pysid.diarization.turns import (
    bridge_gaps,
    kaldi_rttm_line,
    turns_from_frames,
    turns_from_windows,
)
from pysid.segments import Segment, Turn

GOLDEN = Path(__file__).parents[1] / "golden" / "kaldi" / "clustering"
NAMES = ["anna", "ben", "carla"]

frame_labels = st.lists(st.integers(-1, 2), min_size=1, max_size=60).map(np.array)


def turn(start_s, end_s, speaker="a"):
    return Turn(Segment(start_s, end_s), speaker)


def windows_of(pairs):
    start_s, end_s = np.array(pairs, dtype=float).T
    return Windows(start_s, end_s, np.zeros(len(pairs), dtype=int))


def times(turns):
    return [(t.segment.start_s, t.segment.end_s, t.speaker) for t in turns]


def test_same_text_as_make_rttm():
    label = dict(line.split() for line in (GOLDEN / "labels_num_spk").read_text().splitlines())
    recordings = {}
    for line in (GOLDEN / "segments").read_text().splitlines():
        segment, recording, start, end = line.split()
        recordings.setdefault(recording, []).append((float(start), float(end), label[segment]))
    lines = []
    for recording, rows in sorted(recordings.items()):
        turns = turns_from_windows(windows_of([row[:2] for row in rows]), [row[2] for row in rows])
        lines += [kaldi_rttm_line(recording, t) for t in turns]
    assert lines == (GOLDEN / "rttm").read_text().splitlines()


def test_overlap_is_shared_and_gaps_are_kept():
    windows = windows_of([(0, 1.5), (0.75, 2.25), (1.5, 3.0), (3.0, 4.0), (5, 6)])
    turns = turns_from_windows(windows, [0, 0, 1, 1, 1], NAMES)
    assert times(turns) == [(0, 1.875, "anna"), (1.875, 4.0, "ben"), (5, 6, "ben")]


def test_a_window_cut_on_both_sides_is_cut_in_order():
    """The second border is halfway from the end of the second window, whatever the first cut left of it."""
    assert times(turns_from_windows(windows_of([(0, 4), (1, 5), (2, 6)]), [0, 1, 0])) == [
        (0, 2.5, "0"),
        (2.5, 3.5, "1"),
        (3.5, 6, "0"),
    ]


def test_windows_that_overlap_by_rounding_only_touch():
    assert times(turns_from_windows(windows_of([(0, 0.1 + 0.2), (0.3, 1)]), [0, 0])) == [(0, 1, "0")]


def test_labels_may_be_anything_that_has_a_name():
    assert times(turns_from_windows(windows_of([(0, 1), (1, 2)]), ["x", "x"])) == [(0, 2, "x")]
    assert times(turns_from_windows(windows_of([(0, 1)]), np.array([7]))) == [(0, 1, "7")]
    assert turns_from_windows(Windows(np.zeros(0), np.zeros(0), np.zeros(0, dtype=int)), []) == []


@pytest.mark.parametrize("pairs", [[(1, 2), (0, 3)], [(0, 3), (1, 2)]])
def test_windows_out_of_order_are_refused(pairs):
    with pytest.raises(ValueError, match="expected windows in order of time"):
        turns_from_windows(windows_of(pairs), [0, 1])


def test_a_label_too_few_is_refused():
    with pytest.raises(ValueError, match="expected a label for each of the 2 windows, got 1"):
        turns_from_windows(windows_of([(0, 1), (1, 2)]), [0])


def test_pauses_are_bridged_up_to_the_limit():
    turns = [turn(0, 1), turn(1.3, 2), turn(2.31, 3)]
    assert times(bridge_gaps(turns, 0.3)) == [(0, 2, "a"), (2.31, 3, "a")]
    assert times(bridge_gaps(turns[::-1], 0.31)) == [(0, 3, "a")]
    assert bridge_gaps(turns, 0.0) == turns
    assert bridge_gaps([], 1.0) == []


def test_pauses_in_which_somebody_else_speaks_are_kept():
    turns = [turn(0, 1), turn(0.5, 1.2, "b"), turn(1.5, 2)]
    assert bridge_gaps(turns, 1.0) == turns
    touching = [turn(0, 1), turn(0, 1, "b"), turn(1.5, 2), turn(1.5, 3, "b")]
    assert times(bridge_gaps(touching, 0.5)) == [(0, 2, "a"), (0, 3, "b")]


def test_turns_of_one_speaker_that_touch_or_overlap_are_joined():
    turns = [turn(0, 2), turn(2, 3), turn(2.5, 2.7), turn(2.9, 4), turn(1, 9, "b")]
    assert times(bridge_gaps(turns, 0.0)) == [(0, 4, "a"), (1, 9, "b")]


@given(labels=frame_labels, shift_s=st.sampled_from([0.01, 0.0125, 0.75, 1 / 3]))
def test_frames_survive_the_way_there_and_back(labels, shift_s):
    turns = turns_from_frames(labels, shift_s, NAMES)
    back = np.full(len(labels), -1)
    for x in turns:
        back[round(x.segment.start_s / shift_s) : round(x.segment.end_s / shift_s)] = NAMES.index(x.speaker)
    np.testing.assert_array_equal(back, labels)
    assert sum(t.segment.duration_s for t in turns) == pytest.approx(shift_s * (labels >= 0).sum())
    assert bridge_gaps(turns, 0.0) == turns  # as few as can be
