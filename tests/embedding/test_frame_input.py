"""Energy, scale and mean of frames before a network's first layer."""

import math

import pytest
import torch

from pysid.embedding.frame_input import FrameInput, check_input, network_input
from pysid.errors import DataError
from pysid.frontend import CmvnConfig, FbankConfig, FrontendConfig, MfccConfig

PLAIN = FrameInput(feature_dim=4, skip_energy=False, subtract_mean=False)


def test_each_step_by_itself():
    torch.manual_seed(0)
    x = torch.randn(2, 9, 4) + 30
    assert torch.equal(network_input(x, PLAIN), x)
    assert torch.equal(network_input(x, FrameInput(feature_dim=4, subtract_mean=False)), x[..., 1:])
    centred = network_input(x, FrameInput(feature_dim=4, skip_energy=False))
    torch.testing.assert_close(centred, x - x.mean(1, keepdim=True))
    scaled = network_input(x, FrameInput(feature_dim=4, skip_energy=False, unit_variance=True))
    torch.testing.assert_close(scaled.std(1), torch.ones(2, 4), rtol=1e-4, atol=0)
    one = network_input(x[:, :1], FrameInput(feature_dim=4, skip_energy=False, unit_variance=True))
    assert torch.equal(one, torch.zeros(2, 1, 4))  # and no division by zero


def test_features_of_a_wave_below_one_are_those_of_the_wave_at_int16_scale():
    torch.manual_seed(0)
    energy = torch.rand(1, 5, 4).exp()
    unit = FrameInput(feature_dim=4, skip_energy=False, subtract_mean=False, wave_scale="unit")
    torch.testing.assert_close(network_input((energy * 32768**2).log(), unit), energy.log(), rtol=0, atol=1e-5)
    floor = network_input(torch.full((1, 1, 4), -15.0), unit)
    assert floor.unique().item() == pytest.approx(math.log(2**-23))


def test_widths():
    assert (FrameInput().n_bands, PLAIN.n_bands, PLAIN.context) == (80, 4, 0)
    for changes, message in (
        ({"feature_dim": 1}, "feature_dim must be positive, more than 1 with skip_energy, got 1"),
        ({"subtract_mean": False, "unit_variance": True}, "unit_variance needs subtract_mean"),
    ):
        with pytest.raises(ValueError, match=message):
            FrameInput(**changes)


@pytest.mark.parametrize(
    ("frontend", "scale", "fits"),
    [
        (FrontendConfig(features=FbankConfig(use_energy=True)), "int16", True),
        (FrontendConfig(features=FbankConfig(use_energy=True)), "unit", True),
        (FrontendConfig(features=FbankConfig()), "int16", False),  # no energy to skip
        (FrontendConfig(features=FbankConfig(use_energy=True, htk_compat=True)), "int16", False),  # it comes last
        (FrontendConfig(features=FbankConfig(use_energy=True), cmvn=CmvnConfig()), "int16", True),
        (FrontendConfig(features=FbankConfig(use_energy=True), cmvn=CmvnConfig()), "unit", False),
        (FrontendConfig(features=FbankConfig(use_energy=True, use_log=False)), "unit", False),
        (FrontendConfig(features=MfccConfig()), "unit", False),
    ],
)
def test_what_a_front_end_must_give(frontend, scale, fits):
    config = FrameInput(wave_scale=scale)
    if fits:
        check_input(config, frontend)
        return
    with pytest.raises(DataError, match=r"network\.skip_energy needs|network\.wave_scale 'unit' needs"):
        check_input(config, frontend)
