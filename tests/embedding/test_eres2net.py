"""Against 3D-Speaker itself: tests/model/toolkits. Here: laws."""

from pathlib import Path

import pytest
import torch
from torch import nn

from pysid.config import from_plain, to_plain
from pysid.embedding.eres2net import ERes2Net, ERes2NetConfig
from pysid.embedding.networks import TrainableConfig, make_network, n_parameters
from pysid.exchange.to_onnx import export_onnx
from pysid.frontend import FbankConfig, FrontendConfig
from pysid.model.config import ModelConfig
from pysid.model.speaker_model import SpeakerModel

SMALL = ERes2NetConfig(feature_dim=17, channels=4, blocks=(1, 2, 1, 2), embedding_dim=5)


def settled() -> ERes2Net:
    torch.manual_seed(0)
    network = ERes2Net(SMALL)
    for _ in range(3):
        network(torch.randn(4, 40, 17))
    return network.eval()


def test_parameters_are_those_that_the_authors_name() -> None:
    """3D-Speaker's README: 6.61 M; of ERes2Net-large 22.46 M."""
    with torch.device("meta"):
        assert n_parameters(ERes2Net()) / 1e6 == pytest.approx(6.61, abs=0.005)
        assert n_parameters(ERes2Net(ERes2NetConfig(channels=64))) / 1e6 == pytest.approx(22.46, abs=0.005)


def test_batch_equals_one_by_one() -> None:
    network = settled()
    utterances = [torch.randn(n, 17) for n in (41, 7, 64, 41, 1)]
    padded = nn.utils.rnn.pad_sequence(utterances, batch_first=True, padding_value=99.0)
    with torch.no_grad():
        batch = network(padded, torch.tensor([len(x) for x in utterances]))
        for row, x in zip(batch, utterances, strict=True):
            torch.testing.assert_close(row, network(x[None])[0], rtol=1e-4, atol=1e-4)


def test_every_weight_learns() -> None:
    network = settled().train()
    embedding, attention = network.classifier_input(torch.randn(3, 40, 17))
    assert embedding.shape == (3, 5) and attention is None
    (embedding * torch.randn(3, 5)).sum().backward()
    assert all(p.grad is not None for p in network.parameters())


def test_settings_there_and_back() -> None:
    assert from_plain(TrainableConfig, to_plain(SMALL), "x") == SMALL  # type: ignore[arg-type]
    assert isinstance(make_network(SMALL), ERes2Net)
    with pytest.raises(ValueError, match="8 bands or more"):
        ERes2NetConfig(feature_dim=8)


def test_exported_graph_gives_the_same(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    features = FbankConfig(n_mels=16, use_energy=True)
    model = SpeakerModel(ModelConfig(FrontendConfig(features=features), SMALL), settled())
    export_onnx(model, tmp_path / "x.onnx")
    exported = SpeakerModel.load(tmp_path / "x.onnx")
    x = torch.randn(2, 77, 17) + 25
    with torch.no_grad():
        torch.testing.assert_close(exported.network(x), model.network(x), rtol=1e-3, atol=1e-3)
