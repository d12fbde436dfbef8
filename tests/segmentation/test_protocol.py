"""Times of a network's frames, and what tells networks that share work between windows."""

import pytest

from pysid.segmentation.network import MelNet, MelNetConfig
from pysid.segmentation.protocol import FrameGrid, Overlapping


@pytest.mark.parametrize(
    "changes",
    [
        {"step_s": 0.0},
        {"step_s": 11.0},
        {"first_s": -0.1},
        {"first_s": 10.0},
        {"window_s": float("inf")},
        {"window_s": float("nan")},
    ],
)
def test_impossible_grids(changes):
    with pytest.raises(ValueError, match="expected 0 < step_s <= window_s and 0 <= first_s < window_s, got FrameGrid"):
        FrameGrid(**changes)


def test_windows_leave_nothing_out():
    grid = FrameGrid(270 / 16000, 721 / 2 / 16000, 10.0)
    assert grid.window_frames == 589 and FrameGrid().window_frames == 500  # of pyannote's network, and of ours
    grid.check_shift(10.0)
    for shift_s in (10.5, 0.0, float("nan")):
        with pytest.raises(ValueError, match=f"shift_s must be at most the network's window of 10 s, got {shift_s:g}"):
            grid.check_shift(shift_s)


def test_whoever_can_go_over_a_stretch_is_told_by_it():
    class Sharing:
        alignment = 4

        def over(self, stretch, starts, size):
            raise NotImplementedError

    assert isinstance(Sharing(), Overlapping)
    assert not isinstance(MelNet(MelNetConfig()), Overlapping)
    assert not isinstance(object(), Overlapping)
