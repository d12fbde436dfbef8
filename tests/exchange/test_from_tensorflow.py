"""Packages of x-vector-kaldi-tf, against what TensorFlow gave for the same weights and features."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from pysid.embedding.xvector import XVector
from pysid.errors import DataError
from pysid.exchange.from_kaldi import read_package
from pysid.exchange.from_tensorflow import read_network
from pysid.exchange.kaldi_package import Choices
from pysid.exchange.to_kaldi import write_package
from pysid.io.tensorflow import read_tensors
from pysid.model.speaker_model import SpeakerModel

GOLDEN = Path(__file__).parents[1] / "golden" / "tensorflow"
ALONE = Choices(vad_conf="none", plda="none")


@pytest.fixture(params=["plain", "tdnn"])
def case(request: pytest.FixtureRequest) -> Path:
    return GOLDEN / str(request.param)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package as its recipe leaves it, without a back-end."""
    folder = tmp_path / "xvector_tf_1a"
    shutil.copytree(GOLDEN / "plain", folder / "model_final")
    (folder / "min_chunk_size").write_text("25\n")
    (folder / "max_chunk_size").write_text("10000\n")
    (folder / "conf").mkdir()
    (folder / "conf" / "mfcc.conf").write_text("--num-mel-bins=10\n--num-ceps=4\n")
    return folder


def test_embeddings_are_those_of_tensorflow(case: Path) -> None:
    network = read_network(case / "model.index")
    found = json.loads((case / "case.json").read_text())
    features = torch.tensor(found["features"])
    with torch.inference_mode():
        alone = network(features[None])[0]
        padded = torch.cat([features, 9 * torch.ones(5, features.shape[1])])
        batch = network(torch.stack([padded, padded]), torch.tensor([len(features), len(padded)]))[0]
    np.testing.assert_allclose(alone, found["embedding"], rtol=0, atol=1e-5)
    np.testing.assert_allclose(batch, found["embedding"], rtol=0, atol=1e-5)


def test_the_layers_of_each_class() -> None:
    plain, tdnn = (read_network(GOLDEN / name / "model.index").config for name in ("plain", "tdnn"))
    assert [(x.offsets[-1], x.padding) for x in plain.frame_layers] == [(2, 2), (2, 2), (3, 3), (0, 0), (0, 0)]
    assert [x.offsets for x in tdnn.frame_layers[:3]] == [(-2, -1, 0, 1, 2), (-2, 0, 2), (-3, 0, 3)]
    assert plain.segment_dims == (5, 5) and plain.variance_offset == 1e-5 and plain.context == 0


def test_a_package_becomes_a_model_directory(package: Path, tmp_path: Path) -> None:
    converted = read_package(package, ALONE)
    assert isinstance(converted.model.network, XVector) and converted.graph is None
    assert converted.summary() == "an x-vector network of 5 dimensions, no back-end, for audio of 16000 Hz"
    converted.save(tmp_path / "model", package)
    model = SpeakerModel.load(tmp_path / "model")
    assert model.fingerprint() == converted.model.fingerprint()
    assert (model.config.extract.chunk_size, model.config.extract.min_chunk_size) == (10000, 25)
    readme = (tmp_path / "model" / "README.md").read_text()
    assert "the first affine layer after pooling of the network" in readme and "model_final/model.index" in readme
    with pytest.raises(DataError, match=r"needs variance_offset=0\.0, got 1e-05"):
        write_package(tmp_path / "model", tmp_path / "back")


def test_what_does_not_go_with_it(package: Path) -> None:
    with pytest.raises(DataError, match="a network of TensorFlow has no --output-node"):
        read_package(package, Choices(vad_conf="none", plda="none", output_node="tdnn6.affine"))
    (package / "conf" / "mfcc.conf").write_text("--num-ceps=5\n")
    with pytest.raises(DataError, match=r"mfcc\.conf: expected 4 features a frame, as .*model\.index reads, got 5"):
        read_package(package, ALONE)
    (package / "model_final" / "model.index").unlink()
    with pytest.raises(DataError, match=r"expected a folder with final\.raw, final\.mdl or model_final/model\.index"):
        read_package(package, ALONE)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"layer-1/relu", b"layer-1/lelu", r"model\.meta: expected a ReLU in .*-1, .* got none"),
        (b"\x12\x04Relu", b"\x12\x04Selu", r"expected a ReLU in frame_level_info_layer-0, .* got Selu"),
    ],
)
def test_other_activations_are_refused(package: Path, old: bytes, new: bytes, message: str) -> None:
    path = package / "model_final" / "model.meta"
    assert old in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(old, new, 1))
    with pytest.raises(DataError, match=message):
        read_package(package, ALONE)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"embed_layer-0/w": None}, "'embed_layer-0/w' of 2 axes, got none"),
        ({"embed_layer-0/w": np.zeros(3, np.float32)}, r"'embed_layer-0/w' of 2 axes, got the shape \(3,\)"),
        ({"frame_level_info_layer-0/w": np.zeros((3, 4, 6), np.float32)}, r"layers that see .* got \(3, 5, 7, 1, 1\)"),
        ({"embed_layer-0/gamma": None}, r"lacks 1 tensors, such as 'segment_layers\.0\.norm\.weight'"),
        ({"embed_layer-0/gamma": np.zeros(4, np.float32)}, r"size mismatch for segment_layers\.0\.norm\.weight"),
        ({"frame_level_info_layer-0/prelu/prelu": np.zeros(6)}, "without 'frame_level_info_layer-0/prelu/prelu'"),
        ({"attention/v": np.zeros(6)}, "without 'attention/v'"),
    ],
)
def test_other_weights_are_refused(changed: dict, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    index = GOLDEN / "plain" / "model.index"
    tensors = {k: x for k, x in (read_tensors(index) | changed).items() if x is not None}
    monkeypatch.setattr("pysid.exchange.from_tensorflow.read_tensors", lambda path: tensors)
    with pytest.raises(DataError, match=message) as error:
        read_network(index)
    assert "\n" not in str(error.value) and str(index) in str(error.value)


def test_the_graph_must_be_there(package: Path) -> None:
    (package / "model_final" / "model.meta").unlink()
    with pytest.raises(DataError, match=r"model\.meta: cannot read the file: No such file"):
        read_package(package, ALONE)
