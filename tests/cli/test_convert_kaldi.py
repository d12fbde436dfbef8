"""`pysid convert-kaldi`: from a package to scores and turns, and back."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from pysid.io.ark.archive import read_vectors
from pysid.model.speaker_model import SpeakerModel
from pysid.nnet3.from_xvector import export_xvector

GOLDEN = Path(__file__).parents[1] / "golden" / "kaldi"


@pytest.fixture
def package(tmp_path):
    """The folder of Kaldi's factorised network, with options beside it."""
    folder = tmp_path / "nnet"
    folder.mkdir()
    for source, name in (
        ("nnet3/tdnnf.raw", "final.raw"),
        ("nnet3/extract.config", "extract.config"),
        ("feats/mfcc_voxceleb.conf", "mfcc.conf"),
        ("feats/vad.conf", "vad.conf"),
    ):
        shutil.copy(GOLDEN / source, folder / name)
    (folder / "min_chunk_size").write_text("25\n")
    (folder / "max_chunk_size").write_text("10000\n")
    return folder


def test_a_package_becomes_a_model_that_all_commands_take(pysid, package, small, dev, tmp_path):
    model = tmp_path / "model"
    outcome = pysid("convert-kaldi", package, model, "--plda", "none")
    assert outcome.status == 0
    assert outcome.out == (f"{model}: a network in Kaldi's form of 16 dimensions, no back-end, for audio of 16000 Hz\n")
    assert outcome.err.startswith("note: the network runs in Kaldi's form: final.raw: byte 732: node tdnnf2.noop: ")
    features = f"ark:{GOLDEN / 'feats' / 'nnet_input.ark'}"
    assert pysid("embed", features, tmp_path / "x.npz", "-m", model).status == 0
    found = dict(read_vectors(tmp_path / "x.npz"))
    for key, expected in read_vectors(GOLDEN / "nnet3" / "xvectors_tdnnf.ark"):
        if key.startswith("espeak"):
            assert np.linalg.norm(found[key] - expected) < 1e-4 * np.linalg.norm(expected), key
    trials = small / "trials"
    assert pysid("score", trials, small / "wav.scp", tmp_path / "s", "-m", model, "--backend", "cosine").status == 0
    assert len((tmp_path / "s").read_text().splitlines()) == 15
    assert "PLDA" in pysid("score", trials, small / "wav.scp", tmp_path / "s", "-m", model, "--backend", "plda").error


def test_and_back(pysid, package, tmp_path):
    assert pysid("convert-kaldi", package, tmp_path / "model", "--plda", "none").status == 0
    outcome = pysid("convert-kaldi", "--reverse", tmp_path / "model", tmp_path / "back")
    assert outcome.out == f"{tmp_path / 'back'}: written from {tmp_path / 'model'}\n"
    assert outcome.err == "note: this model has no back-end: there is no mean.vec, transform.mat or plda\n"
    assert (tmp_path / "back" / "final.raw").read_bytes() == (package / "final.raw").read_bytes()
    assert pysid("convert-kaldi", tmp_path / "back", tmp_path / "again", "--plda", "none").status == 0
    for name in ("config.json", "model.raw"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "model" / name).read_bytes()


def test_every_choice(pysid, model, tmp_path):
    """Files of other names and places; the network of the small model, whose embedding has 16 dimensions."""
    nnet, other = tmp_path / "nnet", tmp_path / "other"
    nnet.mkdir()
    other.mkdir()
    export_xvector(SpeakerModel.load(model).network, nnet / "final.raw")
    (nnet / "min_chunk_size").write_text("25")
    (nnet / "max_chunk_size").write_text("10000")
    (other / "a.conf").write_text("--num-mel-bins=30\n--num-ceps=30\n")
    (other / "b.conf").write_text("--vad-energy-threshold=4\n")
    (other / "m").write_text(" [ " + "1 " * 16 + "]\n")
    identity = " [" + "".join("\n  " + "".join(f"{int(i == j)} " for j in range(16)) for i in range(16)) + "]\n"
    (other / "t").write_text(identity)
    (other / "plda_adapt").write_text(f"<Plda> {' [ ' + '0 ' * 16}]\n{identity}{' [ ' + '2 ' * 16}]\n</Plda> ")
    options = ("--mfcc-conf", other / "a.conf", "--vad-conf", other / "b.conf", "--no-cmvn", "--backend-dir", other)
    parts = ("--mean", "m", "--transform", "t", "--plda", "plda_adapt", "--output-node", "tdnn6.affine")
    outcome = pysid("convert-kaldi", nnet, tmp_path / "model", *options, *parts)
    assert outcome.out.endswith(": an x-vector network of 16 dimensions, PLDA, for audio of 16000 Hz\n"), outcome
    opened = SpeakerModel.load(tmp_path / "model")
    assert opened.config.network.embedding_layer == 1
    assert opened.config.frontend.vad.energy_threshold == 4 and opened.config.frontend.cmvn is None
    np.testing.assert_array_equal(opened.backend.plda_.psi_, np.full(16, 2.0))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere", "model"), "nowhere: expected a folder with final.raw, final.mdl or model_final/model.index"),
        (
            ("nnet", "model"),
            "expected plda in nnet, in its xvectors* or in ../xvectors*, got no such file: give --plda",
        ),
        (("nnet", "nnet", "--plda", "none"), "nnet: expected a new or an empty folder, got one with files"),
        (("nnet", "model", "--mean", "x.vec"), "expected plda in nnet"),
        (("nnet", "model", "--plda", "none", "--output-node", "a("), "--output-node: expected a descriptor"),
        (("--reverse", "nnet", "back"), "nnet: expected a model directory with config.json"),
    ],
)
def test_bad_packages(pysid, package, monkeypatch, arguments, message):
    monkeypatch.chdir(package.parent)
    assert pysid("convert-kaldi", *arguments).error.startswith(message)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--reverse", "--plda", "none"), "--reverse takes no other options"),
        (("--reverse", "--no-cmvn"), "--reverse takes no other options"),
        (("--mfcc-conf", "a", "--fbank-conf", "b"), "give --mfcc-conf or --fbank-conf, not both"),
    ],
)
def test_wrong_usage(pysid, options, message):
    outcome = pysid("convert-kaldi", "a", "b", *options)
    assert outcome.status == 2 and message in " ".join(outcome.err.split())
