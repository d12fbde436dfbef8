import dataclasses
import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pysid.config import from_plain, to_plain
from pysid.embedding.networks import TrainableConfig, make_network
from pysid.embedding.resnet import ResNet, ResNetConfig
from pysid.embedding.windows import embed_windows
from pysid.embedding.xvector import XVector, XVectorConfig
from pysid.errors import DataError
from pysid.frontend import FbankConfig, FrontendConfig
from pysid.model.config import ModelConfig
from pysid.model.directory import save_network
from pysid.model.network_file import read_network
from pysid.model.speaker_model import SpeakerModel
from pysid.training.embedding.averaging import recompute_norms

SMALL = ResNetConfig(
    feature_dim=13,
    channels=(8, 12, 16),  # with fewer, oneDNN of PyTorch 2.13 writes past its gradients on CPUs without AVX-512
    blocks=(1, 2, 1),
    strides=((1, 1), (2, 2), (1, 2)),
    embedding_dim=5,
)


def settled(config: ResNetConfig) -> ResNet:
    """A network whose batch norms have seen some data, in eval mode."""
    torch.manual_seed(0)
    network = ResNet(config)
    recompute_norms(network, (torch.randn(4, 40, config.feature_dim) for _ in range(10)))
    return network.eval()


def unsettled_by_hand(network: ResNet) -> ResNet:
    """The network with weights in place of the zeros that attention and excitation begin with."""
    for name, x in network.named_parameters():
        if ".excite." in name or ".scores." in name:
            nn.init.normal_(x)
    return network


