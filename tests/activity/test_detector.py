"""A trained network at work on whole recordings."""

import numpy as np
import pytest
import torch

from pysid.activity import ActivityDetector, detector
from pysid.frontend import FbankConfig


@pytest.mark.parametrize("n_frames", [0, 1, 37, 64, 65, 300, 301])
def test_blocks_change_nothing(network, n_frames, monkeypatch):
    x = torch.randn(n_frames, 9)
    whole = ActivityDetector(network, FbankConfig())(x)
    monkeypatch.setattr(detector, "BLOCK_FRAMES", 32)
    in_blocks = ActivityDetector(network, FbankConfig())(x)
    for a, b in ((whole.speech, in_blocks.speech), (whole.overlap, in_blocks.overlap)):
        assert a.shape == (n_frames,)
        assert ((a >= 0) & (a <= 1)).all()
        np.testing.assert_allclose(a, b, atol=1e-6)
