"""The network that finds speech, and what it makes of whole recordings."""

import numpy as np
import pytest
import torch

from pysid.activity import ActivityConfig, ActivityDetector, ActivityNetwork, detector
from pysid.activity.network import above_floor
from pysid.frontend import FbankConfig

SMALL = ActivityConfig(feature_dim=9, channels=8, dilations=(1, 2, 4))


@pytest.fixture
def network():
    torch.manual_seed(0)
    network = ActivityNetwork(SMALL)
    network(torch.randn(4, 200, 9))  # moves the statistics of its batch norms
    return network.eval()


@pytest.mark.parametrize("n_frames", [1, 2, 3, 99, 100])
def test_an_output_for_every_two_frames(network, n_frames):
    assert network(torch.randn(2, n_frames, 9)).shape == (2, -(-n_frames // 2), 2)


def test_the_energy_is_not_read(network):
    x = torch.randn(1, 50, 9)
    other = x.clone()
    other[..., 0] += 5
    torch.testing.assert_close(network(x), network(other))


def test_no_output_depends_on_more_than_its_context(network):
    x = torch.randn(1, 200, 9)
    before = network(x)
    x[:, 100] += 1.0
    changed = (network(x) != before).any(-1)[0].nonzero()[:, 0] * SMALL.stride
    assert changed.min() >= 100 - SMALL.context and changed.max() <= 100 + SMALL.context
    assert changed.min() < 100 < changed.max()  # it does look around


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


def test_what_is_steady_is_taken_away():
    x = torch.randn(1000, 9).abs() * 5 + 3
    changed = x + torch.linspace(2, 7, 9)  # another gain and another microphone
    torch.testing.assert_close(above_floor(changed, 0.1), above_floor(x, 0.1))
    above = above_floor(x, 0.1)
    np.testing.assert_allclose((above < 0).float().mean(0), 0.1, atol=0.002)
    quiet = torch.cat([x, torch.full((3000, 9), -15.9)])  # digital silence does not count
    torch.testing.assert_close(above_floor(quiet, 0.1)[:1000], above)
    for degenerate in (torch.zeros(0, 9), torch.full((5, 9), -15.9)):
        torch.testing.assert_close(above_floor(degenerate, 0.1), degenerate)


def test_the_floor_of_a_long_recording_is_that_of_a_part(monkeypatch):
    x = torch.randn(5000, 3) + 10
    whole = above_floor(x, 0.1)
    monkeypatch.setattr("pysid.activity.network.FLOOR_FRAMES", 2500)
    torch.testing.assert_close(above_floor(x, 0.1), whole, atol=0.15, rtol=0)


def test_wrong_width(network):
    with pytest.raises(ValueError, match=r"features must be \(batch, frames, 9\), got \(1, 5, 8\)"):
        network(torch.zeros(1, 5, 8))
    with pytest.raises(ValueError, match="must be positive"):
        ActivityConfig(feature_dim=1)
    with pytest.raises(ValueError, match=r"floor must lie in \[0, 1\], got 2"):
        ActivityConfig(floor=2)
