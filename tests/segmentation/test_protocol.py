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


def test_whoever_can_go_over_a_stretch_is_told_by_it():
    class Sharing:
        alignment = 4

        def over(self, stretch, starts, size):
            raise NotImplementedError

    assert isinstance(Sharing(), Overlapping)
    assert not isinstance(MelNet(MelNetConfig()), Overlapping)
    assert not isinstance(object(), Overlapping)
