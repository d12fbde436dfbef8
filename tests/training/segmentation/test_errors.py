"""Errors of a network within single windows."""

import numpy as np
import torch

from pysid.segmentation import FrameGrid, Powerset
from pysid.training.segmentation.errors import LocalErrors, local_errors, measure
from pysid.training.segmentation.recordings import Recordings

from .conftest import RATE


def test_errors_whatever_the_order():
    rng = np.random.default_rng(0)
    active = rng.random((200, 3)) > 0.5
    assert local_errors(active[:, [2, 0, 1]], active).rates()["local_error"] == 0
    nothing = local_errors(np.zeros((200, 3), bool), active)
    assert nothing.rates() == {"local_error": 1.0, "missed": 1.0, "false_alarm": 0.0, "confused": 0.0}
    one = np.zeros((200, 3), bool)
    one[:, 1] = active.any(1)
    found = local_errors(one, active)
    assert found.missed == (active.sum(1) - active.any(1)).sum() and found.false_alarm == 0
    assert found.confused == active.any(1).sum() - max((active[:, i]).sum() for i in range(3))
    assert found + LocalErrors() == found


class Oracle:
    """Says who speaks by the time that the samples tell, with the speakers the other way round."""

    grid, powerset, sample_rate, features = FrameGrid(0.02, 0.0, 2.0), Powerset(3, 2), RATE, None

    def __call__(self, windows):
        middles = windows[0, :: RATE // 50] / 100 + 0.01
        active = torch.stack([middles < 0, (middles > 0.5) & (middles < 3.0), middles < 1.0], 1)
        classes = self.powerset.classes(active.numpy())
        return torch.nn.functional.one_hot(torch.from_numpy(classes), 7).float().log()[None]


def test_a_network_is_measured_over_windows(meeting):
    recordings = Recordings(meeting, True, 2.0, RATE, 0.02)
    found = measure(Oracle(), recordings, lambda wave: wave, 1.0)
    assert found.missed == found.false_alarm == found.confused == 0
    assert found.total == (50 + 75) + 100 + 50
