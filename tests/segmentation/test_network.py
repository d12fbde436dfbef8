"""The network of local segmentation."""

import dataclasses

import pytest
import torch

from pysid.embedding.resnet import ResNetConfig
from pysid.frontend import FbankConfig
from pysid.segmentation.network import MelNet, MelNetConfig, MelSegmentation, prepared
from pysid.segmentation.trunk import TrunkConfig

SMALL = MelNetConfig(feature_dim=9, channels=(8, 12, 12), hidden=8, n_heads=2)
FEATURES = FbankConfig(n_mels=8, use_energy=True, snip_edges=False)


@pytest.fixture
def network() -> MelNet:
    torch.manual_seed(0)
    network = MelNet(SMALL)
    with torch.no_grad():
        network(5 + torch.randn(4, 200, 9))  # moves the statistics of its batch norms
    return network.eval()


@pytest.mark.parametrize("n_frames", [1, 2, 3, 8, 99, 100, 1000])
def test_log_probabilities_for_every_two_frames(network, n_frames):
    found = network(5 + torch.randn(2, n_frames, 9))
    assert found.shape == (2, -(-n_frames // 2), 7)
    torch.testing.assert_close(found.exp().sum(-1), torch.ones(found.shape[:2]))


def test_neither_level_nor_colour_matters(network):
    x = 5 + torch.rand(1, 120, 9)
    colour = torch.linspace(-2, 3, 9)
    torch.testing.assert_close(network(x + colour), network(x), atol=1e-5, rtol=0)
    x[..., 0] = torch.randn(120)  # the energy is not looked at
    torch.testing.assert_close(network(x + colour), network(x), atol=1e-5, rtol=0)


def test_digital_silence_is_as_quiet_as_the_last_bit():
    x = 5 + torch.rand(1, 50, 4)
    x[:, 10:20] = 0.0
    silent = x.clone()
    silent[:, 10:20] = -15.9
    torch.testing.assert_close(prepared(silent), prepared(x))
    assert prepared(x).shape == (1, 50, 3)


@pytest.mark.parametrize("n_frames", [37, 200])
def test_a_window_is_heard_by_itself(network, n_frames):
    x = 5 + torch.randn(5, n_frames, 9)
    together = network(x)
    for one, alone in zip(together, x, strict=True):
        torch.testing.assert_close(network(alone[None])[0], one, atol=1e-5, rtol=0)


def test_every_frame_may_hear_all_of_the_window(network):
    x = 5 + torch.randn(1, 400, 9)
    before = network(x)
    x[:, 390:] += torch.randn(10, 9)
    assert ((network(x) - before)[0, :4].abs() > 0).any()


def test_it_is_what_pipelines_expect(network):
    found = MelSegmentation(network.train(), FEATURES)
    assert not network.training
    assert (found.grid.step_s, found.grid.first_s, found.grid.window_s) == (0.02, 0.0, 10.0)
    assert found.sample_rate == 16000 and found.features == FEATURES and found.powerset == SMALL.powerset
    x = 5 + torch.randn(2, 100, 9)
    torch.testing.assert_close(found(x), network(x))
    assert not found(x).requires_grad


def test_four_speakers_have_eleven_classes():
    assert MelNet(MelNetConfig(feature_dim=9, n_speakers=4))(torch.randn(2, 64, 9)).shape == (2, 32, 11)


def test_its_size_is_what_the_card_says():
    assert sum(p.numel() for p in MelNet().parameters()) == 1_638_599


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channels": (0, 1, 1)}, "must be positive"),
        ({"feature_dim": 1}, "must be positive"),
        ({"hidden": 5, "n_heads": 4}, "n_heads must divide 2 hidden"),
        ({"window_s": 0.0}, "window_s must be positive"),
        ({"n_speakers": 1}, "1 <= max_together <= n_speakers"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(ValueError, match=message):
        MelNetConfig(**options)


@pytest.mark.parametrize("shape", [(2, 100, 8), (100, 9), (2, 0, 9)])
def test_wrong_features(network, shape):
    with pytest.raises(ValueError, match=r"features must be \(batch, frames, 9\)"):
        network(torch.zeros(shape))


def test_windows_that_overlap_share_the_trunk():
    torch.manual_seed(0)
    resnet = ResNetConfig(feature_dim=9, channels=(8, 8, 12, 16), embedding_dim=8)
    network = MelNet(dataclasses.replace(SMALL, trunk=TrunkConfig(resnet)))
    torch.nn.init.normal_(network.from_trunk[1].weight)
    segmenter = MelSegmentation(network, FEATURES)
    assert segmenter.alignment == 4
    x = 5 + torch.randn(1000, 9)
    starts = [0, 240, 480]
    apart = segmenter(torch.stack([x[start : start + 520] for start in starts]))
    together = segmenter.over(x, starts, 520)
    assert together.shape == apart.shape
    middle = (together - apart)[:, 100:160].abs().max()  # far from the edges only the mean of CMVN differs
    assert middle < 0.5 * (apart - apart.mean(1, keepdim=True)).abs().max()
    torch.testing.assert_close(segmenter.over(x, [0, 241], 520)[1], segmenter(x[None, 241:761])[0])


def test_without_a_trunk_windows_are_heard_by_themselves(network):
    segmenter = MelSegmentation(network, FEATURES)
    x = 5 + torch.randn(300, 9)
    assert segmenter.alignment == 1
    torch.testing.assert_close(segmenter.over(x, [0, 100], 200)[1], segmenter(x[None, 100:])[0])


def test_the_trunk_beside_features_of_another_width():
    with pytest.raises(ValueError, match="must be 9"):
        dataclasses.replace(SMALL, trunk=TrunkConfig())
