"""`pysid compare`, with what `runs.compare` does for it."""

import json
import shutil
from pathlib import Path

import pytest
import soundfile

from pysid.io.tables import read_scores, read_trials
from pysid.metrics.detection import equal_error_rate, format_eer

EXAMPLE = Path(__file__).parents[2] / "examples" / "conversation"


@pytest.mark.slow
def test_models_on_trials(pysid, fitted, onnx_file, dev, tmp_path):
    arguments = ("--trials", dev / "trials", "--data", dev, "--json", tmp_path / "x.json", "--det", tmp_path / "x.svg")
    outcome = pysid("compare", fitted, onnx_file, *arguments)
    assert outcome.status == 0, outcome.err
    heading, first, second = outcome.out.splitlines()
    assert heading.split()[:3] == ["model", "EER", "%"] and first.startswith(str(fitted))
    pysid("score", dev / "trials", dev / "wav.scp", tmp_path / "scores", "--model", fitted)
    truth = {(t.enrol, t.test): t.is_target for t in read_trials(dev / "trials")}
    split: tuple[list[float], list[float]] = ([], [])
    for pair, score in read_scores(tmp_path / "scores").items():
        split[not truth[pair]].append(score)
    figures = json.loads((tmp_path / "x.json").read_text())["models"]
    assert figures[str(fitted)]["eer"] == pytest.approx(equal_error_rate(*split)[0])
    assert format_eer(figures[str(fitted)]["eer"]) in first
    assert figures[str(fitted)]["n_parameters"] > 1000 and figures[str(onnx_file)]["n_parameters"] is None
    assert 0 < figures[str(fitted)]["ms_per_s"] < 1000 and 5e7 < figures[str(fitted)]["peak_bytes"] < 5e9
    assert " - " in second and "resnet.onnx" in (tmp_path / "x.svg").read_text()


@pytest.mark.slow
def test_models_on_conversations(pysid, fitted, tmp_path):
    shutil.copy(EXAMPLE / "meeting.rttm", tmp_path)
    samples, rate = soundfile.read(EXAMPLE / "meeting.ogg", frames=20 * 16000, dtype="float32")
    soundfile.write(tmp_path / "meeting.wav", samples, rate)
    (tmp_path / "all.uem").write_text("meeting 1 0.0 20.0\n")
    arguments = ("--rttm", tmp_path / "meeting.rttm", "--data", tmp_path / "meeting.wav", "--uem", tmp_path / "all.uem")
    outcome = pysid("compare", fitted, *arguments, "--json", tmp_path / "x.json")
    assert outcome.status == 0, outcome.err
    assert outcome.out.splitlines()[0].split()[:3] == ["model", "DER", "%"]
    pysid("diarize", tmp_path / "meeting.wav", "--out-dir", tmp_path, "--format", "json", "--model", fitted)
    (figures,) = json.loads((tmp_path / "x.json").read_text())["models"].values()
    assert 0 <= figures["der"] < 3 and figures["ms_per_s"] > 0 and figures["speech_s"] < 25


def test_what_is_wrong_is_said(pysid, fitted, dev, tmp_path):
    assert pysid("compare", fitted, "--data", dev).status == 2
    assert pysid("compare", fitted, fitted, "--data", dev, "--trials", dev / "trials").status == 2
    assert pysid("compare", fitted, "--data", dev, "--rttm", dev / "trials", "--det", "x.svg").status == 2
    assert pysid("compare", fitted, "--data", dev, "--trials", dev / "trials", "--vad", "webrtc").status == 2
    (tmp_path / "trials").write_text("a b target\n")
    message = pysid("compare", fitted, "--data", dev, "--trials", tmp_path / "trials").error
    assert "trials: expected 'enrol test target|nontarget' lines, of both kinds" in message


@pytest.mark.slow
def test_a_trial_without_audio(pysid, fitted, dev, tmp_path):
    (tmp_path / "trials").write_text("a b target\na c nontarget\n")
    message = pysid("compare", fitted, "--data", dev, "--trials", tmp_path / "trials").error
    assert "'a' is not in" in message
