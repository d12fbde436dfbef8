"""Second speakers by local segmentation."""

import numpy as np
import pytest

from pysid.diarization.local.config import LocalOverlapConfig
from pysid.diarization.local.second import name_local_speakers, with_local_speakers
from pysid.segmentation.local_speech import LocalSpeech
from pysid.segmentation.protocol import FrameGrid
from pysid.segments import Segment, Turn

GRID = FrameGrid(step_s=0.1, first_s=0.0, window_s=2.0)
EVERYWHERE = [Segment(0.0, 100.0)]


def turn(start_s: float, end_s: float, speaker: str) -> Turn:
    return Turn(Segment(start_s, end_s), speaker)


def rounded(turns: list[Turn]) -> list[Turn]:
    return [turn(round(t.segment.start_s, 6), round(t.segment.end_s, 6), t.speaker) for t in turns]


def heard(*windows: list[str], starts: tuple[int, ...] = (0, 10)) -> LocalSpeech:
    """Windows of 20 frames; each local speaker a string with a # where they talk."""
    active = np.array([[[c == "#" for c in row] for row in window] for window in windows]).transpose(0, 2, 1)
    return LocalSpeech(GRID, np.array(starts[: len(windows)]), active, (starts[len(windows) - 1] + 20) / 10)


ANNA_THEN_BEN = [turn(0.0, 1.0, "anna"), turn(1.0, 3.0, "ben")]


def test_the_other_one_is_added_where_both_talk():
    local = heard(["############--------", "--------############"], ["##------------------", "####################"])
    found = with_local_speakers(ANNA_THEN_BEN, local, EVERYWHERE)
    assert rounded(found) == [turn(0.0, 1.2, "anna"), turn(0.8, 3.0, "ben")]


def test_only_where_overlap_may_be():
    local = heard(["############--------", "--------############"], ["##------------------", "####################"])
    found = with_local_speakers(ANNA_THEN_BEN, local, [Segment(1.0, 1.1)])
    assert rounded(found) == [turn(0.0, 1.1, "anna"), turn(1.0, 3.0, "ben")]
    assert with_local_speakers(ANNA_THEN_BEN, local, []) == ANNA_THEN_BEN


def test_the_order_of_local_speakers_does_not_matter():
    a = heard(["############--------", "--------############"])
    b = heard(["--------############", "############--------"])
    turns = [turn(0.0, 1.0, "anna"), turn(1.0, 2.0, "ben")]
    assert with_local_speakers(turns, a, EVERYWHERE) == with_local_speakers(turns, b, EVERYWHERE)


def test_nobody_is_added_beside_a_speaker_whom_the_window_does_not_hear():
    local = heard(["#####---------------", "-----#####----------", "----------##########"])
    turns = [turn(0.0, 0.5, "anna"), turn(0.5, 1.0, "ben"), turn(1.0, 2.0, "cleo")]
    assert with_local_speakers(turns, local, EVERYWHERE) == turns  # nobody talks together


@pytest.mark.parametrize("turns", [[], [turn(0.0, 2.0, "anna")]])
def test_one_speaker_alone(turns):
    local = heard(["####################", "--------############"])
    assert with_local_speakers(turns, local, EVERYWHERE) == turns


def test_a_recording_without_windows():
    nothing = LocalSpeech(GRID, np.zeros(0, np.int64), np.zeros((0, 0, 3), bool), 0.0)
    assert with_local_speakers(ANNA_THEN_BEN, nothing, EVERYWHERE) == ANNA_THEN_BEN


def test_names_of_local_speakers():
    local = heard(["##########----------", "----------##########", "--------------------"])
    speaking = np.zeros((20, 3), bool)
    speaking[:9, 2] = speaking[9:, 0] = True
    assert name_local_speakers(local, speaking).tolist() == [[2, 0, -1]]
    assert name_local_speakers(local, np.zeros((20, 3), bool)).tolist() == [[-1, -1, -1]]


def test_settings_are_checked():
    with pytest.raises(ValueError, match="offset <= onset"):
        LocalOverlapConfig(onset=0.3)
