"""Against SpeechBrain and WeSpeaker themselves: tests/model/toolkits. Here: laws."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from pysid.config import from_plain, to_plain
from pysid.embedding.masked import MaskedEmbedder
from pysid.embedding.networks import TrainableConfig, make_network, n_parameters
from pysid.embedding.time_delay import TimeDelay, TimeDelayConfig
from pysid.embedding.xvector import KALDI_FRAME_LAYERS, FrameLayerConfig
from pysid.exchange.to_onnx import export_onnx
from pysid.frontend import FbankConfig, FrontendConfig
from pysid.model.config import ModelConfig
from pysid.model.speaker_model import SpeakerModel
from pysid.training.embedding.averaging import recompute_norms

LAYERS = (FrameLayerConfig(16, (-2, -1, 0, 1, 2)), FrameLayerConfig(16, (-3, 0, 3)), FrameLayerConfig(24))
CUT = TimeDelayConfig(feature_dim=13, frame_layers=LAYERS, segment_dims=(8, 5))
PADDED = dataclasses.replace(CUT, padding="reflect", slope=0.01, norm_affine=True, segment_dims=(5,))
CONFIGS = [CUT, PADDED]


def settled(config: TimeDelayConfig) -> TimeDelay:
    torch.manual_seed(0)
    network = TimeDelay(config)
    recompute_norms(network, (torch.randn(4, 40, config.feature_dim) for _ in range(3)))
    return network.eval()


def test_parameters_are_those_that_wespeaker_names() -> None:
    """Its README: 4.61 M, of frames of 80 bands; seg_2, whose output is the embedding, included."""
    with torch.device("meta"):
        assert n_parameters(TimeDelay(TimeDelayConfig())) / 1e6 == pytest.approx(4.61, abs=0.005)


@pytest.mark.parametrize("config", CONFIGS)
def test_batch_equals_one_by_one(config: TimeDelayConfig) -> None:
    network = settled(config)
    utterances = [torch.randn(n, 13) for n in (41, 12, 64, 41)]
    padded = nn.utils.rnn.pad_sequence(utterances, batch_first=True, padding_value=99.0)
    with torch.no_grad():
        batch = network(padded, torch.tensor([len(x) for x in utterances]))
        for row, x in zip(batch, utterances, strict=True):
            torch.testing.assert_close(row, network(x[None])[0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("config", CONFIGS)
def test_frames_before_pooling(config: TimeDelayConfig) -> None:
    network = settled(config)
    frames, _ = network.frame_level(torch.randn(1, 30, 13))
    assert frames.shape == (1, 20 if config is CUT else 30, 24)
    assert network.config.context == (10 if config is CUT else 3)
    with pytest.raises(ValueError, match=f"more than {config.context} frames"):
        network(torch.zeros(1, config.context, 13))


def test_a_part_of_a_recording_is_pooled_from_its_frames() -> None:
    """Without padding, frame i of the layers' output is the middle of what it sees, frame i + 5 of the input."""
    network = settled(dataclasses.replace(CUT, subtract_mean=False))
    x = torch.randn(200, 13)
    mask = np.zeros((1, 200))
    mask[0, 60:120] = 1
    embedder = MaskedEmbedder(network, lambda a, b: x[a:b], 200, 64)
    with torch.no_grad():
        expected = network(x[None, 55:125])[0]
    torch.testing.assert_close(torch.from_numpy(embedder(0, mask)[0]), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("config", CONFIGS)
def test_every_weight_learns(config: TimeDelayConfig) -> None:
    network = settled(config).train()
    embedding, attention = network.classifier_input(torch.randn(3, 40, 13))
    assert embedding.shape == (3, 5) and attention is None
    (embedding * torch.randn(3, 5)).sum().backward()
    grads = [p.grad for p in network.parameters()]
    assert all(grad is not None and torch.isfinite(grad).all() for grad in grads)
    assert all(grad.abs().max() > 0 for grad in grads if grad is not None and grad.ndim > 1)


def test_settings_there_and_back() -> None:
    assert from_plain(TrainableConfig, to_plain(PADDED), "x") == PADDED  # type: ignore[arg-type]
    assert isinstance(make_network(CUT), TimeDelay) and TimeDelayConfig().frame_layers == KALDI_FRAME_LAYERS
    for wrong, message in [
        ({"segment_dims": ()}, "layers of positive widths"),
        ({"slope": 1.0}, r"slope must lie in \[0, 1\)"),
        ({"frame_layers": (FrameLayerConfig(4, (-1, 0, 1), 1),)}, "no padding of their own"),
        ({"padding": "reflect", "frame_layers": (FrameLayerConfig(4, (-2, -1, 0)),)}, "as far back as ahead"),
    ]:
        with pytest.raises(ValueError, match=message):
            dataclasses.replace(CUT, **wrong)


@pytest.mark.parametrize("config", CONFIGS)
def test_exported_graph_gives_the_same(config: TimeDelayConfig, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    frontend = FrontendConfig(features=FbankConfig(n_mels=12, use_energy=True))
    model = SpeakerModel(ModelConfig(frontend, config), settled(config))
    export_onnx(model, tmp_path / "x.onnx")
    x = torch.randn(1, 77, 13)
    with torch.no_grad():
        there, back = model.network(x), SpeakerModel.load(tmp_path / "x.onnx").network(x)
    torch.testing.assert_close(there, back, rtol=1e-3, atol=1e-4)
