"""x-vector networks as ONNX files."""

import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import pysid
from pysid.embedding.networks import make_network
from pysid.embedding.resnet import ResNetConfig
from pysid.embedding.xvector import FrameLayerConfig, XVectorConfig
from pysid.errors import DataError
from pysid.exchange import to_onnx as onnx_export
from pysid.exchange.to_onnx import export_onnx
from pysid.frontend import VOXCELEB
from pysid.model.config import ModelConfig
from pysid.model.speaker_model import SpeakerModel

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

AUDIO = Path(__file__).parents[2] / "examples" / "dev" / "audio" / "slt-0.ogg"


LAYERS = (
    FrameLayerConfig(12, (-2, -1, 0, 1, 2)),
    FrameLayerConfig(12, (-2, 0, 2)),
    FrameLayerConfig(12, (-3, 0, 3)),
    FrameLayerConfig(20),
)
SMALL = XVectorConfig(30, LAYERS, segment_dims=(16, 14), attention_dim=10, n_heads=3)
NETWORKS = {
    "statistics": SMALL,
    "attention": dataclasses.replace(SMALL, pooling="attention"),
    "second layer": dataclasses.replace(SMALL, embedding_layer=1),
    "rounded as Kaldi does": dataclasses.replace(SMALL, kaldi_rounding=True),
    "published port": SMALL.as_published_port(),
    "residual": ResNetConfig(feature_dim=30, channels=(4, 8), blocks=(1, 2), strides=((1, 1), (2, 2)), embedding_dim=9),
    "norm before relu": dataclasses.replace(SMALL, order="norm-relu", norm_eps=1e-5),
}


def trained(config):
    """A network whose batch norms have seen something."""
    torch.manual_seed(0)
    network = make_network(config)
    with torch.no_grad():
        for _ in range(30):
            network.classifier_input(2 * torch.randn(8, 60, config.feature_dim) + 1)
    return SpeakerModel(ModelConfig(VOXCELEB, config), network)


@pytest.mark.parametrize("name", NETWORKS)
def test_an_exported_network_gives_the_same_embeddings(name, tmp_path):
    model = trained(NETWORKS[name])
    state = {key: x.clone() for key, x in model.network.state_dict().items()}
    export_onnx(model, tmp_path / "net.onnx")
    assert all(torch.equal(x, state[key]) for key, x in model.network.state_dict().items())
    again = SpeakerModel.load(tmp_path / "net.onnx")
    assert (again.config.frontend, again.config.extract) == (model.config.frontend, model.config.extract)
    assert again.config.network.context == model.config.network.context
    rng = np.random.default_rng(1)
    utterances = [(str(n), rng.normal(size=(n, 30)).astype(np.float32)) for n in (3, 25, 26, 200, 611, 10300)]
    expected = dict(model.embed_features(utterances))
    for key, embedding in again.embed_features(utterances):
        np.testing.assert_allclose(embedding, expected[key], rtol=0, atol=1e-4 * np.abs(expected[key]).max())


@pytest.mark.parametrize("name", [name for name in NETWORKS if name != "residual"])
def test_in_8_bits_embeddings_are_close(name, tmp_path):
    model = trained(NETWORKS[name])
    sizes = {}
    for int8 in (False, True):
        export_onnx(model, tmp_path / "net.onnx", int8=int8)
        graph = onnx.load(tmp_path / "net.onnx").graph
        sizes[int8] = sum(onnx.numpy_helper.to_array(x).nbytes for x in graph.initializer)
    assert sizes[True] < 0.6 * sizes[False]
    assert "MatMulInteger" in {node.op_type for node in graph.node}
    again = SpeakerModel.load(tmp_path / "net.onnx")
    rng = np.random.default_rng(1)
    utterances = [(str(n), rng.normal(size=(n, 30)).astype(np.float32)) for n in (100, 611)]
    expected = dict(model.embed_features(utterances))
    for key, embedding in again.embed_features(utterances):
        assert 0 < np.linalg.norm(embedding - expected[key]) < 0.3 * np.linalg.norm(expected[key])


def test_batch_and_time_are_free_and_no_path_is_told(tmp_path):
    import onnxruntime

    model = trained(SMALL)
    export_onnx(model, tmp_path / "deep" / "net.onnx")
    content = (tmp_path / "deep" / "net.onnx").read_bytes()
    assert str(Path(pysid.__file__).parent).encode() not in content and str(tmp_path).encode() not in content
    session = onnxruntime.InferenceSession(content)
    assert [(x.name, x.shape) for x in session.get_inputs()] == [("features", ["B", "T", 30])]
    assert [(x.name, x.shape) for x in session.get_outputs()] == [("embedding", ["B", 16])]
    x = torch.randn(5, 77, 30)
    with torch.inference_mode():
        expected = model.network(x)
    np.testing.assert_allclose(session.run(None, {"features": x.numpy()})[0], expected, rtol=0, atol=1e-5)


def test_what_is_not_exported(onnx_file, tmp_path):
    with pytest.raises(DataError, match=r"net.raw: expected an output that ends in .onnx$"):
        export_onnx(trained(SMALL), tmp_path / "net.raw")
    with pytest.raises(DataError, match=r"only pysid's own networks can be exported, this one is of the kind 'onnx'$"):
        export_onnx(SpeakerModel.load(onnx_file), tmp_path / "net.onnx")
    with pytest.raises(DataError, match=r"^only x-vector networks can be exported in 8 bits: "):
        export_onnx(trained(NETWORKS["residual"]), tmp_path / "net.onnx", int8=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_export_without_the_extra(package, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(DataError, match=rf"ONNX model needs the package {package}: pip install 'pysid\[onnx\]'$"):
        export_onnx(trained(SMALL), tmp_path / "net.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_graph_that_came_out_wrong_is_not_kept(monkeypatch, tmp_path):
    class Constant(onnx_export._Traceable):
        def forward(self, features):
            n_frames = torch.tensor(100)  # whatever there are
            frames, _ = self.network.frame_level(features)
            return self.network.segment_level(frames[:, : int(n_frames)])

    monkeypatch.setattr(onnx_export, "_Traceable", Constant)
    with pytest.raises(DataError, match=r"net.onnx: the graph that PyTorch .* gives other embeddings .* 400 frames$"):
        export_onnx(trained(dataclasses.replace(SMALL, pooling="attention")), tmp_path / "net.onnx")
    assert list(tmp_path.iterdir()) == []
