"""`pysid train-activity`: settings from a file and over it, and a dry run that writes nothing."""

import pytest
import yaml
from accelerate.state import AcceleratorState

from pysid.data.conversations.plan import ConversationConfig
from pysid.data.conversations.write import write_conversations
from pysid.data.corpus import Corpus


@pytest.fixture(autouse=True)
def one_training_a_process():
    """The state that accelerate keeps does not go from one test to the next."""
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.fixture(scope="module")
def conversations(tmp_path_factory, dev):
    folder = tmp_path_factory.mktemp("activity") / "conversations"
    write_conversations(
        Corpus.read(dev),
        folder,
        ConversationConfig(n_conversations=1, min_pieces=4, max_pieces=5, cut_to_s=0.5, pause_s=0.5),
    )
    return folder


@pytest.fixture
def config(conversations, tmp_path):
    plain = {
        "train": str(conversations),
        "out": str(tmp_path / "out"),
        "features": {"kind": "fbank", "n_mels": 20, "use_energy": True, "snip_edges": False},
        "network": {"feature_dim": 21, "channels": 8, "dilations": [1, 2]},
        "crops": {"n_frames": 100, "batch_size": 4, "crops_per_epoch": 8},
        "trainer": {"n_epochs": 1, "device": "cpu", "n_threads": 1, "n_workers": 0},
    }
    path = tmp_path / "activity.yaml"
    path.write_text(yaml.safe_dump(plain))
    return path


def test_a_dry_run_writes_nothing(pysid, config, tmp_path):
    outcome = pysid("train-activity", config, "trainer.n_epochs=3", "--dry-run")
    assert outcome.status == 0 and outcome.out == ""
    assert "2 batches an epoch" in outcome.err and "dry run: 3 epochs, 6 steps; batches as (4, " in outcome.err
    assert not (tmp_path / "out").exists()


def test_it_trains_and_says_where(pysid, config, tmp_path):
    outcome = pysid("train-activity", config, f"out={tmp_path / 'other'}")
    assert outcome.status == 0
    final = tmp_path / "other" / "final"
    assert outcome.err.splitlines()[-1] == f"trained: {final}"
    assert sorted(path.name for path in final.iterdir()) == ["activity.json", "activity.safetensors"]
    assert not (tmp_path / "out").exists()
    error = pysid("train-activity", config, f"out={tmp_path / 'other'}", "network.channels=4").error
    assert "holds a training with other settings: network.channels (was 8, is 4)" in error


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("network.layers=3", "network.layers=3: unknown key 'network.layers'"),
        ("train=nowhere", "nowhere"),
        ("crops.n_frames=90000", "expected recordings of 90000 frames or more, got none"),
        ("network.feature_dim=9", "network.feature_dim is 9, but the features have 21"),
        ("network.channels", "expected key=value, got 'network.channels'"),
    ],
)
def test_what_is_wrong_is_one_line(pysid, config, setting, message, tmp_path):
    outcome = pysid("train-activity", config, setting)
    assert message in outcome.error and not (tmp_path / "out" / "final").exists()


def test_no_file(pysid, tmp_path):
    path = tmp_path / "none.yaml"
    assert pysid("train-activity", path).error == f"{path}: cannot read the file: No such file or directory"
    path.write_text("out: a\n")
    assert pysid("train-activity", path).error == f"{path}: missing key 'train'"
