"""ONNX files as models."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import pysid
from pysid._torchaudio import compliance_kaldi
from pysid.backend import CosineBackend, PldaBackend
from pysid.embedding.extract import ExtractConfig
from pysid.embedding.onnx_network import OnnxConfig
from pysid.errors import DataError
from pysid.frontend import FbankConfig, FrontendConfig, WebrtcVadConfig
from pysid.io.audio.files import read_audio
from pysid.io.audio.samples import Int16Scale
from pysid.model.config import read_config
from pysid.model.directory import find_model, find_model_directory, save_backend
from pysid.model.speaker_model import SpeakerModel

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

AUDIO = Path(__file__).parents[2] / "examples" / "dev" / "audio" / "slt-0.ogg"


@pytest.fixture
def plugged_in(onnx_file, tmp_path):
    """A copy of the file that may get settings."""
    return Path(shutil.copy(onnx_file, tmp_path / "resnet.onnx"))


@pytest.fixture
def wave():
    return read_audio(AUDIO, sample_rate=16000)[0]


def weights(path):
    return onnx.numpy_helper.to_array(onnx.load(path).graph.initializer[0])


def banks(wave, **options):
    """(T, D) filter banks as other toolkits compute them, less their mean."""
    c = {"num_mel_bins": 80, "dither": 0.0, "window_type": "hamming", "htk_compat": True, "energy_floor": 0.0}
    features = compliance_kaldi.fbank(torch.from_numpy(wave)[None], **{**c, **options}).numpy()
    return features - features.mean(0)


def test_without_settings_it_is_fed_as_wespeaker_does(onnx_file, wave):
    model = pysid.load(onnx_file)
    assert model.config.network == OnnxConfig(81, 12, skip_energy=True)
    assert model.config.extract == ExtractConfig(chunk_size=-1)
    expected = banks(wave).max(0) @ weights(onnx_file)
    np.testing.assert_allclose(model.embed(Int16Scale(wave)), expected, atol=2e-3)  # of values up to 50
    np.testing.assert_array_equal(model.embed(AUDIO), model.embed(Int16Scale(wave)))


def test_settings_beside_it(plugged_in, wave):
    plugged_in.with_suffix(".yaml").write_text(
        """
        frontend:
          features: {kind: fbank, n_mels: 80}  # povey window, as 3D-Speaker has it
        network:
          input: feats
          output: embs
          wave_scale: unit
        """
    )
    model = SpeakerModel.load(plugged_in)
    assert model.config.frontend == FrontendConfig(features=FbankConfig(n_mels=80))
    assert model.config.network == OnnxConfig(80, 12, input="feats", output="embs", wave_scale="unit")
    expected = banks(wave / 32768, window_type="povey").max(0) @ weights(plugged_in)
    np.testing.assert_allclose(model.embed(Int16Scale(wave)), expected, atol=2e-3)


def test_a_vad_where_it_is_asked_for(plugged_in, wave):
    settings = {"frontend": {"features": {"kind": "fbank", "n_mels": 80}, "vad": {"kind": "webrtc"}}}
    plugged_in.with_suffix(".json").write_text(json.dumps(settings))
    model = SpeakerModel.load(plugged_in)
    assert model.config.frontend.vad == WebrtcVadConfig()
    with pytest.raises(DataError, match="no frames"):
        model.embed(Int16Scale(np.zeros(16000, np.float32)))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("network: {layers: 3}", "resnet.yaml: unknown key 'network.layers'; known here: feature_dim, "),
        ("network: {layout: TBD}", "resnet.yaml: 'network.layout' must be one of BTD, BDT, got 'TBD'"),
        ("network: {output: [a]}", "resnet.yaml: 'network.output' must be "),
        ("network: {fixed_frames: 0}", "resnet.yaml: network: fixed_frames must be positive, got 0"),
        ("network: {feature_dim: 80}", "resnet.yaml: network.feature_dim is 80, but the frontend gives 81"),
        ("network: 5", "resnet.yaml: 'network' must be a group of settings, got 5"),
        ("front: {}", "resnet.yaml: unknown key 'front'; known here: frontend, network, extract"),
        ("frontend: {vat: null}", "resnet.yaml: frontend: unknown key 'vat'; known here: features, vad, cmvn"),
        (
            "frontend: {features: {kind: fbank, n_mels: 64}}",
            r"resnet.onnx: expected an input of the shape \(B, T, 64\)",
        ),
        ("network: {embedding_dim: 13}", None),
        ("a: [", "resnet.yaml: expected YAML, got: "),
    ],
)
def test_wrong_settings(plugged_in, settings, message, wave):
    plugged_in.with_suffix(".yaml").write_text(settings)
    if message is None:  # what the output really is shows when there is one
        with pytest.raises(
            DataError, match=r"expected embeddings of 13 dimensions, got an output of the shape \(1, 12\)"
        ):
            SpeakerModel.load(plugged_in).embed(Int16Scale(wave))
        return
    with pytest.raises(DataError, match=message) as error:
        SpeakerModel.load(plugged_in)
    assert str(error.value).startswith(str(plugged_in.parent)) and "\n" not in str(error.value)


def test_settings_twice_or_no_file(plugged_in, tmp_path):
    for ending in (".yaml", ".json"):
        plugged_in.with_suffix(ending).write_text("{}")
    with pytest.raises(
        DataError, match=r"resnet.onnx: expected settings in one file, got both resnet.yaml and .*json$"
    ):
        SpeakerModel.load(plugged_in)
    with pytest.raises(DataError, match=r"nowhere.onnx: expected an ONNX file, or the name of a model"):
        SpeakerModel.load(tmp_path / "nowhere.onnx")
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(DataError, match=r"text.onnx: expected an ONNX model, got: .*protobuf"):
        SpeakerModel.load(tmp_path / "text.onnx")


def test_a_graph_for_so_many_frames(plugged_in, wave):
    graph = onnx.load(plugged_in)
    shape = graph.graph.input[0].type.tensor_type.shape
    shape.dim[0].dim_value, shape.dim[1].dim_value = 1, 100
    onnx.save(graph, plugged_in)
    model = SpeakerModel.load(plugged_in)
    assert model.config.network.fixed_frames == 100
    assert model.config.extract == ExtractConfig(chunk_size=100, min_chunk_size=100)
    assert model.embed(Int16Scale(wave)).shape == model.embed(Int16Scale(wave[:8000])).shape == (12,)


def test_a_graph_that_does_not_tell_the_width(plugged_in, wave):
    graph = onnx.load(plugged_in)
    graph.graph.node[1].op_type = "Compress"  # so many numbers as the second input has ones
    graph.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(np.arange(80) < 7, "weights"))
    graph.graph.node[1].attribute.append(onnx.helper.make_attribute("axis", 1))
    graph.graph.output[0].type.tensor_type.ClearField("shape")
    onnx.save(graph, plugged_in)
    with pytest.raises(DataError, match=r"resnet.onnx: the graph does not tell .*: set network.embedding_dim$"):
        SpeakerModel.load(plugged_in)
    plugged_in.with_suffix(".yaml").write_text("network: {embedding_dim: 7}")
    np.testing.assert_allclose(SpeakerModel.load(plugged_in).embed(Int16Scale(wave)), banks(wave).max(0)[:7], atol=1e-3)


def test_a_model_directory(onnx_file, wave, tmp_path):
    file = SpeakerModel.load(onnx_file)
    file.save(tmp_path / "m")
    assert sorted(path.name for path in (tmp_path / "m").iterdir()) == ["config.json", "model.onnx"]
    model = SpeakerModel.load(tmp_path / "m")
    assert model.config == file.config == read_config(tmp_path / "m")
    assert model.fingerprint() == file.fingerprint()
    np.testing.assert_array_equal(model.embed(Int16Scale(wave)), file.embed(Int16Scale(wave)))
    assert find_model(tmp_path / "m" / "model.onnx") == tmp_path / "m" == find_model_directory(tmp_path / "m")
    with pytest.raises(DataError, match="expected a model directory; pysid convert makes one"):
        find_model_directory(onnx_file)


def test_its_back_end_is_cosine_until_another_is_trained(onnx_file, tmp_path):
    SpeakerModel.load(onnx_file).save(tmp_path / "m")
    x = np.random.default_rng(0).normal(size=(40, 12))
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    model = SpeakerModel.load(tmp_path / "m")
    assert model.backend is None and isinstance(model.scorer(), CosineBackend)
    np.testing.assert_allclose(model.scorer().score(x, x), unit @ unit.T, atol=1e-12)
    with pytest.raises(DataError, match="no PLDA"):
        model.scorer("plda")
    save_backend(tmp_path / "m", PldaBackend(4).fit(x, np.arange(40) // 4))
    assert isinstance(SpeakerModel.load(tmp_path / "m").scorer(), PldaBackend)


def test_the_fingerprint_is_that_of_the_graph(plugged_in):
    before = SpeakerModel.load(plugged_in).fingerprint()
    graph = onnx.load(plugged_in)
    graph.graph.node[0].op_type = "ReduceMin"
    onnx.save(graph, plugged_in)
    assert SpeakerModel.load(plugged_in).fingerprint() != before
