"""`pysid train`, from features and from audio, and configurations that cannot be."""

import json
import shutil

import pytest
import torch
import yaml
from accelerate.state import AcceleratorState

from pysid.io.tables import read_table
from pysid.model.speaker_model import SpeakerModel


@pytest.fixture(autouse=True)
def one_training_a_process():
    """The state that accelerate keeps does not go from one test to the next."""
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.fixture
def config(small_features, tmp_path):
    """Writes a configuration for two short epochs, with changes, and returns its path."""

    def write(text=None, **changes):
        plain = {
            "train": str(small_features),
            "out": str(tmp_path / "exp"),
            "network": {"frame_layers": [{"dim": 8, "offsets": [-2, 0, 2]}, {"dim": 12}], "segment_dims": [8, 8]},
            "chunks": {
                "min_frames": 20,
                "max_frames": 40,
                "batch_size": 4,
                "chunks_per_epoch": 12,
                "min_utterance_frames": 1,
                "min_utterances": 1,
            },
            "trainer": {"n_epochs": 2, "device": "cpu", "n_threads": 1, "n_workers": 0},
        }
        path = tmp_path / "train.yaml"
        path.write_text(yaml.safe_dump(plain | changes) if text is None else text)
        return path

    return write


def test_features_and_again(pysid, config, small_features, tmp_path):
    command = ("train", config(dev=str(small_features)), "trainer.n_epochs=1", f"out={tmp_path / 'other'}")
    outcome = pysid(*command)
    assert outcome.status == 0
    assert outcome.err.splitlines()[-1] == f"trained: {tmp_path / 'other' / 'final'}"
    assert "6 utterances of 2 speakers, 3 batches an epoch" in outcome.err
    opened = SpeakerModel.load(tmp_path / "other" / "final")
    assert opened.config.network.segment_dims == (8, 8)
    assert json.loads((tmp_path / "other" / "train.json").read_text())["trainer"]["n_epochs"] == 1
    again = pysid(*command)
    assert again.status == 0 and "epoch 1" not in again.err
    error = pysid(*command, "trainer.seed=5").error
    assert error.startswith(f"{tmp_path / 'other'} holds a training with other settings: trainer.seed (was 123, is 5)")


@pytest.mark.slow
def test_other_epochs_and_threads_go_on_and_say_what_changes(pysid, config, tmp_path):
    out = tmp_path / "exp"
    assert pysid("train", config(), "trainer.n_epochs=1").status == 0
    outcome = pysid("train", config(), "trainer.n_threads=2", "trainer.n_epochs=2")
    assert outcome.status == 0 and (out / "epoch-002").is_dir()
    expected = f"{out}: going on with trainer.n_epochs 2 (was 1): from here on the learning rate falls as over the new"
    assert expected in outcome.err and f"{out}: going on with trainer.n_threads 2 (was 1): sums" in outcome.err
    assert "resuming at epoch 2, batch 1" in outcome.err


def test_a_number_of_steps_ends_it_and_a_higher_one_goes_on(pysid, config, tmp_path):
    out = tmp_path / "exp"
    assert pysid("train", config(), "trainer.max_steps=2").status == 0
    assert (out / "final").is_dir() and not (out / "epoch-001").exists() and (out / "state-00000002").is_dir()
    outcome = pysid("train", config(), "trainer.max_steps=4")
    assert outcome.status == 0 and "resuming at epoch 1, batch 3" in outcome.err
    assert (out / "epoch-001").is_dir() and (out / "state-00000004").is_dir()
    assert pysid("train", config(), "trainer.max_steps=0").error.startswith("trainer.max_steps=0: trainer: max_steps")


def test_a_dry_run_writes_nothing(pysid, config, tmp_path):
    outcome = pysid("train", config(), "--dry-run")
    assert outcome.status == 0 and not (tmp_path / "exp").exists()
    assert "dry run: 2 epochs, 6 steps; batches as (4, " in outcome.err and "on cpu, 1 threads" in outcome.err
    assert "nowhere" in pysid("train", config(), "train=nowhere", "--dry-run").error


def test_a_key_of_another_network_chooses_no_other(pysid, config):
    plain = config(network={})
    error = pysid("train", plain, "network.embedding_dim=128").error
    assert "; for another kind, set network.kind to resnet or campplus or ecapa" in error
    assert error.startswith("network.embedding_dim=128: unknown key 'network.embedding_dim'; known here: feature_dim")


