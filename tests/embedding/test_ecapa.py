import dataclasses
from pathlib import Path

import pytest
import torch
from torch import nn

from pysid.config import from_plain, to_plain
from pysid.embedding.ecapa import Ecapa, EcapaConfig
from pysid.embedding.networks import TrainableConfig, make_network, n_parameters
from pysid.exchange.to_onnx import export_onnx
from pysid.frontend import FbankConfig, FrontendConfig
from pysid.io.audio.samples import Int16Scale
from pysid.model.config import ModelConfig
from pysid.model.speaker_model import SpeakerModel
from pysid.training.embedding.averaging import recompute_norms

SMALL = EcapaConfig(
    feature_dim=13, channels=16, scale=4, squeeze_dim=6, pooled_dim=24, attention_dim=8, embedding_dim=5
)
VARIANTS = [
    SMALL,
    dataclasses.replace(SMALL, padding="zeros", attention_norm=False, pooled_norm=False, context_unbiased=True),
    dataclasses.replace(SMALL, global_context=False, embedding_norm=True, dilations=(2, 3)),
]


def settled(config: EcapaConfig) -> Ecapa:
    """A network whose batch norms have seen some data, in eval mode."""
    torch.manual_seed(0)
    network = Ecapa(config)
    recompute_norms(network, (torch.randn(4, 40, config.feature_dim) for _ in range(3)))
    return network.eval()


def test_parameters_are_those_of_the_paper() -> None:
    """Table 1: 6.2 M and 14.7 M; a batch norm more than it counts before the attention's tanh."""
    assert n_parameters(Ecapa()) == 6_194_048
    assert n_parameters(Ecapa(EcapaConfig(channels=1024))) == 14_660_416


@pytest.mark.parametrize(("channels", "millions"), [(512, 6.19), (1024, 14.65)])
def test_parameters_are_those_that_wespeaker_names(channels: int, millions: float) -> None:
    """examples/voxceleb/v2/README.md, ECAPA_TDNN_GLOB, cut off after two digits."""
    with torch.device("meta"):
        network = Ecapa(EcapaConfig(channels=channels, padding="zeros", attention_norm=False, pooled_norm=False))
    assert int(n_parameters(network) / 1e4) / 100 == millions


@pytest.mark.parametrize("config", VARIANTS)
def test_batch_equals_one_by_one(config: EcapaConfig) -> None:
    network = settled(config)
    utterances = [torch.randn(n, 13) for n in (41, 7, 64, 41, 5)]
    lengths = torch.tensor([len(x) for x in utterances])
    padded = nn.utils.rnn.pad_sequence(utterances, batch_first=True, padding_value=99.0)
    with torch.no_grad():
        batch = network(padded, lengths)
        for row, x in zip(batch, utterances, strict=True):
            torch.testing.assert_close(row, network(x[None])[0], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("config", VARIANTS)
def test_pooling_sees_the_frames_that_count(config: EcapaConfig) -> None:
    """Frames past the end, and those of weight zero, do not matter to what is behind them."""
    network = settled(config)
    frames = network.frame_level(torch.randn(2, 30, 13))[0]
    changed = frames.clone()
    changed[:, 20:] = 7.0
    weights = (torch.arange(30) < 20).float().expand(2, 30)
    with torch.no_grad():
        cut = network.segment_level(frames[:, :20])
        torch.testing.assert_close(network.segment_level(changed, torch.tensor([20, 20])), cut, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(network.segment_level(changed, weights=weights), cut, rtol=1e-5, atol=1e-5)


def test_a_frame_near_the_end_sees_the_end_in_reverse() -> None:
    network = settled(SMALL)
    x = torch.randn(1, 30, 12)
    longer = torch.cat([x[:, 1:3].flip(1), x, x[:, -3:-1].flip(1)], 1)
    first = network.first
    expected = first.activate(first.splice_affine(longer))
    with torch.no_grad():
        torch.testing.assert_close(first(x), expected, rtol=1e-5, atol=1e-5)


def test_every_weight_learns() -> None:
    network = settled(dataclasses.replace(SMALL, embedding_norm=True)).train()
    embedding, attention = network.classifier_input(torch.randn(3, 40, 13))
    assert embedding.shape == (3, 5) and attention is None
    (embedding - 1).square().sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in network.parameters())


def test_configuration_there_and_back() -> None:
    assert from_plain(TrainableConfig, to_plain(SMALL), "x") == SMALL  # type: ignore[arg-type]
    assert isinstance(make_network(SMALL), Ecapa)
    for wrong, message in [
        ({"channels": 12, "scale": 8}, "a multiple of scale, 2 or more, got 12 and 8"),
        ({"dilations": ()}, "must be positive"),
        ({"context_offset": -1.0}, "must not be negative"),
    ]:
        with pytest.raises(ValueError, match=message):
            dataclasses.replace(SMALL, **wrong)


def test_too_short_for_the_reflection() -> None:
    with pytest.raises(ValueError, match="more than 4 frames, got 4"):
        settled(SMALL)(torch.zeros(1, 4, 13))


def test_exported_and_read_again(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    frontend = FrontendConfig(features=FbankConfig(n_mels=12, use_energy=True))
    model = SpeakerModel(ModelConfig(frontend, SMALL), settled(SMALL))
    export_onnx(model, tmp_path / "ecapa.onnx")
    wave = 1000 * torch.randn(20000).numpy()
    there, back = (x.embed(Int16Scale(wave)) for x in (model, SpeakerModel.load(tmp_path / "ecapa.onnx")))
    torch.testing.assert_close(torch.from_numpy(there), torch.from_numpy(back), rtol=1e-4, atol=1e-4)
