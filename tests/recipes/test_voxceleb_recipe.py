"""The VoxCeleb recipe: its options, what each stage runs, and when it does not; its scripts; a tiny run of it all."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pysid.data.features import FRONTEND_FILE
from pysid.errors import DataError
from pysid.io.ark.archive import read_matrix
from pysid.io.ark.writer import ArkWriter
from pysid.io.tables import read_num_frames, read_table, write_table
from pysid.training.embedding.run import read_train_config

RECIPE = Path(__file__).parents[2] / "recipes" / "voxceleb"


def script(name):
    spec = importlib.util.spec_from_file_location(f"voxceleb_{name}", RECIPE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


combine, report = script("combine"), script("report")


@pytest.fixture
def recipe(tmp_path):
    """Runs run.sh with its folders below tmp_path."""

    def run(*options, **environment):
        folders = ("--data", tmp_path / "data", "--exp", tmp_path / "exp", "--device", "cpu")
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            [RECIPE / "run.sh", *map(str, (*folders, *options))],
            env={**os.environ, "PATH": path, **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture
def commands(recipe, tmp_path):
    """As `recipe`, with a pysid and a torchrun that only note what they are told; returns their lines."""
    programs, log = tmp_path / "programs", tmp_path / "log"
    programs.mkdir()
    for name in ("pysid", "torchrun"):
        (programs / name).write_text(f'#!/bin/sh\necho "{name} $*" >> {log}\n[ ! -e {tmp_path}/broken ]\n')
        (programs / name).chmod(0o755)
    path = os.pathsep.join(map(str, (programs, Path(sys.executable).parent, os.environ["PATH"])))

    def run(*options):
        log.write_text("")
        done = recipe(*options, PATH=path)
        run.status, run.message = done.returncode, done.stderr
        return [line.replace(f"{tmp_path}/", "") for line in log.read_text().splitlines()]

    return run


class TestOptions:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (["--bogus=1"], "unknown option --bogus"),
            (["now"], "unknown argument now"),
            (["--stage"], "--stage needs a value"),
            (["--stage", "two"], "--stage must be a whole number, got 'two'"),
            (["--flavour", "resnet"], "--flavour must be one of stat attent asoft modern, got 'resnet'"),
            (["--backend=svm"], "--backend must be one of plda nonplda, got 'svm'"),
            (["--augment=twice"], "--augment must be one of copies on-the-fly none, got 'twice'"),
            (["--train-on=me"], "--train-on must be one of all voxceleb2, got 'me'"),
            (["--device=tpu"], "--device must be one of cpu cuda, got 'tpu'"),
            (["--name=a/b"], "--name must be one word, got 'a/b'"),
            (["--flavour=modern", "--augment=copies"], "--flavour modern trains from audio"),
        ],
    )
    def test_wrong_usage(self, recipe, options, message):
        done = recipe(*options)
        assert done.returncode == 2 and done.stdout == ""
        assert done.stderr.startswith(f"run.sh: {message}") and done.stderr.count("\n") == 1

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ([], "stage 0 needs --voxceleb1 DIR: VoxCeleb1, with dev/wav/"),
            (["--voxceleb1=/nowhere"], "--voxceleb1: no such folder: /nowhere; expected VoxCeleb1"),
            (["--voxceleb1=.", "--voxceleb2=/nowhere"], "--voxceleb2: no such folder: /nowhere"),
            (["--voxceleb1=.", "--voxceleb2=."], "stage 0 needs --musan DIR"),
            (["--voxceleb1=.", "--voxceleb2=.", "--musan=."], "stage 0 needs --rirs DIR: RIRS_NOISES, or the word"),
            (["--stage=8"], "stage 8 needs "),
            (["--config=/nowhere.yaml"], "--config: no such file: /nowhere.yaml"),
        ],
    )
    def test_something_is_missing(self, recipe, options, message):
        done = recipe(*options)
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1].startswith(f"run.sh: {message}")

    def test_help(self, recipe):
        done = recipe("--help")
        assert done.returncode == 0 and "--voxceleb1" in done.stdout


class TestStages:
    def test_only_those_asked_for_and_only_once(self, commands):
        assert commands("--stage", 1, "--stop-stage", 3, "--jobs", 2, "--copies", 70) == [
            "pysid features data/train exp/features/train --allow-skipped --compress --jobs 2",
            "pysid features data/voxceleb1_test exp/features/voxceleb1_test --allow-skipped --compress --jobs 2",
            "pysid augment data/train data/augmented-train --allow-skipped --noises data/musan_noise "
            "--music data/musan_music --speech data/musan_speech --rooms=data/rirs/simulated_rirs/smallroom/rir_list "
            "--rooms=data/rirs/simulated_rirs/mediumroom/rir_list --subset 70 --jobs 2",
            "pysid features data/augmented-train/train_aug exp/features/train_aug --allow-skipped "
            "--compress --stored-vad --jobs 2",
        ]
        assert commands("--stage", 1, "--stop-stage", 3, "--jobs", 3, "--copies", 70) == []
        assert commands("--stage", 1, "--stop-stage", 3, "--cluster=tcp://a:1", "--copies", 70) == []
        (again,) = commands("--stage", 1, "--stop-stage", 3, "--copies", 80)
        assert again.startswith("pysid augment") and "--subset 80" in again

    def test_what_failed_is_run_again(self, commands, tmp_path):
        (tmp_path / "broken").touch()
        assert len(commands("--stage=1", "--stop-stage=3")) == 1 and commands.status == 1
        (tmp_path / "broken").unlink()
        assert len(commands("--stage=1", "--stop-stage=3")) == 4 and commands.status == 0

    def test_simulated_rooms_and_voxceleb2_alone(self, commands):
        lines = commands("--stage=1", "--stop-stage=2", "--rirs=simulated", "--train-on=voxceleb2")
        assert lines[0].startswith("pysid features data/voxceleb2_train exp/features/voxceleb2_train")
        assert "--rooms=simulated" in lines[-1] and "data/augmented-voxceleb2_train" in lines[-1]

    def test_plan_is_kaldis(self, commands, tmp_path):
        # Of speaker a one utterance is too short, and b has seven that are long enough, with one of just 400 frames.
        lengths = {f"a-{i}": 500 for i in range(8)} | {"a-8": 300}
        lengths |= {f"b-{i}": 900 for i in range(7)} | {"b-7": 400}
        lengths |= {f"c-{i}": 401 for i in range(9)}
        trained = tmp_path / "exp/features/train_combined"
        write_table(trained / "utt2num_frames", lengths)
        write_table(trained / "utt2spk", {name: name[0] for name in lengths})
        assert commands("--stage", 5, "--stop-stage", 8) == [
            "pysid train conf/xvector.yaml dev=exp/features/voxceleb1_test trainer.device=cpu "
            "train=exp/features/train_combined flavour=stat chunks.min_utterance_frames=401 chunks.min_utterances=8 "
            "chunks.chunks_per_epoch=100 out=exp/stat"
        ]
        assert "2 speakers, 17 utterances, 7609 frames; 100 chunks an epoch" in commands.message
        # 7609 * 400000 / 10^9 = 3.04: four archives with each of the two speakers 400000 times.
        (line,) = commands("--stage=5", "--stop-stage=8", "--repeats=400000", "--name=more", "--set=a.b=[1,2] c=3")
        assert "chunks.chunks_per_epoch=3200000 out=exp/more a.b=[1,2] c=3" in line

    def test_training_on_the_fly(self, commands, tmp_path):
        lists = "data/rirs/simulated_rirs/smallroom/rir_list,data/rirs/simulated_rirs/mediumroom/rir_list"
        sources = "augment.noises=data/musan_noise augment.music=data/musan_music augment.speech=data/musan_speech"
        given = f"dev=exp/features/voxceleb1_test trainer.device=cpu train=data/voxceleb2_train {sources}"
        first, second = commands("--stage=8", "--stop-stage=8", "--flavour=modern", "--processes=2")
        start = "torchrun --standalone --nproc-per-node 2 -m pysid train conf/modern"
        assert first == f"{start}.yaml {given} augment.rooms=[{lists}] out=exp/modern"
        assert second.startswith(f"{start}-large-margin.yaml")
        assert second.endswith("out=exp/modern/large-margin start_from=exp/modern")

        write_table(tmp_path / "exp/features/train/utt2num_frames", {})
        write_table(tmp_path / "exp/features/train/utt2spk", {})
        (line,) = commands("--stage=2", "--stop-stage=8", "--augment=on-the-fly", "--rirs=simulated")
        assert "train=data/train" in line and "augment.rooms=simulated" in line and "augment.probability=0.44" in line
        assert line.endswith("out=exp/stat-on-the-fly")

    def test_scores(self, commands, tmp_path):
        for path in ("voxceleb1_test/trials-o", "voxceleb1_test/trials-o.missing", "voxceleb1/trials-e"):
            write_table(tmp_path / "data" / path, {})
        for name in ("voxceleb2_train", "voxceleb1_train", "voxceleb1_test"):
            write_table(tmp_path / f"exp/modern/xvectors/{name}.scp", {name: "x.ark:1"})
        lines = commands("--stage=9", "--stop-stage=11", "--flavour=modern", "--jobs=2")
        assert [" ".join(line.split()[1:3]) for line in lines] == [
            *(f"embed exp/features/{name}" for name in ("voxceleb2_train", "voxceleb1_test", "voxceleb1_train")),
            "fit-backend exp/modern/large-margin/final",
            "kaldi ivector-mean",
            *("score data/voxceleb1_test/trials-o", "eval eer") * 2,
            *("score data/voxceleb1/trials-e", "eval eer") * 2,
        ]
        assert lines[0].endswith(" --model exp/modern/large-margin/final --device cpu --jobs 2")
        assert lines[7].endswith("--backend cosine --cohort scp:exp/modern/xvectors/cohort.scp --top-n 300")
        assert list(read_table(tmp_path / "exp/modern/xvectors/voxceleb1.scp")) == ["voxceleb1_test", "voxceleb1_train"]
        (scored, _) = commands(
            "--stage=11", "--stop-stage=11", "--flavour=modern", "--backend=plda", "--lists=o", "--as-norm=0"
        )
        assert scored.endswith("scores/o.plda.scores --model exp/modern/large-margin/final --backend plda")

    @pytest.mark.parametrize("path", sorted((RECIPE / "conf").glob("*.yaml")), ids=lambda path: path.stem)
    def test_configurations_are_valid(self, path):
        config = read_train_config(path, ["flavour=asoft"] if path.stem in ("xvector", "smoke") else [])
        if path.stem == "xvector":
            chunks = config.chunks
            assert (chunks.min_frames, chunks.max_frames, chunks.sampling) == (200, 400, "speaker")
            assert (chunks.min_utterance_frames, chunks.min_utterances, chunks.batch_size) == (401, 8, 64)
            assert config.trainer.n_epochs == 3 and config.network.frame_layers[-1].dim == 1500


class TestCombine:
    @pytest.fixture
    def parts(self, tmp_path):
        """Two directories with audio and features, whose paths are relative to them."""
        for name in "ab":
            folder = tmp_path / name
            folder.mkdir()
            write_table(folder / "wav.scp", {f"{name}2": "2.wav", f"{name}1": "1.wav"})
            write_table(folder / "utt2spk", {f"{name}2": name, f"{name}1": name})
            write_table(folder / "utt2dur", {f"{name}2": 2.0, f"{name}1": 1.0})
            write_table(folder / "utt2num_frames", {f"{name}2": 2, f"{name}1": 1})
            (folder / FRONTEND_FILE).write_text("{}")
            with ArkWriter(folder / "feats") as writer:
                for frames in (2, 1):
                    writer.write(f"{name}{frames}", np.full((frames, 3), ord(name), np.float32))
        return [tmp_path / "b", tmp_path / "a"]

    def test_tables_and_features(self, parts, tmp_path, capsys):
        out = tmp_path / "deeper" / "out"
        combine.combine(out, parts)
        assert capsys.readouterr().out == f"{out}: 2 speakers, 4 utterances\n"
        for name in ("wav.scp", "utt2spk", "utt2dur", "utt2num_frames", "feats.scp"):
            assert list(read_table(out / name)) == ["a1", "a2", "b1", "b2"]
        assert read_num_frames(out / "utt2num_frames")["b2"] == 2
        assert read_matrix(read_table(out / "feats.scp")["b2"], out)[0, 0] == ord("b")

    def test_without_features(self, parts, tmp_path):
        (parts[0] / "feats.scp").unlink()
        (parts[1] / "utt2dur").unlink()
        combine.combine(tmp_path / "out", parts)
        assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["spk2utt", "utt2spk", "wav.scp"]

    def test_refusals(self, parts, tmp_path):
        with pytest.raises(DataError, match=r"expected directories without an utterance in common, got .*/a, .*/a"):
            combine.combine(tmp_path / "out", [parts[1], parts[1]])
        (parts[1] / FRONTEND_FILE).write_text(json.dumps({"vad": {"kind": "energy"}}))
        with pytest.raises(DataError, match=r"a: expected features of the front-end of .*/b, got others"):
            combine.combine(tmp_path / "out", parts)


def test_report(tmp_path, capsys, monkeypatch):
    figures = {"eer": 0.0512, "min_dcf": {"0.01": 0.4, "0.001": 0.6}}
    for name, trained_on in (("stat", "all"), ("modern", "voxceleb2")):
        (tmp_path / name / "scores").mkdir(parents=True)
        (tmp_path / name / "trained-on").write_text(f"{trained_on}\n")
        for result in ("h-cleaned.plda", "o.plda", "e.nonplda.as-norm"):
            (tmp_path / name / "scores" / f"{result}.json").write_text(json.dumps(figures))
    monkeypatch.setattr(sys, "argv", ["report.py", str(tmp_path), "--markdown"])
    report.main()
    lines = capsys.readouterr().out.splitlines()
    assert lines[2] == "| Kaldi, published | PLDA | O | 3.128 | 0.3258 | 0.5003 |"
    assert lines[4] == "| modern | cosine, as-norm | E | 5.120 | 0.4000 | 0.6000 |"
    assert [line.split(" | ")[2] for line in lines[6:9]] == ["O", "E*", "H, cleaned*"]
    assert lines[-1] == "* the system was trained on speakers of this list"
    monkeypatch.setattr(sys, "argv", ["report.py", str(tmp_path / "empty")])
    with pytest.raises(SystemExit, match="no scored experiments"):
        report.main()


def test_smoke(recipe, tmp_path):
    """From the synthetic voices to the table, and again, when next to nothing is left to do."""
    options = ("--smoke", "--flavour=stat", "--backend=plda", "--lists=o", "--jobs=1", "--set=trainer.n_epochs=1")
    done = recipe(*options, PYSID_DATA="", OMP_NUM_THREADS="1")
    assert done.returncode == 0, done.stderr
    table = [line.split() for line in done.stdout.splitlines() if "PLDA" in line]
    assert [row[1] for row in table] == ["Kaldi,", "stat"]
    exp = tmp_path / "exp" / "smoke-synthetic"
    written = {path: path.stat().st_mtime_ns for path in exp.rglob("*.ark")}
    assert len(written) == 6  # features of the clean speech, the copies and the test, their VAD, two of x-vectors
    again = recipe(*options, PYSID_DATA="", OMP_NUM_THREADS="1")
    assert again.returncode == 0 and again.stdout.count("stat") == done.stdout.splitlines()[-2].count("stat")
    assert written == {path: path.stat().st_mtime_ns for path in exp.rglob("*.ark")}
