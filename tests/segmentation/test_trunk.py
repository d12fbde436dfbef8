"""The first stages of a speaker network, as a network of segmentation reads them."""

import dataclasses

import pytest
import torch

from pysid.embedding.resnet import ResNet, ResNetConfig
from pysid.frontend import CmvnConfig, sliding_cmvn
from pysid.segmentation.trunk import Trunk, TrunkConfig

RESNET = ResNetConfig(feature_dim=17, channels=(8, 8, 12, 16), embedding_dim=8)
SMALL = TrunkConfig(RESNET, CmvnConfig(window=100, center=True))


@pytest.fixture
def speakers() -> ResNet:
    torch.manual_seed(0)
    network = ResNet(RESNET)
    with torch.no_grad():
        network(torch.randn(4, 200, 17))  # moves the statistics of its batch norms
    return network.eval()


@pytest.mark.parametrize("n_frames", [1, 7, 8, 9, 100, 203])
def test_a_frame_for_eight(n_frames):
    assert Trunk(SMALL)(torch.randn(2, n_frames, 17)).shape == (2, -(-n_frames // 8), SMALL.dim)


def test_frames_are_those_of_the_speaker_network(speakers):
    whole = dataclasses.replace(RESNET, channels=RESNET.channels[:3], blocks=(2, 2, 2), strides=RESNET.strides[:3])
    short = ResNet(whole).eval()
    names = short.state_dict().keys() & {n for n in speakers.state_dict() if n.startswith(("stem", "blocks"))}
    short.load_state_dict({n: speakers.state_dict()[n] for n in names}, strict=False)
    trunk = Trunk(SMALL)
    trunk.take(speakers)
    x = 5 + torch.randn(2, 160, 17)
    with torch.no_grad():
        expected, _ = short.frame_level(sliding_cmvn(x, config=SMALL.cmvn))
    torch.testing.assert_close(trunk(x), expected)


def test_stays_as_it_is_in_training():
    trunk = Trunk(SMALL).train()
    before = {name: x.clone() for name, x in trunk.state_dict().items()}
    assert not trunk(torch.randn(2, 80, 17)).requires_grad
    assert not any(module.training for module in trunk.modules())
    assert all(torch.equal(x, before[name]) for name, x in trunk.state_dict().items())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_blocks": 0}, "n_blocks must lie in"),
        ({"n_blocks": 9}, "n_blocks must lie in"),
        ({"n_blocks": 4}, "make up 8"),
    ],
)
def test_blocks_that_do_not_fit(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(SMALL, **change)
