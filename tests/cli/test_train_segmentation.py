"""`pysid train-segmentation`: settings from a file and over it, and a dry run that writes nothing."""

import pytest
import yaml
from accelerate.state import AcceleratorState


@pytest.fixture(autouse=True)
def one_training_a_process():
    """The state that accelerate keeps does not go from one test to the next."""
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.fixture
def config(small, tmp_path):
    """Two voices, and nothing around them."""
    plain = {
        "out": str(tmp_path / "out"),
        "voices": [str(small)],
        "rooms": None,
        "features": {"kind": "fbank", "n_mels": 20, "use_energy": True, "snip_edges": False},
        "network": {
            "feature_dim": 21,
            "window_s": 4.0,
            "channels": [8, 8, 8],
            "hidden": 8,
            "n_heads": 2,
        },
        "mix": {"speakers": [0.1, 0.9], "colour_probability": 0.0},
        "batches": {"batch_size": 4, "n_batches": 2},
        "trainer": {"n_epochs": 1, "device": "cpu", "n_threads": 1, "n_workers": 0},
    }
    path = tmp_path / "segmentation.yaml"
    path.write_text(yaml.safe_dump(plain))
    return path


def test_a_dry_run_writes_nothing(pysid, config, tmp_path):
    outcome = pysid("train-segmentation", config, "trainer.n_epochs=3", "--dry-run")
    assert outcome.status == 0 and outcome.out == ""
    assert "2 speakers, 2 batches an epoch" in outcome.err and "dry run: 3 epochs, 6 steps; " in outcome.err
    assert not (tmp_path / "out").exists()


def test_it_trains_and_says_where(pysid, config, tmp_path):
    outcome = pysid("train-segmentation", config, f"out={tmp_path / 'other'}")
    assert outcome.status == 0
    final = tmp_path / "other" / "final"
    assert outcome.err.splitlines()[-1] == f"trained: {final}"
    assert sorted(path.name for path in final.iterdir()) == ["segmentation.json", "segmentation.safetensors"]
    assert not (tmp_path / "out").exists()
    error = pysid("train-segmentation", config, f"out={tmp_path / 'other'}", "network.hidden=12").error
    assert "holds a training with other settings: network.hidden (was 8, is 12)" in error


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("out: a\n", "expected voices, labelled or unlabelled recordings"),
        ("out: a\nunlabelled: b\n", "need a teacher"),
        ("out: a\nvoices: [b]\nspeech: teacher\n", "need a teacher"),
        ("out: a\nvoices: [b]\nrooms: {sample_rate: 8000}\n", "rooms.sample_rate is 8000, but"),
        ("out: a\nvoices: [b]\nmix: {speakers: [0.5]}\n", "mix: speakers must be probabilities"),
        ("out: a\nvoices: [b]\nnetwork: {layers: 3}\n", "unknown key 'network.layers'"),
        ("voices: [b]\n", "missing key 'out'"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_line(pysid, tmp_path, lines, message):
    path = tmp_path / "bad.yaml"
    path.write_text(lines)
    error = pysid("train-segmentation", path).error
    assert error.startswith(f"{path}: ") and message in error


def test_what_is_wrong_with_a_setting_or_the_data(pysid, config, tmp_path):
    assert "unknown key 'mix.speaker'" in pysid("train-segmentation", config, "mix.speaker=1").error
    assert "nowhere" in pysid("train-segmentation", config, "voices=[nowhere]", "--dry-run").error
    path = tmp_path / "none.yaml"
    assert pysid("train-segmentation", path).error == f"{path}: cannot read the file: No such file or directory"
