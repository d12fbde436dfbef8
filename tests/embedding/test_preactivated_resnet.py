"""Against SpeechBrain itself: tests/model/toolkits. Here: laws."""

from pathlib import Path

import pytest
import torch
from torch import nn

from pysid.config import from_plain, to_plain
from pysid.embedding.networks import TrainableConfig, make_network
from pysid.embedding.preactivated_resnet import PreactivatedResNet, PreactivatedResNetConfig
from pysid.exchange.to_onnx import export_onnx
from pysid.frontend import FbankConfig, FrontendConfig
from pysid.model.config import ModelConfig
from pysid.model.speaker_model import SpeakerModel

SMALL = PreactivatedResNetConfig(
    feature_dim=13, channels=(4, 6), blocks=(1, 2), strides=(1, 2), squeezed_stages=1, attention_dim=8, embedding_dim=5
)


def settled() -> PreactivatedResNet:
    torch.manual_seed(0)
    network = PreactivatedResNet(SMALL)
    for _ in range(3):
        network(torch.randn(4, 40, 13))
    return network.eval()


def test_batch_equals_one_by_one() -> None:
    network = settled()
    utterances = [torch.randn(n, 13) for n in (41, 7, 64, 41, 1)]
    padded = nn.utils.rnn.pad_sequence(utterances, batch_first=True, padding_value=99.0)
    with torch.no_grad():
        batch = network(padded, torch.tensor([len(x) for x in utterances]))
        for row, x in zip(batch, utterances, strict=True):
            torch.testing.assert_close(row, network(x[None])[0], rtol=1e-4, atol=1e-4)


def test_frames_and_bands_are_halved_by_a_stride() -> None:
    frames, _ = settled().frame_level(torch.randn(1, 31, 13))
    assert frames.shape == (1, 16, 6 * 6)


def test_every_weight_learns() -> None:
    network = settled().train()
    embedding, attention = network.classifier_input(torch.randn(3, 40, 13))
    assert embedding.shape == (3, 5) and attention is None
    (embedding * torch.randn(3, 5)).sum().backward()
    grads = {name: p.grad for name, p in network.named_parameters()}
    assert all(grad is not None and torch.isfinite(grad).all() for grad in grads.values())
    assert all(grad.abs().max() > 0 for grad in grads.values() if grad is not None and grad.ndim > 1)


def test_settings_there_and_back() -> None:
    assert from_plain(TrainableConfig, to_plain(SMALL), "x") == SMALL  # type: ignore[arg-type]
    assert isinstance(make_network(SMALL), PreactivatedResNet)
    with pytest.raises(ValueError, match="name the same stages"):
        PreactivatedResNetConfig(channels=(4,))
    with pytest.raises(ValueError, match="must be positive"):
        PreactivatedResNetConfig(blocks=(1, 1, 1, 0))


def test_exported_graph_gives_the_same(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    frontend = FrontendConfig(features=FbankConfig(n_mels=12, use_energy=True))
    model = SpeakerModel(ModelConfig(frontend, SMALL), settled())
    export_onnx(model, tmp_path / "x.onnx")
    x = torch.randn(1, 77, 13)
    with torch.no_grad():
        there, back = model.network(x), SpeakerModel.load(tmp_path / "x.onnx").network(x)
    torch.testing.assert_close(there, back, rtol=1e-3, atol=1e-4)
