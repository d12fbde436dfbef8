"""`pysid export`, and the other commands with the models it makes."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from pysid.embedding.resnet import ResNet, ResNetConfig
from pysid.frontend import VOXCELEB
from pysid.io.ark.archive import read_vectors
from pysid.io.tables import read_scores
from pysid.model.config import ModelConfig
from pysid.model.directory import save_network

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


def test_an_exported_model_embeds_and_scores(pysid, model, small, tmp_path):
    out = tmp_path / "net.onnx"
    outcome = pysid("export", "--onnx", model, out)
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.out == f"{out}: 30 features to embeddings of 16 dimensions; settings in {tmp_path / 'net.json'}\n"
    for name, path in (("a", model), ("b", out)):
        assert pysid("embed", small, tmp_path / f"{name}.npz", "-m", path).status == 0
        scores = tmp_path / f"{name}.scores"
        assert pysid("score", small / "trials", small, scores, "-m", path, "--backend", "cosine").status == 0
    a, b = (dict(read_vectors(tmp_path / f"{name}.npz")) for name in "ab")
    assert list(a) == list(b) and len(a) == 6
    for key, x in a.items():
        np.testing.assert_allclose(b[key], x, rtol=0, atol=1e-4 * np.abs(x).max())
    x, y = (read_scores(tmp_path / f"{name}.scores") for name in "ab")
    assert list(x) == list(y) and len(x) == 15
    np.testing.assert_allclose(list(x.values()), list(y.values()), atol=1e-4)


def test_in_8_bits(pysid, model, small, tmp_path):
    out = tmp_path / "net.onnx"
    outcome = pysid("export", "--onnx", "--int8", model, out)
    assert (outcome.status, outcome.err) == (0, "")
    assert pysid("embed", small, tmp_path / "b.npz", "-m", out).status == 0
    assert len(dict(read_vectors(tmp_path / "b.npz"))) == 6
    outcome = pysid("export", "--directory", "--int8", out, tmp_path / "m")
    assert outcome.status == 2 and "--int8 goes with --onnx" in outcome.err


def test_a_back_end_for_another_toolkits_network(pysid, onnx_file, dev, small, tmp_path):
    folder = tmp_path / "resnet"
    assert pysid("export", "--directory", onnx_file, folder).out == f"{folder}: model directory of {onnx_file}\n"
    assert pysid("embed", dev, tmp_path / "dev.ark", "-m", folder).status == 0
    scores = {}
    for kind in (None, "plda"):
        if kind is not None:
            fit = ("fit-backend", folder, f"scp:{tmp_path / 'dev.scp'}", dev / "utt2spk", "--lda-dim", 4)
            assert pysid(*fit).out == f"{folder / 'backend.safetensors'}: plda from 36 embeddings of 6 speakers\n"
        assert pysid("score", small / "trials", small, tmp_path / "scores", "-m", folder).status == 0
        scores[kind] = list(read_scores(tmp_path / "scores").values())
    assert max(map(abs, scores[None])) <= 1 < max(map(abs, scores["plda"]))
    error = pysid("fit-backend", onnx_file, f"scp:{tmp_path / 'dev.scp'}", dev / "utt2spk").error
    assert error == f"{onnx_file}: expected a model directory; pysid convert makes one of another toolkit's model"


def test_diarization_by_another_toolkits_network(pysid, onnx_file, tmp_path):
    meeting = Path(__file__).parents[2] / "examples" / "conversation" / "meeting.ogg"
    chosen = ("--set", "affinity.kind=cosine", "--clustering", "spectral", "-n", 4, "-f", "rttm")
    outcome = pysid("diarize", meeting, "-m", onnx_file, "-o", tmp_path, *chosen)
    assert outcome.status == 0, outcome.err
    lines = (tmp_path / "meeting.rttm").read_text().splitlines()
    assert len({line.split()[7] for line in lines}) == 4


def test_wrong_use(pysid, model, onnx_file, tmp_path):
    for flags in ((), ("--onnx", "--directory")):
        outcome = pysid("export", *flags, model, tmp_path / "net.onnx")
        assert outcome.status == 2 and "--onnx or --directory" in outcome.err
    error = pysid("export", "--directory", model, tmp_path / "m").error
    assert error == f"{model}: expected an ONNX file, this is a model directory already"
    assert pysid("export", "--onnx", model, tmp_path / "m").error.endswith("m: expected an output that ends in .onnx")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a").touch()
    error = pysid("export", "--directory", onnx_file, tmp_path / "full").error
    assert error == f"{tmp_path / 'full'}: expected a new or an empty folder, got one with files"
    error = pysid("convert-kaldi", "--reverse", onnx_file, tmp_path / "kaldi").error
    assert error == f"{onnx_file}: expected an x-vector or nnet3 network, got one of kind 'onnx'"
    config = ResNetConfig(feature_dim=30, channels=(4,), blocks=(1,), strides=((1, 1),), embedding_dim=5)
    save_network(tmp_path / "residual", ModelConfig(VOXCELEB, config), ResNet(config))
    error = pysid("convert-kaldi", "--reverse", tmp_path / "residual", tmp_path / "kaldi").error
    assert error == f"{tmp_path / 'residual'}: expected an x-vector or nnet3 network, got one of kind 'resnet'"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"network": {"layout": "BDT"}}, "expected an input of the shape (B, 80, T), layout BDT, got (B, T, 80)"),
        ({"network": {"input": "wave"}}, "network.input is 'wave'; the graph has feats"),
        ({"networks": {}}, "unknown key 'networks'; known here: frontend, network, extract"),
    ],
)
def test_misfits_are_one_line(pysid, onnx_file, small, tmp_path, settings, message):
    path = shutil.copy(onnx_file, tmp_path / "resnet.onnx")
    (tmp_path / "resnet.json").write_text(json.dumps(settings))
    error = pysid("embed", small, tmp_path / "a.ark", "-m", path).error
    assert error.startswith(f"{tmp_path}/resnet.") and error.endswith(f": {message}")
