"""The network of a model directory: what is written is what is read, and what does not fit is refused."""

import dataclasses

import pytest
import torch

from pysid.embedding.networks import make_network
from pysid.embedding.onnx_network import OnnxConfig
from pysid.embedding.resnet import ResNetConfig
from pysid.embedding.xvector import FrameLayerConfig, XVectorConfig
from pysid.errors import DataError
from pysid.frontend import FbankConfig, FrontendConfig
from pysid.model.config import ModelConfig
from pysid.model.directory import save_network
from pysid.model.network_file import read_network
from pysid.nnet3.network import Nnet3Config

XVECTOR = XVectorConfig(feature_dim=13, frame_layers=(FrameLayerConfig(8, (-1, 0, 1)),), segment_dims=(5,))
RESNET = ResNetConfig(feature_dim=13, channels=(4, 8), blocks=(1, 1), strides=((1, 1), (2, 2)), embedding_dim=5)


@pytest.mark.parametrize("config", [XVECTOR, RESNET], ids=["xvector", "resnet"])
def test_weights_there_and_back(config, tmp_path):
    torch.manual_seed(0)
    network = make_network(config)
    network.classifier_input(torch.randn(4, 40, 13))  # moves the statistics of its batch norms
    frontend = FrontendConfig(features=FbankConfig(n_mels=12, use_energy=True))
    save_network(tmp_path, ModelConfig(frontend, config), network)
    read = read_network(tmp_path, config)
    x = torch.randn(2, 30, 13)
    torch.testing.assert_close(read.eval()(x), network.eval()(x), rtol=0, atol=0)
    with pytest.raises(DataError, match=r"model\.safetensors: does not fit config\.json"):
        read_network(tmp_path, dataclasses.replace(config, feature_dim=30))


@pytest.mark.parametrize(
    ("config", "name"),
    [(XVECTOR, "model.safetensors"), (Nnet3Config(8, 4, 2), "model.raw"), (OnnxConfig(8, 4), "model.onnx")],
)
def test_a_missing_or_damaged_file_is_named(config, name, tmp_path):
    with pytest.raises(DataError, match=rf"{name}"):
        read_network(tmp_path, config)
    (tmp_path / name).write_bytes(b"no network")
    with pytest.raises(DataError, match=rf"{name}"):
        read_network(tmp_path, config)
