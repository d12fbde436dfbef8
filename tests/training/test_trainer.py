"""Training on made-up features: it learns, it resumes bit for bit after a kill, and it stops at a NaN."""

import json
import os
import shutil
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
from pysid.errors import DataError
from pysid.frontend import VOXCELEB
from pysid.io.ark.archive import read_matrices
from pysid.io.ark.writer import ArkWriter
from pysid.io.audio.files import write_audio
from pysid.io.tables import Trial, write_table, write_trials
from pysid.training.embedding.chunks import ChunkPlan
from pysid.training.embedding.run import read_train_config, run_training

N_SPEAKERS, N_UTTERANCES, N_FRAMES = 4, 6, 60
ROOT = Path(__file__).parents[2]
VOICES = ROOT / "examples" / "train"  # ten speakers


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


@pytest.fixture(scope="session")
def noises(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory of two noises, and a list of a room response beside it."""
    folder = tmp_path_factory.mktemp("noises")
    rng = np.random.default_rng(0)
    for name, n_samples in (("a", 8000), ("b", 30000)):
        write_audio(folder / f"{name}.flac", 800 * rng.standard_normal(n_samples), 16000)
    (folder / "wav.scp").write_text("a a.flac\nb b.flac\n")
    response = np.r_[np.zeros(20), 30000, 9000 * rng.standard_normal(1500) * 0.997 ** np.arange(1500)]
    write_audio(folder / "room.flac", response, 16000)
    (folder / "rir_list").write_text("--rir-id 1 --room-id 1 room.flac\n")
    return folder


def augmented(noises: Path) -> dict:
    """Settings of every augmentation."""
    sources = {"noises": str(noises), "speech": str(VOICES), "rooms": str(noises / "rir_list")}
    return {"augment": {"probability": 0.8, **sources}, "speed": {}, "spec_augment": {"max_time_frames": 5}}


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
    plain = settings(features, tmp_path, flavour="attent", spec_augment={"max_bands": 8})
    assert_a_kill_changes_nothing(plain, tmp_path, kill_at=70)


def test_so_it_does_with_augmentation(noises: Path, tmp_path: Path) -> None:
    """From audio, at three speeds, with noise, babble, rooms and masks: all drawn anew by the resumed training."""
    plain = settings(VOICES, tmp_path, **augmented(noises))
    plain["chunks"] |= {"chunks_per_epoch": 8 * 10}
    assert_a_kill_changes_nothing(plain, tmp_path, kill_at=13)


def assert_a_kill_changes_nothing(plain: dict, path: Path, kill_at: int) -> None:
    # A state after every step, so that there is one to resume from wherever the kill falls.
    slow = {"checkpoint_minutes": 1e-6}
    undisturbed = train(path, {**plain, "out": str(path / "whole")})
    out = path / "killed"
    often = {**plain, "out": str(out), "trainer": {**plain["trainer"], **slow}}
    config = write_config(path / "killed.yaml", {**often, "trainer": {**often["trainer"], "n_workers": 1}})
    command = [sys.executable, "-m", "pysid", "train", str(config)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"})
    deadline = time.monotonic() + 120
    while _step(out) < kill_at:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    at_kill = _step(out)
    assert kill_at <= at_kill < _step(path / "whole") and not (out / "final").exists()
    (out / ".state-unfinished").mkdir(exist_ok=True)  # as if the kill had also torn a state
    resumed = train(path, often)
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
    plain = settings(VOICES, tmp_path / "exp", trainer={"n_epochs": 2})
    plain["chunks"] |= {"min_frames": 100, "max_frames": 150, "chunks_per_epoch": 8 * 30}
    train(tmp_path, plain)
    last = (tmp_path / "exp" / "epochs.tsv").read_text().splitlines()[-1].split("\t")
    assert float(last[3]) > 0.3  # ten speakers: chance is 0.1


def test_a_speaker_without_speech_is_no_class(tmp_path: Path, said) -> None:
    data = tmp_path / "data"
    data.mkdir()
    write_audio(tmp_path / "silent.wav", np.zeros(64000), 16000)
    lines = {table: (VOICES / table).read_text().splitlines() for table in ("wav.scp", "utt2spk")}
    mute = [line.split()[0] for line in lines["utt2spk"] if line.endswith(" anika")]
    paths = {name: str((VOICES / path).resolve()) for name, path in (line.split() for line in lines["wav.scp"])}
    write_table(data / "wav.scp", paths | dict.fromkeys(mute, str(tmp_path / "silent.wav")))
    shutil.copy(VOICES / "utt2spk", data)
    plain = settings(data, tmp_path / "exp", trainer={"n_epochs": 1}) | {"in_memory": True}
    plain["chunks"] |= {"chunks_per_epoch": 8 * 3}
    train(tmp_path, plain)
    shown = said.readouterr().err
    assert f"{data}: training without {len(mute)} of {len(paths)} recordings, which have no speech:" in shown
    assert "the first is anika" in shown and " of 9 speakers, 3 batches an epoch" in shown
    classes, listed = ((tmp_path / "exp" / name).read_text().splitlines() for name in ("classes", "left_out"))
    assert len(classes) == 9 and "anika" not in classes
    assert listed == [f"{name} no speech found" for name in mute]


def test_augmented_speakers_at_three_speeds_are_classes(noises: Path, tmp_path: Path, said) -> None:
    plain = settings(VOICES, tmp_path / "exp", trainer={"n_epochs": 1}, **augmented(noises))
    plain["chunks"] |= {"chunks_per_epoch": 8 * 3}
    train(tmp_path, plain)
    classes = (tmp_path / "exp" / "classes").read_text().split()
    assert len(classes) == 30 and classes[0] == "anika"
    assert classes[10] == "sp0.9-anika" and classes[20] == "sp1.1-anika"
    state = safetensors.numpy.load_file(tmp_path / "exp" / "state-00000003" / "model.safetensors")
    assert state["head.affine.weight"].shape[0] == 30


def test_augmentation_of_audio_needs_audio(features: Path, noises: Path, tmp_path: Path) -> None:
    for name in ("augment", "speed"):
        plain = settings(features, tmp_path / "exp", **{name: augmented(noises)[name]})
        with pytest.raises(DataError, match=r"augment and speed need audio to train from, but there is a feats.scp"):
            train(tmp_path, plain)


def test_the_final_network_is_a_mean_of_epochs(features: Path, tmp_path: Path, said) -> None:
    plain = settings(features, tmp_path / "exp", dev=str(features), trainer={"n_epochs": 3, "average_epochs": 2})
    plain["chunks"]["chunks_per_epoch"] = 8 * 20
    final = weights(train(tmp_path, plain))
    epochs = [weights(tmp_path / "exp" / f"epoch-00{n}") for n in (2, 3)]
    for name, mean in final.items():
        if "running" not in name:
            np.testing.assert_allclose(mean, (epochs[0][name] + epochs[1][name]) / 2, rtol=1e-6, atol=1e-7)
    name = "frame_layers.1.norm.running_mean"
    assert not np.allclose(final[name], epochs[1][name], rtol=1e-4)
    last = (tmp_path / "exp" / "epochs.tsv").read_text().splitlines()[-1].split("\t")
    lines = [line for line in said.readouterr().err.splitlines() if line.startswith("the mean of the last 2 epochs")]
    assert float(lines[0].split("eer ")[1]) <= float(last[5]) + 0.05


def test_large_margin_fine_tuning(features: Path, tmp_path: Path, said) -> None:
    """The head's rows go by name: fewer speakers than before, and one that is new."""
    head = {"loss": "aam-softmax", "margin": 0.1, "margin_schedule": {"start_step": 5, "end_step": 20}}
    train(tmp_path, settings(features, tmp_path / "first", trainer={"n_epochs": 1}, head=head))
    others = shutil.copytree(features, tmp_path / "others")
    speakers = (features / "utt2spk").read_text().replace(" s0", " zoe").splitlines()
    (others / "utt2spk").write_text("".join(f"{line}\n" for line in speakers if not line.endswith("s1")))
    tuned = settings(
        others,
        tmp_path / "tuned",
        start_from=str(tmp_path / "first"),
        head={"loss": "aam-softmax", "margin": 0.5},
        optimizer={"learning_rate": 1e-9, "final_learning_rate": 1e-9},
        trainer={"n_epochs": 1},
    )
    train(tmp_path, tuned)
    assert "which knows 2 of 3 classes" in said.readouterr().err
    before, after = (
        safetensors.numpy.load_file(tmp_path / name / "state-00000060" / "model.safetensors")
        for name in ("first", "tuned")
    )
    affine = "network.frame_layers.1.affine.weight"
    np.testing.assert_allclose(after[affine], before[affine], atol=1e-6)
    assert after["head.weight"].shape == (3, 12)  # s2, s3, zoe
    np.testing.assert_allclose(after["head.weight"][:2], before["head.weight"][2:], atol=1e-6)
    again = {**tuned, "start_from": str(tmp_path / "gone"), "out": str(tmp_path / "other")}
    with pytest.raises(DataError, match=r"gone: expected a training to start from, got no folder state-\*"):
        train(tmp_path, again)
    again["start_from"] = str(tmp_path / "first")
    with pytest.raises(DataError, match=r"expected weights of this network, got others, such as network\.pooling\."):
        train(tmp_path, {**again, "network": {**again["network"], "pooling": "attention"}})
    with pytest.raises(DataError, match=r"expected head.weight \(3, 16\), got \(4, 12\)|expected network.* got"):
        train(tmp_path, {**again, "network": {**again["network"], "segment_dims": [12, 16]}})
    (tmp_path / "first" / "classes").write_text("x\ny\n")
    with pytest.raises(DataError, match=r"classes: expected some of the 3 classes, got none of them"):
        train(tmp_path, again)


def test_a_margin_after_plain_softmax(features: Path, tmp_path: Path) -> None:
    """Heads of two kinds have rows that mean the same: a training goes on where another one left its speakers."""
    no_change = {"learning_rate": 1e-9, "final_learning_rate": 1e-9}
    plain = settings(features, tmp_path / "plain", trainer={"n_epochs": 1})
    train(tmp_path, plain)
    margin = settings(
        features,
        tmp_path / "margin",
        start_from=str(tmp_path / "plain"),
        head={"loss": "am-softmax", "margin": 0.1},
        optimizer=no_change,
        trainer={"n_epochs": 1},
    )
    train(tmp_path, margin)
    back = {**plain, "out": str(tmp_path / "back"), "start_from": str(tmp_path / "margin"), "optimizer": no_change}
    train(tmp_path, back)
    first, second, third = (
        safetensors.numpy.load_file(tmp_path / name / "state-00000060" / "model.safetensors")
        for name in ("plain", "margin", "back")
    )
    np.testing.assert_allclose(second["head.weight"], first["head.affine.weight"], atol=1e-6)
    np.testing.assert_allclose(third["head.affine.weight"], first["head.affine.weight"], atol=1e-6)
    np.testing.assert_allclose(third["head.affine.bias"], 0, atol=1e-6)  # where a softmax starts


def test_a_head_on_a_trained_network_begins_where_the_speakers_are(
    features: Path, tmp_path: Path, said, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model has no head: without imprinting, the first epoch would have guessed one speaker in four."""
    model = train(tmp_path, settings(features, tmp_path / "first"))
    margin = {"loss": "aam-softmax", "margin": 0.1}
    no_change = {"learning_rate": 1e-9, "final_learning_rate": 1e-9}
    more = {"start_from": str(model), "head": margin, "optimizer": no_change, "trainer": {"n_epochs": 1}}
    plain = settings(features, tmp_path / "tuned", **more)
    del plain["network"]  # is the model's
    drawn, draw = [], ChunkPlan.epoch
    monkeypatch.setattr(ChunkPlan, "epoch", lambda plan, epoch: drawn.append(epoch) or draw(plan, epoch))
    tuned = train(tmp_path, plain)
    assert drawn[0] > 1 and set(drawn[1:]) == {0}  # not imprinted from what it is trained on
    assert f"starting from {model}, which knows 0 of {N_SPEAKERS} classes" in said.readouterr().err
    accuracy = (tmp_path / "tuned" / "epochs.tsv").read_text().splitlines()[1].split("\t")[3]
    assert float(accuracy) > 0.9
    affine = "frame_layers.1.affine.weight"
    np.testing.assert_allclose(weights(tuned)[affine], weights(model)[affine], atol=1e-6)


@pytest.mark.parametrize("name", ["modern", "modern-large-margin"])
def test_the_modern_recipe_trains(name: str, noises: Path, tmp_path: Path) -> None:
    path = ROOT / "recipes" / "commonvoice" / "conf" / f"{name}.yaml"
    small = [
        f"train={VOICES}",
        f"out={tmp_path}/exp",
        "dev=",
        f"augment.noises={noises}",
        f"augment.music={noises}",
        "network.frame_layers=[{dim: 16, offsets: [-2, 0, 2]}, {dim: 24}]",
        "network.attention_dim=8",
        "chunks.min_frames=50",
        "chunks.max_frames=60",
        "chunks.batch_size=8",
        "chunks.chunks_per_epoch=16",
        "trainer.n_epochs=2",
        "trainer.average_epochs=2",
        "trainer.device=cpu",
        "trainer.n_threads=1",
        "trainer.n_workers=0",
        "start_from=",
    ]
    AcceleratorState._reset_state(reset_partial_state=True)
    final = run_training(read_train_config(path, small))
    assert json.loads((final / "config.json").read_text())["network"]["segment_dims"] == [256]
    assert len((tmp_path / "exp" / "classes").read_text().split()) == (30 if name == "modern" else 10)


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
    with pytest.raises(DataError, match=r"other settings: trainer.seed \(was 123, is 5\): choose another"):
        train(tmp_path, changed)


def test_other_data_does_not_go_on_in_the_same_folder(features: Path, tmp_path: Path, said) -> None:
    """Neither other speakers, in an unfinished training or a finished one, nor other utterances of the same."""
    data, exp = shutil.copytree(features, tmp_path / "data"), tmp_path / "exp"
    plain = settings(data, exp, trainer={"n_epochs": 1}) | {"optimizer": {"learning_rate": 1e-3}}
    train(tmp_path, plain)
    longer = settings(data, exp, trainer={"n_epochs": 2}) | {"optimizer": {"learning_rate": 1e-3}}

    def kept() -> dict[str, bytes]:
        return {name: (exp / name).read_bytes() for name in ("classes", "train.json", "data.json")}

    before, utt2spk = kept(), (data / "utt2spk").read_text()
    assert before["classes"].split() == [b"s0", b"s1", b"s2", b"s3"]
    renamed = utt2spk.replace(" s0", " zoe")
    fewer = "".join(f"{line}\n" for line in utt2spk.splitlines() if not line.endswith("s1"))
    for table, what in (
        (renamed, "other speakers (4 classes, now 4; 'zoe' is new, 's0' is missing)"),
        (fewer, "other speakers (4 classes, now 3; 's1' is missing)"),
        (utt2spk.replace("s2-5 s2\n", ""), None),
    ):
        (data / "utt2spk").write_text(table)
        differ = what or "other data (24 utterances, now 23: by names, lengths or speakers)"
        for config in (plain, longer):
            with pytest.raises(DataError) as error:
                train(tmp_path, config)
            assert str(error.value) == (
                f"{exp} holds a training {'of' if what else 'on'} {differ}: go on with the data it began with, or "
                "choose another out=, with start_from= to learn on from this one"
            )
            assert kept() == before
    (data / "utt2spk").write_text(utt2spk)
    (exp / "data.json").unlink()  # a folder of an earlier version
    train(tmp_path, longer)
    assert "resuming at epoch 2, batch 1" in said.readouterr().err
    assert (exp / "classes").read_bytes() == before["classes"]


def test_a_distillation_goes_on_with_its_own_speakers(features: Path, teacher: Path, tmp_path: Path) -> None:
    data = shutil.copytree(features, tmp_path / "data")
    plain = settings(data, tmp_path / "exp", trainer={"n_epochs": 1}, **distilled(teacher, margin_weight=0.2))
    train(tmp_path, plain)
    classes = (tmp_path / "exp" / "classes").read_text()
    train(tmp_path, plain)
    (data / "utt2spk").write_text((data / "utt2spk").read_text().replace(" s0", " zoe"))
    with pytest.raises(DataError, match=r"exp holds a training of other speakers \(4 classes, now 4; 'zoe' is new"):
        train(tmp_path, plain)
    assert (tmp_path / "exp" / "classes").read_text() == classes


def test_fewer_epochs_than_are_trained_are_refused(features: Path, tmp_path: Path) -> None:
    train(tmp_path, settings(features, tmp_path / "exp", trainer={"n_epochs": 2}))
    with pytest.raises(DataError, match=r"exp holds 2 epochs already: expected trainer\.n_epochs of 2 or more, got 1"):
        train(tmp_path, settings(features, tmp_path / "exp", trainer={"n_epochs": 1}))
    assert json.loads((tmp_path / "exp" / "train.json").read_text())["trainer"]["n_epochs"] == 2


def test_a_damaged_state_is_one_clear_error(features: Path, tmp_path: Path) -> None:
    plain = settings(features, tmp_path / "exp", trainer={"n_epochs": 1})
    train(tmp_path, plain)
    (tmp_path / "exp" / "state-00000060" / "optimizer.bin").write_bytes(b"not a state")
    with pytest.raises(DataError, match="state-00000060: cannot resume from this state"):
        train(tmp_path, plain)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"augment": {"noises": "nowhere", "rate": 1}}, "unknown key 'augment.rate'; known here: noises, music"),
        ({"speed": {"factors": [1, 20]}}, r"speed: a speed must lie in \[0.1, 10\], got 20.0"),
        ({"trainer": {"average_epochs": 3}}, r"average_epochs must lie in \[1, n_epochs=2\], got 3"),
        ({"networks": {}}, "unknown key 'networks'"),
        ({"trainer": {"n_epochs": "many"}}, "'trainer.n_epochs' must be a whole number, got 'many'"),
        (
            {"trainer": {"n_epochs": 0}},
            "trainer: n_epochs, log_steps and checkpoint_minutes must be positive",
        ),
        ({"network": {"feature_dim": 20}}, "feature_dim is 20, but the features of .* have 30"),
        ({"flavour": "plain"}, "'flavour' must be one of stat, attent, asoft, got 'plain'"),
        ({"train": "/nowhere"}, "/nowhere: expected a Kaldi data directory, got no such folder"),
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


@pytest.fixture(scope="session")
def teacher(features: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a teacher says of the made-up features: the mean of the frames, turned, with a little of its own."""
    rng = np.random.default_rng(1)
    turn = rng.normal(size=(30, 7))
    path = tmp_path_factory.mktemp("teacher") / "said"
    with ArkWriter(path) as writer:
        for name, frames in read_matrices(features / "feats.scp"):
            writer.write(name, (frames.mean(0) @ turn + 0.1 * rng.normal(size=7) + 5).astype(np.float32))
    return path.with_suffix(".ark")


def distilled(teacher: Path, **options: object) -> dict:
    return {"head": {"loss": "distillation", "distillation": options}, "teachers": [{"embeddings": str(teacher)}]}


def test_a_distillation_learns_without_labels(features: Path, teacher: Path, tmp_path: Path) -> None:
    plain = settings(features, tmp_path / "exp", dev=str(features), **distilled(teacher))
    final = train(tmp_path, plain)
    first, last = (line.split("\t") for line in (tmp_path / "exp" / "epochs.tsv").read_text().splitlines()[1:])
    assert float(last[2]) < float(first[2]) and float(last[3]) > 0.6 > float(first[3]) and float(last[5]) < 0.1
    assert (tmp_path / "exp" / "classes").read_text() == ""
    assert not any("head" in name for name in weights(final))
    state = safetensors.numpy.load_file(tmp_path / "exp" / "state-00000120" / "model.safetensors")
    assert {name for name in state if name.startswith("head.")} == {"head.maps.0.weight"}


def test_a_distillation_beside_labels_starts_from_a_margin(features: Path, teacher: Path, tmp_path: Path, said) -> None:
    margin = {"head": {"loss": "aam-softmax", "margin": 0.1}}
    train(tmp_path, settings(features, tmp_path / "first", trainer={"n_epochs": 1}, **margin))
    plain = settings(features, tmp_path / "exp", **distilled(teacher, margin_weight=0.2))
    plain |= {"start_from": str(tmp_path / "first"), "optimizer": {"learning_rate": 1e-9, "final_learning_rate": 1e-9}}
    train(tmp_path, plain)
    assert f"which knows {N_SPEAKERS} of {N_SPEAKERS} classes" in said.readouterr().err
    before, after = (
        safetensors.numpy.load_file(tmp_path / name / f"state-{step:08d}" / "model.safetensors")
        for name, step in (("first", 60), ("exp", 120))
    )
    np.testing.assert_allclose(after["head.margin.weight"], before["head.weight"], atol=1e-6)
    agreement = (tmp_path / "exp" / "epochs.tsv").read_text().splitlines()[1].split("\t")[3]
    assert float(agreement) > 0.5  # at once, as the map is that of least squares
    model = tmp_path / "first" / "final"  # a model directory has no head
    train(tmp_path, plain | {"out": str(tmp_path / "again"), "start_from": str(model)})
    assert f"starting from {model}, which knows 0 of {N_SPEAKERS} classes" in said.readouterr().err
    other = safetensors.numpy.load_file(tmp_path / "again" / "state-00000120" / "model.safetensors")
    affine = "network.frame_layers.1.affine.weight"
    np.testing.assert_allclose(other[affine], before[affine], atol=1e-6)
    assert np.abs(other["head.margin.weight"] - before["head.weight"]).max() > 1e-3


def test_a_killed_distillation_resumes_to_the_very_same_weights(features: Path, teacher: Path, tmp_path: Path) -> None:
    """Of two teachers, beside labels."""
    plain = settings(features, tmp_path, **distilled(teacher, margin_weight=0.2))
    plain["teachers"] += [{"embeddings": str(teacher), "whitening": 0.0, "weight": 0.5}]
    assert_a_kill_changes_nothing(plain, tmp_path, kill_at=70)


def test_speech_without_speakers_can_be_learnt_from(onnx_file: Path, tmp_path: Path) -> None:
    unlabelled = tmp_path / "unlabelled"
    unlabelled.mkdir()
    lines = (VOICES / "wav.scp").read_text().splitlines()
    (unlabelled / "wav.scp").write_text("".join(f"{name} {VOICES / path}\n" for name, path in map(str.split, lines)))
    plain = settings(unlabelled, tmp_path / "exp", trainer={"n_epochs": 1}, **distilled(onnx_file))
    plain["teachers"] = [{"model": str(onnx_file)}]
    plain["chunks"] |= {"chunks_per_epoch": 8 * 3, "min_utterances": 1}
    assert (train(tmp_path, plain) / "model.safetensors").exists()
    labelled = plain | {"head": {}, "teachers": []}
    with pytest.raises(DataError, match="utt2spk: expected the speakers to train on, got no such file"):
        train(tmp_path, labelled | {"out": str(tmp_path / "other")})


def test_teachers_and_distillation_go_together(features: Path, teacher: Path, tmp_path: Path) -> None:
    for without in ({"teachers": []}, {"head": {"loss": "softmax"}}):
        with pytest.raises(DataError, match=r"head.loss 'distillation' needs `teachers`, and other losses have none"):
            train(tmp_path, settings(features, tmp_path / "exp") | distilled(teacher) | without)