def test_audio(pysid, config, small, tmp_path):
    outcome = pysid("train", config(train=str(small), dev=str(small)), "trainer.n_epochs=1")
    assert outcome.status == 0
    assert SpeakerModel.load(tmp_path / "exp" / "final").config.sample_rate == 16000
    assert (tmp_path / "exp" / "epochs.tsv").read_text().splitlines()[0].split("\t")[-1] == "eer"


def test_unreadable_utterances_are_said_and_replaced(pysid, config, small_features, tmp_path):
    feats = shutil.copytree(small_features, tmp_path / "feats")
    entries = read_table(feats / "feats.scp")
    entries["alicia-1"] = f"{tmp_path}/lost.ark:9"
    (feats / "feats.scp").write_text("".join(f"{key} {entry}\n" for key, entry in entries.items()))
    outcome = pysid("train", config(train=str(feats)))
    assert outcome.status == 0
    assert f"skipping utterance alicia-1: {tmp_path}/lost.ark: cannot read the file" in outcome.err


def test_no_utterance_can_be_read(pysid, config, small_features, tmp_path):
    feats = shutil.copytree(small_features, tmp_path / "feats")
    lines = "".join(f"{key} {tmp_path}/lost.ark:{i}\n" for i, key in enumerate(read_table(feats / "feats.scp")))
    (feats / "feats.scp").write_text(lines)
    assert pysid("train", config(train=str(feats))).error.startswith(f"{tmp_path}/lost.ark: cannot read the file")


CONFIGS = {
    "missing key": ("out: exp\n", "missing key 'train'"),
    "unknown key": ("train: a\nout: b\nlearning_rate: 1\n", "unknown key 'learning_rate'; known here: train, out, "),
    "unknown inner key": ("train: a\nout: b\ntrainer: {epochs: 1}\n", "unknown key 'trainer.epochs'; known here: "),
    "wrong type": ("train: a\nout: b\ntrainer: {n_epochs: x}\n", "'trainer.n_epochs' must be a whole number, got 'x'"),
    "wrong value": ("train: a\nout: b\ntrainer: {n_epochs: 0}\n", "trainer: n_epochs, log_steps and "),
    "wrong choice": ("train: a\nout: b\nflavour: sweet\n", "'flavour' must be one of stat, attent, asoft, got 'sweet'"),
    "no group": ("train: a\nout: b\nchunks: 3\n", "'chunks' must be a group of settings, got 3"),
    "no mapping": ("train\n", "expected 'key: value' lines, got str"),
}


@pytest.mark.parametrize(("text", "message"), CONFIGS.values(), ids=CONFIGS)
def test_bad_configurations(pysid, config, text, message):
    path = config(text)
    outcome = pysid("train", path)
    assert outcome.error.startswith(f"{path}: {message}") and outcome.err.count("\n") == 1


def test_bad_yaml_has_its_line(pysid, config):
    path = config("train: a\nout: [b\n")
    assert pysid("train", path).error.startswith(f"{path}:3: expected YAML, got: ")


@pytest.mark.parametrize("setting", ["trainer.n_epochs", "=3"])
def test_a_setting_needs_a_value(pysid, config, setting):
    assert pysid("train", config(), setting).error == f"expected key=value, got '{setting}'"


def test_no_configuration(pysid, tmp_path):
    assert pysid("train", tmp_path / "c.yaml").error == (
        f"{tmp_path}/c.yaml: cannot read the file: No such file or directory"
    )


def test_bad_data(pysid, config, small, small_features, tmp_path):
    def error(name, **changes):
        return pysid("train", config(out=str(tmp_path / name), **changes)).error

    assert error("a", train="nowhere") == "nowhere: expected a Kaldi data directory, got no such folder"
    message = error("b", chunks={"min_utterances": 8})
    assert message.startswith("0 of 2 speakers have 8 or more utterances of at least 400 frames")
    assert "network.feature_dim is 24, but the features of" in error("c", network={"feature_dim": 24})
    if not torch.cuda.is_available():
        assert "no CUDA device" in error("d", trainer={"device": "cuda"})
    (tmp_path / "trials").write_text("alicia-0 alicia-1 target\nalicia-0 bob nontarget\n")
    message = error("e", dev=str(small), trials=str(tmp_path / "trials"))
    assert message == f"1 of 3 utterances in {tmp_path}/trials are not in {small}; the first is 'bob'"
    feats = shutil.copytree(small_features, tmp_path / "feats")
    (feats / "frontend.json").unlink()
    assert error("f", train=str(feats)).startswith(f"{feats}/frontend.json: no such file")
    (small / "utt2spk").write_text("alicia-0\n")
    assert error("g", train=str(small)) == f"{small}/utt2spk:1: expected 'utterance speaker', got 'alicia-0'"
