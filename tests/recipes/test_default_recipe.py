"""The recipe of the default model: what its stages run, and its scripts."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

import pysid
from pysid.data.conversations.plan import ConversationConfig
from pysid.data.corpus import Corpus
from pysid.diarization.pipeline import Diarizer
from pysid.embedding.resnet import ResNet, ResNetConfig
from pysid.io.tables import read_trials, read_utt2spk, write_table
from pysid.model.directory import find_model
from pysid.model.speaker_model import SpeakerModel
from pysid.training.activity.run import read_activity_config
from pysid.training.embedding.run import read_train_config

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "recipes" / "default"
NOTE = """#!{python}
import json, os, sys
with open({log!r}, "a") as log:
    print(json.dumps([os.path.basename(sys.argv[0]), *sys.argv[1:]]), file=log)
"""


@pytest.fixture
def commands(tmp_path):
    """Runs run.sh with programs that only note what they are told; returns what each was."""
    programs, log = tmp_path / "programs", tmp_path / "log"
    programs.mkdir()
    for name in ("pysid", "python"):
        (programs / name).write_text(NOTE.format(python=sys.executable, log=str(log)))
        (programs / name).chmod(0o755)
    data, exp = tmp_path / "data", tmp_path / "exp"
    (data / "dev").mkdir(parents=True)

    def run(*options, status=0):
        log.write_text("")
        environment = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
        environment.pop("PYSID_DATA", None)
        done = subprocess.run(
            [RECIPE / "run.sh", *map(str, options)], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == status, done.stderr
        run.message = done.stderr
        return [json.loads(line) for line in log.read_text().splitlines()]

    run.here = ("--data", data, "--exp", exp)
    return run


def test_each_part_starts_from_the_one_before(commands, tmp_path):
    lines = commands(*commands.here, "--stage=1", "--stop-stage=4", "--set", "trainer.n_threads=1 trainer.n_epochs=2")
    assert [line[:3] for line in lines] == [["pysid", "train", "conf/resnet.yaml"]] * 4
    softmax, margin, speeds, several = (read_train_config(RECIPE / line[2], line[3:]) for line in lines)
    assert softmax.start_from is None and softmax.head.loss == "softmax"
    for before, after in zip((softmax, margin, speeds), (margin, speeds, several), strict=True):
        assert after.start_from == before.out and after.head.loss == "aam-softmax"
        assert after.network == before.network and after.frontend == before.frontend
        assert after.trainer.n_epochs == 2 and after.augment.speech == str(tmp_path / "data" / "train")
    assert speeds.speed.factors == (0.9, 1.0, 1.1) and several.speed is None
    assert margin.head.margin_schedule.end_step == 1000 and speeds.head.margin_schedule.end_step == 0


def test_the_teacher_is_followed_on_short_pieces_and_on_longer_ones(commands, tmp_path):
    exp = tmp_path / "exp"
    *trainings, mixed = commands(*commands.here, "--stage=6", "--stop-stage=6", "--set", "trainer.n_threads=1")
    short, longer = (read_train_config(RECIPE / line[2], line[3:]) for line in trainings)
    assert short.start_from == str(exp / "several") and longer.start_from == short.out == str(exp / "distilled")
    assert (longer.network, longer.teachers, longer.head) == (short.network, short.teachers, short.head)
    assert longer.chunks.min_frames >= short.chunks.min_frames and longer.chunks.max_frames > short.chunks.max_frames
    assert short.augment.telephone is None and longer.augment.telephone.probability == 0.2
    assert short.trainer.n_threads == longer.trainer.n_threads == 1
    assert mixed[1:] == ["between.py", f"{short.out}/final", f"{longer.out}/final", "0.6", str(exp / "network")]


def test_the_back_end_hears_telephones_noise_and_little_speech(commands, tmp_path):
    exp, dev, backend = tmp_path / "exp", tmp_path / "data" / "dev", tmp_path / "exp" / "backend"
    (exp / "network").mkdir(parents=True)
    (exp / "copies" / "backend_combined").mkdir(parents=True)
    backend.mkdir()
    write_table(dev / "trials", {"a": "b target", "c": "d nontarget", "e": "f target"})
    write_table(dev / "wav.scp", {"a": "audio/a.opus", "b": "/far/b.opus"})
    write_table(dev / "utt2dur", {"a": "0.8", "b": "9.0"})
    write_table(backend / "wav.scp", {"x": "x.wav", "y": "y.wav", "z": "z.wav"})
    for folder, names in ((dev, "ab"), (backend, "xyz"), (exp / "copies" / "backend_combined", "xyz")):
        write_table(folder / "utt2spk", {name: name.upper() for name in names})
    (exp / "backend_telephone").mkdir()
    write_table(exp / "backend_telephone" / "utt2spk", {"y-telephone": "Y", "z-telephone": "Z"})
    for name in ("backend", "backend_telephone", "dev", "dev_noisy", "dev_telephone", "dev_short"):
        write_table(exp / f"{name}.scp", {f"{name}-1": f"{name}.ark:1"})
    stage_7 = (*commands.here, "--stage=7", "--stop-stage=7", "--jobs=3", "--telephone=2")
    lines = commands(*stage_7)
    done = [" ".join(line[:2]) for line in lines]
    assert done == [
        *["python ../several_clips.py"] * 2, "python join.py", "pysid augment", *["python ../phone.py"] * 2,
        *["pysid embed"] * 6, "pysid fit-backend", "pysid score", "pysid eval",
    ]  # fmt: skip
    del lines[:2]
    assert lines[0][2:] == [str(exp / "backend_train"), str(exp / "backend_train2"), str(backend)]
    assert lines[2][2:6] == [str(backend), str(exp / "backend_telephone"), "--count", "2"]
    assert lines[3][2:5] == [str(dev), str(exp / "dev_telephone"), "--suffix=-telephone"]
    embedded = {Path(line[2]): Path(line[3]).stem for line in lines[4:10]}
    assert len(embedded) == 6 and embedded[exp / "dev_short"] == "dev_short"

    short = Corpus.read(exp / "dev_short")
    assert [x.source for x in short] == [str(dev / "audio" / "a.opus"), "/far/b.opus"]
    assert [(x.segment.start_s, x.segment.end_s) for x in short] == [(0.0, 0.8), (3.63, 5.37)]

    fitted = dict(pairwise(lines[10]))
    assert (exp / "learned.scp").read_text() == "backend-1 backend.ark:1\nbackend_telephone-1 backend_telephone.ark:1\n"
    assert f"scp:{exp / 'learned.scp'}" in fitted
    assert (fitted["--lda-dim"], fitted["--smoothing"], fitted["--cosine-weight"]) == ("0", "0.05", "100")
    assert "--women-discount" not in fitted, "nobody says who they are"
    assert len(read_utt2spk(exp / "learned-utt2spk")) == 5
    given = (exp / "calibration.scp").read_text().split()
    assert given[::2] == ["dev-1", "dev_telephone-1", "dev_short-1", "dev_noisy-1-noisy"]
    trials = [(x.enrol, x.test, x.is_target) for x in read_trials(exp / "calibration-trials")]
    assert trials == [
        ("a-noisy", "b", True), ("a", "b", True), ("c-telephone", "d", False), ("c", "d", False),
        ("e-short", "f", True), ("e", "f", True),
    ]  # fmt: skip

    genders = dev.parent / "train" / "spk2gender"
    genders.parent.mkdir()
    genders.write_text("X f\n")
    (line,) = [line for line in commands(*stage_7) if line[1] == "fit-backend"]
    assert dict(pairwise(line))["--spk2gender"] == str(genders) and dict(pairwise(line))["--women-discount"] == "14"
    (line,) = [line for line in commands(*stage_7, "--women-discount=0") if line[1] == "fit-backend"]
    assert "--spk2gender" not in line


def test_the_detector_reads_what_the_network_reads(commands, tmp_path):
    exp = tmp_path / "exp"
    (exp / "model").mkdir(parents=True)
    for kind in ("segmentation", "activity"):
        (exp / kind / "final").mkdir(parents=True)
        for ending in ("json", "safetensors"):
            (exp / kind / "final" / f"{kind}.{ending}").write_text(kind)
    segmentation, *lines = commands(*commands.here, "--stage=8", "--stop-stage=8", "--scenes=20")
    assert segmentation[:3] == ["pysid", "train-segmentation", "conf/segmentation.yaml"]
    assert [line[:2] for line in lines] == [["pysid", "prepare"], ["pysid", "train-activity"]]
    scenes = dict(pairwise(lines[0]))
    assert (scenes["--count"], scenes["--voices"]) == ("20", str(tmp_path / "data" / "train"))
    ConversationConfig(**yaml.safe_load((RECIPE / scenes["--config"]).read_text()))
    config = read_activity_config(RECIPE / lines[1][2], lines[1][3:])
    assert config.train == lines[0][4] and config.out == str(exp / "activity")
    network = read_train_config(RECIPE / "conf" / "resnet.yaml")
    assert config.features == network.frontend.features
    for name in ("segmentation.json", "segmentation.safetensors", "activity.json", "activity.safetensors"):
        assert (exp / "model" / name).exists()


def test_settings_are_tuned_on_one_half(commands, tmp_path):
    windows = tmp_path / "exp" / "diarization" / "model"
    windows.mkdir(parents=True)
    (windows / "diarization.safetensors").touch()  # the back-end of windows is there
    write_table(tmp_path / "data" / "dev" / "spk2utt", {"a": "a-1", "b": "b-1"})
    joined, *lines, tuned = commands(*commands.here, "--stage=9", "--stop-stage=9", "--conversations=8")
    assert [Path(x).name for x in joined[1:]] == [
        "heard.py",
        "backend_train",
        "backend_combined",
        "backend_telephone",
        "heard",
    ]
    made = [line for line in lines if line[:2] == ["pysid", "prepare"]]
    kinds = [Path(line[4]).name for line in made]
    assert kinds == [f"{kind}-{fold}" for fold in "ab" for kind in ("plain", "overlap", "scene", "single")]
    phone = [[Path(part).name for part in line[1:4]] for line in lines if line not in made]
    if shutil.which("ffmpeg"):
        assert phone == [["phone.py", f"plain-{fold}", f"phone-{fold}"] for fold in "ab"]
    assert all(line[line.index("--count") + 1] == "4" for line in made)
    assert all(("--rooms" in line) == ("scene" in line[4]) for line in made)
    sets = ["plain-a", "overlap-a", "phone-a", "scene-a", str(tmp_path / "data" / "ami_mini")]
    assert tuned[1:8] == ["../diarization/tune.py", str(windows.parent), *sets]


@pytest.mark.parametrize(
    "options, message",
    [
        (["--nonsense"], "unknown option --nonsense"),
        (["--jobs"], "--jobs needs a value"),
        (["--data=x", "--lda-dim=many"], "--lda-dim must be a whole number"),
    ],
)
def test_wrong_usage(commands, options, message):
    assert commands(*options, status=2) == []
    assert message in commands.message


def test_no_data(commands):
    assert commands(status=1) == []
    assert "give --data, or set PYSID_DATA" in commands.message


def test_speakers_of_several_clips(tmp_path):
    out = tmp_path / "several"
    command = [sys.executable, ROOT / "recipes" / "several_clips.py", ROOT / "examples" / "dev", out]
    everybody = read_utt2spk(ROOT / "examples" / "dev" / "utt2spk")
    n_clips = {x: list(everybody.values()).count(x) for x in everybody.values()}
    subprocess.run([*command, str(max(n_clips.values()))], check=True)
    chosen = read_utt2spk(out / "utt2spk")
    assert chosen == {u: s for u, s in everybody.items() if n_clips[s] == max(n_clips.values())}


def test_the_back_end_of_windows_hears_as_much_of_each_speaker(tmp_path, monkeypatch):
    clean = {f"{speaker}-{i}": speaker for speaker, n in (("ann", 9), ("ben", 5), ("cay", 4)) for i in range(n)}
    copies = clean | {f"{name}-noise": speaker for name, speaker in clean.items() if name != "ben-0"}
    called = {f"{name}-telephone": speaker for name, speaker in clean.items() if speaker == "ann"}
    for kind, owners in (("clean", clean), ("copies", copies), ("telephone", called)):
        (tmp_path / kind).mkdir()
        write_table(tmp_path / kind / "utt2spk", owners)
        write_table(tmp_path / kind / "wav.scp", {name: f"{name}.flac" for name in owners})
    folders = [str(tmp_path / name) for name in ("clean", "copies", "telephone", "out")]
    monkeypatch.setattr(sys, "argv", ["heard.py", *folders])
    script = script_of("heard")
    script.main()
    chosen = read_utt2spk(tmp_path / "out" / "utt2spk")
    counts = {who: [list(chosen.values()).count(who)] for who in ("ann", "ben", "cay")}
    for who, found in counts.items():
        found += [
            sum(name.startswith(who) and name.endswith(kind) for name in chosen) for kind in ("noise", "telephone")
        ]
    assert counts == {"ann": [9, 3, 1], "ben": [8, 3, 0], "cay": [0, 0, 0]}
    assert all(chosen[name] == owner for name, owner in (clean | copies | called).items() if name in chosen)
    monkeypatch.setattr(script, "MIN_CLIPS", 10)
    with pytest.raises(SystemExit, match="expected speakers with 10 clips or more, got none"):
        script.main()


def script_of(name):
    """A script of the recipe, which may import those beside it."""
    spec = importlib.util.spec_from_file_location(name, RECIPE / f"{name}.py")
    script = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(RECIPE))
    try:
        spec.loader.exec_module(script)
    finally:
        sys.path.remove(str(RECIPE))
    return script


def voice(pitch_hz, resonance_hz=700.0, seconds=2.0):
    """Harmonics under one resonance, at int16 scale."""
    time_s = np.arange(int(16000 * seconds)) / 16000
    harmonics = pitch_hz * np.arange(1, int(7000 / pitch_hz))
    levels = 1 / (1 + ((harmonics - resonance_hz) / 250) ** 2)
    return (3000 * (levels[:, None] * np.sin(2 * np.pi * harmonics[:, None] * time_s)).sum(axis=0)).astype(np.float32)


def resonance_hz(wave, pitch_hz):
    spectrum = np.abs(np.fft.rfft(wave[4000:-4000] * np.hanning(len(wave) - 8000)))
    bins_of = np.arange(1, int(3000 / pitch_hz)) * pitch_hz * (len(wave) - 8000) / 16000
    peaks = np.array([spectrum[int(b) - 4 : int(b) + 5].max() for b in bins_of])
    return float((peaks**2 * np.arange(1, len(peaks) + 1) * pitch_hz).sum() / (peaks**2).sum())


def test_the_pitch_of_voices():
    script = script_of("pitch")
    for pitch_hz in (85.0, 120.0, 210.0, 320.0):
        wave = voice(pitch_hz)
        assert script.median_pitch_hz(wave) == pytest.approx(pitch_hz, rel=0.02)
        noisy = wave + np.random.default_rng(1).normal(0, wave.std() / 5, len(wave)).astype(np.float32)
        assert script.median_pitch_hz(noisy) == pytest.approx(pitch_hz, rel=0.02)
    assert np.isnan(script.median_pitch_hz(np.random.default_rng(1).normal(0, 900, 32000)))
    assert np.isnan(script.median_pitch_hz(np.zeros(32000))) and np.isnan(script.median_pitch_hz(np.zeros(10)))


def test_most_other_voices_are_in_womens_range():
    other = script_of("pitch").other_voice
    made = [other(f"speaker{i}", 120.0, 5) for i in range(400)]
    assert (
        made == [other(f"speaker{i}", 120.0, 5) for i in range(400)] != [other(f"x{i}", 120.0, 5) for i in range(400)]
    )
    pitches = np.array([120.0 * pitch for _, pitch in made])
    assert 0.7 < np.mean(pitches > 165) < 0.8 and pitches.min() >= 80 and pitches.max() <= 300
    tracts = np.array([tract for tract, _ in made])
    assert tracts[pitches > 165].mean() > 1.08 and tracts[pitches < 110].mean() < 1.02


def test_voices_need_a_whole_ffmpeg(monkeypatch, tmp_path):
    script = script_of("voices")
    monkeypatch.setattr(sys, "argv", ["voices.py", str(tmp_path / "out"), str(ROOT / "examples" / "dev")])
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    with pytest.raises(SystemExit, match="expected the program ffmpeg, got none"):
        script.main()
    monkeypatch.setenv("PATH", str(tmp_path))
    for lists, missing in (
        (" ... aresample  A->A  Resample audio.", "filters rubberband"),
        (" ... rubberband  A->A  A....D libmp3lame MP3  A....D pcm_mulaw", "encoders libgsm, libopus"),
    ):
        (tmp_path / "ffmpeg").write_text(f"#!/bin/sh\necho '{lists}'\n")
        (tmp_path / "ffmpeg").chmod(0o755)
        with pytest.raises(SystemExit, match=f"expected ffmpeg with the {missing}, got one without"):
            script.main()
    assert not (tmp_path / "out").exists()


def test_another_voice():
    script = script_of("pitch")
    if not shutil.which("ffmpeg") or b"rubberband" not in subprocess.check_output(
        ["ffmpeg", "-v", "quiet", "-filters"]
    ):
        pytest.skip("needs ffmpeg with its rubberband filter")
    wave = voice(120.0)
    higher = script.with_voice(wave, 1.0, 1.5)
    assert len(higher) == pytest.approx(len(wave), rel=0.02)
    assert script.median_pitch_hz(higher) == pytest.approx(180, rel=0.03)
    assert resonance_hz(higher, 180) == pytest.approx(resonance_hz(wave, 120), rel=0.25)
    shorter_tract = script.with_voice(wave, 1.2, 1.5)
    assert len(shorter_tract) == pytest.approx(len(wave) / 1.2, rel=0.02)
    assert script.median_pitch_hz(shorter_tract) == pytest.approx(180, rel=0.03)
    assert resonance_hz(shorter_tract, 180) > 1.1 * resonance_hz(higher, 180)


def test_between_two_networks(tmp_path, monkeypatch):
    config = pysid.load().config
    features = torch.randn(2, 60, 81, generator=torch.Generator().manual_seed(1))
    said = []
    for name, blocks, squeeze in (("begun", (1, 1), 0), ("trained", (2, 1), 2)):
        small = ResNetConfig(channels=(4, 6), blocks=blocks, strides=((1, 1), (2, 2)), squeeze=squeeze, embedding_dim=5)
        model = SpeakerModel(replace(config, network=small), ResNet(small))
        model.save(tmp_path / name)
        said.append(model.network(features))
    for share, expected in ((0, said[0]), (1, said[1])):
        monkeypatch.setattr(
            sys, "argv", ["between.py", *map(str, (tmp_path / "begun", tmp_path / "trained", share, tmp_path / "out"))]
        )
        script_of("between").main()
        torch.testing.assert_close(SpeakerModel.load(tmp_path / "out").network(features), expected)
    half = script_of("between").between({"affine.weight": torch.zeros(2)}, {"affine.weight": torch.ones(2)}, 0.25)
    assert half["affine.weight"].tolist() == [0.25, 0.25]
    with pytest.raises(SystemExit, match="weights do not match"):
        script_of("between").between({"affine.weight": torch.zeros(3)}, {"affine.weight": torch.ones(2)}, 0.25)


def test_the_package_is_the_model_that_ships(tmp_path):
    script = script_of("package")
    shipped = find_model("default")
    script.package(shipped, shipped, tmp_path / "new")  # half precision is not lost on what has it
    new, old = pysid.load(tmp_path / "new"), pysid.load()
    assert new.fingerprint() == old.fingerprint() and new.scorer().calibration_ is not None
    assert Diarizer.load(tmp_path / "new").config == Diarizer.load().config
    assert {path.name for path in (tmp_path / "new").iterdir()} == {path.name for path in shipped.iterdir()}
    text = (RECIPE / "CARD.md").read_text()
    before, _, after = text.partition("<!-- figures")
    assert (shipped / "README.md").read_text().startswith(before) and "EER %" in (shipped / "README.md").read_text()
    assert (shipped / "README.md").read_text().endswith(after.partition("-->\n<!-- end of figures -->")[2])
