"""What another network says, on the frames of the one that learns."""

import numpy as np
import pytest
import torch

from pysid.errors import DataError
from pysid.segmentation import FrameGrid, Powerset
from pysid.training.segmentation.teacher import Teacher

from .conftest import FEATURES, POWERSET, RATE, STEP_S, Nobody


def test_a_teacher_finds_speech_of_any_length():
    class Loud(Nobody):
        def __call__(self, windows):
            power = windows.square().reshape(len(windows), -1, 200).mean(-1)
            said = torch.full((*power.shape, 7), 0.01)
            said[..., 0], said[..., 1] = torch.where(power > 100, 0.05, 0.9), torch.where(power > 100, 0.9, 0.05)
            return said.log()

    heard = Teacher(Loud(), FrameGrid(STEP_S, 0.0, 2.0), POWERSET, RATE)
    waves = []
    for seconds in (0.5, 2.0, 3.7, 0.0, 40.0):  # more than the teacher hears at once
        waves.append(np.zeros(round(seconds * RATE), np.float32))
        waves[-1][RATE // 4 :] = 1000.0
    together = heard.speech(waves)
    for wave, speech in zip(waves, together, strict=True):
        np.testing.assert_array_equal(heard.speech([wave])[0], speech)
        assert speech.dtype == bool and len(speech) == round(len(wave) / RATE / STEP_S)
        expected = (np.arange(len(speech)) + 0.5) * STEP_S > 0.25
        assert (speech != expected).sum() <= 2
    assert heard.speech([]) == []


def test_teachers_of_another_kind():
    grid = FrameGrid(STEP_S, 0.0, 2.0)
    network = Nobody()
    network.features = FEATURES
    with pytest.raises(DataError, match="expected a teacher that reads samples"):
        Teacher(network, grid, POWERSET, RATE)
    with pytest.raises(DataError, match="expected a teacher for 16000 Hz, got one for 8000 Hz"):
        Teacher(Nobody(), grid, POWERSET, 16000)
    with pytest.raises(DataError, match=r"expected a teacher of Powerset\(n_speakers=4"):
        Teacher(Nobody(), grid, Powerset(4, 2), RATE)
    with pytest.raises(DataError, match="expected a teacher for windows of 2 s, got one for 1 s"):
        Teacher(Nobody(1.0), grid, POWERSET, RATE)
