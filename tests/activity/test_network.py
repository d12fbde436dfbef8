"""The network that finds speech, and what it makes of whole recordings."""

import numpy as np
import pytest
import torch

from pysid.activity import ActivityConfig
from pysid.activity.network import levelled, reference_levels

SMALL = ActivityConfig(feature_dim=9, channels=8, dilations=(1, 2, 4))


@pytest.mark.parametrize("n_frames", [1, 2, 3, 99, 100])
def test_an_output_for_every_two_frames(network, n_frames):
    assert network(torch.randn(2, n_frames, 9)).shape == (2, -(-n_frames // 2), 2)


def test_no_output_depends_on_more_than_its_context(network):
    x = torch.randn(1, 200, 9)
    before = network(x)
    x[:, 100] += 1.0
    changed = (network(x) != before).any(-1)[0].nonzero()[:, 0] * SMALL.stride
    assert changed.min() >= 100 - SMALL.context and changed.max() <= 100 + SMALL.context
    assert changed.min() < 100 < changed.max()  # it does look around


def as_read(x):
    return levelled(x, reference_levels(x, SMALL))


def test_gain_and_microphone_make_no_difference():
    x = torch.randn(1000, 9).abs() * 5 + 3
    changed = x + torch.linspace(2, 7, 9)
    torch.testing.assert_close(as_read(changed), as_read(x))


def test_bands_are_above_their_floor_and_the_energy_below_its_top():
    x = torch.randn(1000, 9).abs() * 5 + 3
    found = as_read(x)
    np.testing.assert_allclose((found[:, 1:] < 0).float().mean(0), SMALL.floor, atol=0.002)
    assert (found[:, 0] > 0).float().mean() == pytest.approx(1 - SMALL.top, abs=0.002)


def test_digital_silence_does_not_count():
    x = torch.randn(1000, 9).abs() * 5 + 3
    found = as_read(torch.cat([x, torch.full((3000, 9), -15.9)]))
    torch.testing.assert_close(found[:1000], as_read(x))
    assert (found[1000:, 1:] == -5).all() and found.min() == -10
    assert as_read(torch.zeros(0, 9)).shape == (0, 9)
    assert as_read(torch.full((5, 9), -15.9)).unique().tolist() == [-10, -5]


def test_the_levels_of_a_long_recording_are_those_of_a_part(monkeypatch):
    x = torch.randn(5000, 9) + 10
    whole = as_read(x)
    monkeypatch.setattr("pysid.activity.network.LEVEL_FRAMES", 2500)
    torch.testing.assert_close(as_read(x), whole, atol=0.15, rtol=0)


def test_wrong_width(network):
    with pytest.raises(ValueError, match=r"features must be \(batch, frames, 9\), got \(1, 5, 8\)"):
        network(torch.zeros(1, 5, 8))
    with pytest.raises(ValueError, match="must be positive"):
        ActivityConfig(feature_dim=1)
    with pytest.raises(ValueError, match="0 <= floor <= top <= 1 must hold, got 2 and"):
        ActivityConfig(floor=2)