@pytest.mark.parametrize("pooling", ["statistics", "attention", "attentive"])
@pytest.mark.parametrize("squeeze", [0, 4])
def test_batch_equals_one_by_one(pooling: str, squeeze: int) -> None:
    network = unsettled_by_hand(settled(dataclasses.replace(SMALL, pooling=pooling, squeeze=squeeze)))
    utterances = [torch.randn(n, 13) for n in (41, 7, 64, 40, 1, 2)]
    lengths = torch.tensor([len(x) for x in utterances])
    padded = nn.utils.rnn.pad_sequence(utterances, batch_first=True, padding_value=99.0)
    with torch.no_grad():
        batch = network(padded, lengths)
        for row, x in zip(batch, utterances, strict=True):
            alone = network(x[None])[0]
            torch.testing.assert_close(row, alone, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(network(padded.flip(0), lengths.flip(0)).flip(0), batch, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("stem, first", list(itertools.product([(1, 1), (2, 2), (1, 2)], [(1, 1), (2, 1)])))
def test_frames_left_are_those_that_come_out(stem: tuple[int, int], first: tuple[int, int]) -> None:
    network = settled(dataclasses.replace(SMALL, stem_stride=stem, strides=(first, (2, 2), (1, 2))))
    for n in range(1, 30):
        out, left = network.frame_level(torch.randn(1, n, 13), torch.tensor([n]))
        assert left is not None and out.shape[1] == int(left[0])


def test_the_energy_is_not_looked_at() -> None:
    network, x = settled(SMALL), torch.randn(1, 30, 13)
    louder = x.clone()
    louder[..., 0] += 7
    assert torch.equal(network(x), network(louder))
    everything = settled(dataclasses.replace(SMALL, skip_energy=False))
    assert not torch.equal(everything(x), everything(louder))


def test_a_block_is_two_convolutions_and_a_shortcut() -> None:
    block = settled(SMALL).blocks[1]
    x = torch.randn(1, 8, 9, 6)
    inner = block.first.norm(block.first.conv(x)).relu()
    expected = (block.second.norm(block.second.conv(inner)) + block.shortcut.norm(block.shortcut.conv(x))).relu()
    torch.testing.assert_close(block(x, None)[0], expected)
    assert expected.shape == (1, 12, 5, 3)


def test_what_the_head_sees_is_the_embedding() -> None:
    network, x = settled(SMALL), torch.randn(3, 30, 13)
    torch.testing.assert_close(network.classifier_input(x)[0], network(x))
    assert network.classifier_input(x)[1] is None
    attentive = settled(dataclasses.replace(SMALL, pooling="attention"))
    seen, attention = attentive.classifier_input(x)
    torch.testing.assert_close(seen, attentive(x))
    assert attention is not None and attention.shape == (3, 2, 8)
    torch.testing.assert_close(attention.sum(-1), torch.ones(3, 2))


def test_every_weight_is_trained() -> None:
    network = ResNet(SMALL)
    (network.classifier_input(torch.randn(4, 40, 13))[0] * torch.randn(4, 5)).sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


def test_windows_are_embedded_as_they_are_alone() -> None:
    network, x = settled(SMALL), torch.randn(200, 13)
    bounds = [(0, 60), (30, 90), (60, 120), (150, 200)]
    embeddings = list(embed_windows(network, lambda a, b: x[a:b], bounds))
    for (a, b), found in zip(bounds, embeddings, strict=True):
        np.testing.assert_allclose(found, network(x[None, a:b])[0].detach().numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("config", [SMALL, XVectorConfig(feature_dim=13)])
def test_a_config_says_which_network_it_is_of(config: TrainableConfig) -> None:
    assert from_plain(TrainableConfig, to_plain(config), "config.json") == config  # type: ignore[arg-type]
    assert isinstance(make_network(config), ResNet if isinstance(config, ResNetConfig) else XVector)


def test_saved_and_loaded_it_is_the_same_model(tmp_path: Path) -> None:
    frontend = FrontendConfig(features=FbankConfig(n_mels=12, use_energy=True))
    network = settled(SMALL)
    save_network(tmp_path / "model", ModelConfig(frontend, SMALL), network)
    x = torch.randn(1, 30, 13)
    torch.testing.assert_close(read_network(tmp_path / "model", SMALL).eval()(x), network(x))
    model = SpeakerModel.load(tmp_path / "model")
    assert model.config.network == SMALL


@pytest.mark.parametrize(
    "change, message",
    [
        ({"blocks": (1, 2)}, "must name the same stages, at least one, got 3, 2 and 3"),
        ({"channels": (4, 0, 8)}, "must be positive"),
        ({"blocks": (1, 10**9, 1)}, "a stage must have at most 1000 blocks, got 1000000000"),
        ({"feature_dim": 1}, "must be positive"),
        ({"strides": ((1, 1), (0, 2), (1, 2))}, "must be positive"),
    ],
)
def test_impossible_options(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(SMALL, **change)


@pytest.mark.parametrize(
    "features, n_frames, message",
    [
        (torch.zeros(1, 9, 12), None, r"features must be \(batch, frames, 13\), got \(1, 9, 12\)"),
        (torch.zeros(1, 0, 13), None, "at least one frame"),
        (torch.zeros(2, 9, 13), torch.tensor([9, 0]), "at least one frame"),
    ],
)
def test_impossible_input(features: Tensor, n_frames: Tensor | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        settled(SMALL)(features, n_frames)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    frontend = FrontendConfig(features=FbankConfig(n_mels=12, use_energy=True))
    save_network(tmp_path, ModelConfig(frontend, SMALL), settled(SMALL))
    with pytest.raises(DataError, match=r"does not fit config\.json"):
        read_network(tmp_path, dataclasses.replace(SMALL, embedding_dim=6))


def test_squeeze_excitation_and_attentive_pooling_change_nothing_at_first() -> None:
    plain = settled(SMALL)
    more = ResNet(dataclasses.replace(SMALL, squeeze=2, pooling="attentive")).eval()
    missing, unexpected = more.load_state_dict(plain.state_dict(), strict=False)
    assert not unexpected and {name.split(".")[0] for name in missing} == {"blocks", "pooling"}
    x = torch.randn(2, 50, 13)
    torch.testing.assert_close(more(x), plain(x), rtol=1e-4, atol=1e-4)


def test_channels_are_weighed_by_their_means() -> None:
    network = unsettled_by_hand(settled(dataclasses.replace(SMALL, squeeze=4)))
    block, x = network.blocks[1], torch.randn(1, 8, 9, 6)
    e = block.excitation
    inner = block.second(block.first(x).relu())
    hidden = (inner.mean((2, 3)) @ e.squeeze.weight.T + e.squeeze.bias).clamp(min=0)
    weights = 2 / (1 + torch.exp(-(hidden @ e.excite.weight.T + e.excite.bias)))
    expected = (inner * weights[:, :, None, None] + block.shortcut(x)).relu()
    torch.testing.assert_close(block(x, None)[0], expected)


@pytest.mark.parametrize("change", [{"squeeze": 9}, {"squeeze": -1}, {"squeeze": 2, "block": "bottleneck"}])
def test_squeeze_must_go_with_the_channels(change: dict) -> None:
    with pytest.raises(ValueError, match=r"squeeze must lie in \[0, 8\], and be 0 for bottlenecks"):
        dataclasses.replace(SMALL, **change)
