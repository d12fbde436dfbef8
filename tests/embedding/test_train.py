"""Training on made-up features: it learns, it resumes bit for bit after a kill, and it stops at a NaN."""

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import yaml
from accelerate.state import AcceleratorState

from pysid.config import to_plain
from pysid.embedding.optim import OptimizerConfig
from pysid.embedding.train import TrainerConfig
from pysid.errors import DataError
from pysid.experiment import read_train_config, run_training
from pysid.frontend import VOXCELEB
from pysid.io.ark_writer import ArkWriter
from pysid.io.tables import Trial, write_table, write_trials

N_SPEAKERS, N_UTTERANCES, N_FRAMES = 4, 6, 60


@pytest.fixture(scope="session")
def features(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory as `pysid features` writes it: each speaker's frames lie around a point of their own."""
    folder = tmp_path_factory.mktemp("features")
    rng = np.random.default_rng(0)
    utt2spk, counts = {}, {}
    with ArkWriter(folder / "feats") as writer:
        for s in range(N_SPEAKERS):
            centre = rng.normal(size=30)
            for u in range(N_UTTERANCES):
                name = f"s{s}-{u}"
                writer.write(name, (centre + rng.normal(size=(N_FRAMES, 30))).astype(np.float32))
                utt2spk[name], counts[name] = f"s{s}", N_FRAMES
    write_table(folder / "utt2spk", utt2spk)
    write_table(folder / "utt2num_frames", counts)
    (folder / "frontend.json").write_text(json.dumps(to_plain(VOXCELEB)))
    names = list(utt2spk)
    trials = [Trial(a, b, utt2spk[a] == utt2spk[b]) for a in names[::2] for b in names[1::2]]
    write_trials(folder / "trials", trials)
    return folder


def settings(features: Path, out: Path, **more: object) -> dict:
    plain = {
        "train": str(features),
        "out": str(out),
        "network": {
            "frame_layers": [{"dim": 16, "offsets": [-2, 0, 2]}, {"dim": 24}],
            "segment_dims": [12, 12],
            "attention_dim": 8,
        },
        "chunks": {
            "min_frames": 20,
            "max_frames": 40,
            "batch_size": 8,
            "chunks_per_epoch": 8 * 60,
            "min_utterance_frames": 1,
            "min_utterances": 2,
        },
        "trainer": {"n_epochs": 2, "device": "cpu", "n_threads": 1, "n_workers": 0},
    }
    for key, value in more.items():
        plain[key] = {**plain.get(key, {}), **value} if isinstance(value, dict) else value
    return plain


def write_config(path: Path, plain: dict) -> Path:
    path.write_text(yaml.safe_dump(plain))
    return path


def train(path: Path, plain: dict) -> Path:
    # accelerate keeps one state a process, as its users have one training a process.
    AcceleratorState._reset_state(reset_partial_state=True)
    return run_training(read_train_config(write_config(path / "train.yaml", plain)))


def weights(directory: Path) -> dict[str, np.ndarray]:
    return safetensors.numpy.load_file(directory / "model.safetensors")


@pytest.mark.parametrize("flavour", ["stat", "attent", "asoft"])
def test_every_flavour_learns(flavour: str, features: Path, tmp_path: Path) -> None:
    plain = settings(features, tmp_path / "exp", flavour=flavour, dev=str(features))
    final = train(tmp_path, plain)
    table = (tmp_path / "exp" / "epochs.tsv").read_text().splitlines()
    heading, first, last = (line.split("\t") for line in table)
    assert heading == ["epoch", "steps", "loss", "accuracy", "minutes", "eer"]
    assert float(last[2]) < float(first[2]) and float(last[3]) > 0.8 and float(last[5]) < 0.1
    names = {x.name for x in (tmp_path / "exp").iterdir()}
    assert {"epoch-001", "epoch-002", "final", "state-00000120", "train.json"} <= names
    assert any(name.startswith("events.out.tfevents") for name in names)
    one, other = weights(final), weights(tmp_path / "exp" / "epoch-002")
    assert one.keys() == other.keys() and all((one[k] == other[k]).all() for k in one)


def test_the_ports_deviations_reach_the_model(features: Path, tmp_path: Path) -> None:
    final = train(tmp_path, settings(features, tmp_path / "exp", flavour="stat", port=True, trainer={"n_epochs": 1}))
    plain = json.loads((final / "config.json").read_text())
    assert plain["network"]["order"] == "norm-relu" and plain["network"]["norm_affine"]
    state = safetensors.numpy.load_file(tmp_path / "exp" / "state-00000060" / "model.safetensors")
    assert state["head.norm.running_mean"].shape == (N_SPEAKERS,)


def test_killed_in_mid_epoch_it_resumes_to_the_very_same_weights(features: Path, tmp_path: Path) -> None:
    # A state after every step, so that there is one to resume from wherever the kill falls.
    slow = {"checkpoint_minutes": 1e-6}
    undisturbed = train(tmp_path, settings(features, tmp_path / "whole", flavour="attent"))
    out = tmp_path / "killed"
    config = write_config(
        tmp_path / "killed.yaml", settings(features, out, flavour="attent", trainer={**TRAINER, **slow})
    )
    command = [sys.executable, "-m", "pysid", "train", str(config)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"})
    deadline = time.monotonic() + 120
    while _step(out) < 70:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    at_kill = _step(out)
    assert 70 <= at_kill < 120 and not (out / "final").exists()
    (out / ".state-unfinished").mkdir(exist_ok=True)  # as if the kill had also torn a state
    resumed = train(tmp_path, settings(features, out, flavour="attent", trainer=slow))
    one, other = weights(undisturbed), weights(resumed)
    assert one.keys() == other.keys()
    assert all(one[key].tobytes() == other[key].tobytes() for key in one)


def test_two_processes_train_one_model(features: Path, tmp_path: Path) -> None:
    config = write_config(tmp_path / "two.yaml", settings(features, tmp_path / "two", dev=str(features)))
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone"]
    result = subprocess.run(
        [*command, "-m", "pysid", "train", str(config)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    assert result.stderr.count("epoch 1, steps 60") == 1  # one of them speaks
    last = (tmp_path / "two" / "epochs.tsv").read_text().splitlines()[-1].split("\t")
    assert last[1] == "120" and float(last[3]) > 0.8 and float(last[5]) < 0.1


TRAINER = {"n_epochs": 2, "device": "cpu", "n_threads": 1, "n_workers": 0}


def _step(out: Path) -> int:
    return max((int(x.name.removeprefix("state-")) for x in out.glob("state-*")), default=0)


def test_two_trainings_with_one_seed_are_equal_and_another_seed_differs(features: Path, tmp_path: Path) -> None:
    runs = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        trainer = {"n_epochs": 1, "seed": seed}
        runs.append(weights(train(tmp_path, settings(features, tmp_path / name, trainer=trainer))))
    first, again, other = (run["frame_layers.0.affine.weight"] for run in runs)
    assert (first == again).all() and (first != other).any()


def test_training_from_audio(tmp_path: Path) -> None:
    voices = Path(__file__).parents[2] / "examples" / "train"
    plain = settings(voices, tmp_path / "exp", trainer={"n_epochs": 2})
    plain["chunks"] |= {"min_frames": 100, "max_frames": 150, "chunks_per_epoch": 8 * 30}
    train(tmp_path, plain)
    last = (tmp_path / "exp" / "epochs.tsv").read_text().splitlines()[-1].split("\t")
    assert float(last[3]) > 0.3  # ten speakers: chance is 0.1


def test_mixed_precision_on_a_cpu(features: Path, tmp_path: Path) -> None:
    plain = settings(features, tmp_path / "exp", trainer={"n_epochs": 1, "mixed_precision": "bf16"})
    half = weights(train(tmp_path, plain))["frame_layers.0.affine.weight"]
    plain = settings(features, tmp_path / "exp32", trainer={"n_epochs": 1})
    single = weights(train(tmp_path, plain))["frame_layers.0.affine.weight"]
    assert half.dtype == np.float32 and (half != single).any()


def test_a_nan_stops_it_and_names_the_batch(features: Path, tmp_path: Path) -> None:
    plain = settings(
        features,
        tmp_path / "exp",
        optimizer={"learning_rate": 1e30, "final_learning_rate": 1e30, "max_grad_norm": 0, "kind": "sgd"},
    )
    with pytest.raises(DataError, match=r"loss became .* epoch 1, batch \d+ of 60 \(utterances s\d-\d, .*lower"):
        train(tmp_path, plain)
    assert not (tmp_path / "exp" / "epoch-001").exists()


def test_another_configuration_does_not_go_on_in_the_same_folder(features: Path, tmp_path: Path) -> None:
    train(tmp_path, settings(features, tmp_path / "exp", trainer={"n_epochs": 1}))
    changed = settings(features, tmp_path / "exp", trainer={"n_epochs": 1, "seed": 5, "log_steps": 3})
    with pytest.raises(DataError, match=r"other settings: trainer.seed \(was 123, is 5\); choose another"):
        train(tmp_path, changed)


def test_a_damaged_state_is_one_clear_error(features: Path, tmp_path: Path) -> None:
    plain = settings(features, tmp_path / "exp", trainer={"n_epochs": 1})
    train(tmp_path, plain)
    (tmp_path / "exp" / "state-00000060" / "optimizer.bin").write_bytes(b"not a state")
    with pytest.raises(DataError, match="state-00000060: cannot resume from this state"):
        train(tmp_path, plain)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"networks": {}}, "unknown key 'networks'"),
        ({"trainer": {"n_epochs": "many"}}, "'trainer.n_epochs' must be a whole number, got 'many'"),
        (
            {"trainer": {"n_epochs": 0}},
            "trainer: n_epochs, log_steps and checkpoint_minutes must be positive",
        ),
        ({"network": {"feature_dim": 20}}, "feature_dim is 20, but the features of .* have 30"),
        ({"flavour": "plain"}, "'flavour' must be one of stat, attent, asoft, got 'plain'"),
        ({"train": "/nowhere"}, "/nowhere/utt2spk"),
        ({"trainer": {"seed": -1}}, "seed, n_threads and n_workers must not be negative"),
        ({"network": {"frame_layers": [{"dim": 4, "offsets": []}]}}, "offsets must ascend"),
        ({"chunks": {"min_frames": 4}}, "chunks.min_frames is 4, but the network needs more than 4 frames"),
        ({"chunks": {"min_utterances": 9}}, "0 of 4 speakers have 9 or more utterances"),
        ({"frontend": {"features": {"kind": "fbank"}}}, "differs from the `frontend` of the configuration"),
    ],
)
def test_wrong_settings(change: dict, message: str, features: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        train(tmp_path, settings(features, tmp_path / "exp", **change))


def test_dev_utterances_must_exist(features: Path, tmp_path: Path) -> None:
    (tmp_path / "trials").write_text("s0-0 s9-0 target\ns0-0 s1-0 nontarget\n")
    plain = settings(features, tmp_path / "exp", dev=str(features), trials=str(tmp_path / "trials"))
    with pytest.raises(DataError, match=r"1 of 3 utterances in .*trials are not in .*'s9-0'"):
        train(tmp_path, plain)


def test_a_corrected_configuration_may_follow_a_wrong_one(features: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="/nowhere"):
        train(tmp_path, settings(features, tmp_path / "exp", train="/nowhere"))
    train(tmp_path, settings(features, tmp_path / "exp", trainer={"n_epochs": 1}))


def test_dev_trials_must_say_what_they_are(features: Path, tmp_path: Path) -> None:
    (tmp_path / "trials").write_text("s0-0 s1-0\n")
    plain = settings(features, tmp_path / "exp", dev=str(features), trials=str(tmp_path / "trials"))
    with pytest.raises(DataError, match=r"target\|nontarget"):
        train(tmp_path, plain)


def test_settings_given_beside_the_file(features: Path, tmp_path: Path) -> None:
    path = write_config(tmp_path / "a.yaml", settings(features, tmp_path / "exp"))
    config = read_train_config(path, ["flavour=asoft", "head.margin=3", "optimizer.learning_rate=1e-2"])
    assert (config.head.loss, config.head.margin, config.optimizer.learning_rate) == ("a-softmax", 3.0, 0.01)
    with pytest.raises(DataError, match="expected key=value, got 'flavour'"):
        read_train_config(path, ["flavour"])


def test_learning_rate_schedules() -> None:
    for schedule in ("exponential", "cosine", "linear"):
        c = OptimizerConfig(schedule=schedule, learning_rate=1.0, final_learning_rate=0.01, warmup_steps=5)
        rates = [c.rate_at(step, 105) for step in range(106)]
        assert rates[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
        assert rates[5] == 1.0 and rates[105] == pytest.approx(0.01)
        assert all(a > b for a, b in itertools.pairwise(rates[5:]))
    assert OptimizerConfig(schedule="constant").rate_at(99, 100) == 1e-3


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (OptimizerConfig, {"learning_rate": 0}, "learning rates must be positive"),
        (OptimizerConfig, {"momentum": 1}, r"momentum in \[0, 1\)"),
        (TrainerConfig, {"checkpoint_minutes": 0}, "must be positive"),
    ],
)
def test_impossible_options(kind: type, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        kind(**options)
