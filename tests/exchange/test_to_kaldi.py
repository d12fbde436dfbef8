"""Models as Kaldi's packages: byte for byte what came from there, and what Kaldi has not."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from pysid.backend import PldaBackend, VoiceGroup
from pysid.embedding.xvector import FrameLayerConfig, XVector, XVectorConfig
from pysid.errors import DataError
from pysid.exchange.kaldi_backend import read_plda, write_matrix, write_plda, write_vector
from pysid.exchange.kaldi_package import Choices
from pysid.exchange.to_kaldi import write_package
from pysid.model.speaker_model import SpeakerModel

WITHOUT = Choices(plda="none")
NETWORK = XVectorConfig(
    feature_dim=30, frame_layers=(FrameLayerConfig(12, (-1, 0, 1)), FrameLayerConfig(16)), segment_dims=(24, 8)
)


@pytest.mark.parametrize("name", ["small", "etdnn", "tdnnf"])
@pytest.mark.parametrize("kind", ["raw", "txt"])
def test_a_network_comes_back_byte_for_byte(package, tmp_path, name, kind, convert):
    folder = package(name, "extract_etdnn.config" if name == "etdnn" else "extract.config", kind)
    _, directory = convert(folder, WITHOUT)
    write_package(directory, tmp_path / "back")
    for file in ("final.raw", "extract.config", "min_chunk_size", "max_chunk_size"):
        assert (tmp_path / "back" / file).read_bytes() == (folder / file).read_bytes(), file


def test_a_back_end_comes_back_byte_for_byte(golden, whole, tmp_path, convert):
    _, directory = convert(whole)
    assert write_package(directory, tmp_path / "back") == []
    for file in ("mean.vec", "transform.mat", "plda"):
        assert (tmp_path / "back" / file).read_bytes() == (golden / "backend" / file).read_bytes(), file
    assert (tmp_path / "back" / "final.raw").read_bytes() == (whole / "final.raw").read_bytes()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_numbers_keep_their_width(whole, tmp_path, dtype, convert):
    """A mean with more digits than text has, and matrices of either width; text alone becomes binary."""
    rng = np.random.default_rng(0)
    folder = whole / "xvectors_train"
    write_vector(folder / "mean.vec", rng.normal(size=24).astype(dtype))
    write_matrix(folder / "transform.mat", rng.normal(size=(16, 24)).astype(dtype))
    expected = {name: (folder / name).read_bytes() for name in ("mean.vec", "transform.mat", "plda")}
    write_plda(folder / "plda", read_plda(folder / "plda"), binary=False)
    _, directory = convert(whole)
    write_package(directory, tmp_path / "back")
    for name in ("mean.vec", "transform.mat"):
        assert (tmp_path / "back" / name).read_bytes() == expected[name], name
    assert (tmp_path / "back" / "plda").read_bytes()[:9] == b"\0B<Plda> "


def test_options_come_back_but_for_the_dither(whole, tmp_path, convert):
    model, directory = convert(whole)
    write_package(directory, tmp_path / "back")
    assert convert(tmp_path / "back")[0].config == model.config
    options = (tmp_path / "back" / "conf" / "mfcc.conf").read_text().splitlines()
    assert sorted(options) == [
        "--dither=0",
        "--high-freq=7600",
        "--num-ceps=30",
        "--num-mel-bins=30",
        "--sample-frequency=16000",
        "--snip-edges=false",
    ]


def test_a_model_that_was_trained_on_is_written_anew(whole, tmp_path, convert):
    model, directory = convert(whole)
    with torch.no_grad():
        model.network.frame_layers[0].affine.weight *= 1.5
    model.save(directory)
    write_package(directory, tmp_path / "back")
    again, _ = convert(tmp_path / "back")
    features = [("u", np.random.default_rng(0).normal(size=(100, 30)).astype(np.float32))]
    ((_, x),), ((_, y),) = (list(m.embed_features(features)) for m in (model, again))
    np.testing.assert_allclose(y, x, rtol=0, atol=1e-5 * np.abs(x).max())


def test_our_own_models_go_to_kaldi_and_back(model, tmp_path, convert):
    ours = SpeakerModel.load(model)
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(20), 6)
    x = rng.normal(size=(20, 16))[y] + rng.normal(size=(120, 16))
    ours.backend = PldaBackend(4).fit(x, y)
    ours.save(tmp_path / "ours")
    assert write_package(tmp_path / "ours", tmp_path / "nnet") == []
    assert (tmp_path / "nnet" / "extract.config").read_text() == "output-node name=output input=tdnn5.affine\n"
    again, _ = convert(tmp_path / "nnet")
    np.testing.assert_allclose(again.scorer().score(x, x), ours.scorer().score(x, x), rtol=1e-12)
    backend = ours.backend = PldaBackend(4, cosine_weight=80.0).fit(x, y)
    backend.group_ = VoiceGroup(14.0).fit(backend.projection.transform(x), y < 10, y)
    ours.save(tmp_path / "with-cosine")
    notes = write_package(tmp_path / "with-cosine", tmp_path / "nnet-2")
    assert notes == [
        "beside PLDA this model scores by 80 times a cosine, which is left out",
        "this model takes 14 off scores of two women, which is left out",
    ]
    features = [("u", rng.normal(size=(100, 30)).astype(np.float32))]
    ((_, a),), ((_, b),) = (list(m.embed_features(features)) for m in (ours, again))
    np.testing.assert_allclose(b, a, rtol=0, atol=1e-5 * np.abs(a).max())


def changed(model, tmp_path, **parts):
    """A model directory like `model`, with parts of its configuration replaced."""
    plain = json.loads((model / "config.json").read_text())
    for name, value in parts.items():
        group, _, key = name.partition("__")
        plain[group][key] = value
    directory = Path(shutil.copytree(model, tmp_path / "changed"))
    (directory / "config.json").write_text(json.dumps(plain))
    return directory


def test_what_kaldis_scripts_do_otherwise_is_said(model, tmp_path):
    directory = changed(
        model,
        tmp_path,
        frontend__vad=None,
        frontend__cmvn={"window": 200, "center": True},
        extract__chunk_size=-1,
        extract__pad_input=False,
    )
    notes = write_package(directory, tmp_path / "nnet")
    for words in ("pools 10000 frames", "Kaldi's scripts pad", "keeps all frames", "window=200", "no back-end"):
        assert sum(words in note for note in notes) == 1, words
    assert len(notes) == 5 and not (tmp_path / "nnet" / "conf" / "vad.conf").exists()
    assert (tmp_path / "nnet" / "max_chunk_size").read_text() == "10000\n"


def test_what_kaldi_has_not_is_refused(model, tmp_path):
    directory = changed(model, tmp_path, frontend__vad={"kind": "adaptive"})
    with pytest.raises(DataError, match="changed: Kaldi has no voice activity detection of the kind 'adaptive'"):
        write_package(directory, tmp_path / "nnet")
    config = XVectorConfig(segment_dims=(4,), pooling="attention", frame_layers=NETWORK.frame_layers)
    other = SpeakerModel.load(model)
    SpeakerModel(type(other.config)(other.config.frontend, config), XVector(config)).save(tmp_path / "attention")
    with pytest.raises(DataError, match="attention: a Kaldi x-vector network needs pooling='statistics'"):
        write_package(tmp_path / "attention", tmp_path / "nnet")
    assert not (tmp_path / "nnet").exists()
