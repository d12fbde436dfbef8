"""`pysid verify`: what it prints, how it ends, and every message."""

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from pysid.model.speaker_model import SpeakerModel
from pysid.speakers.verify import verify


@pytest.fixture
def audio(dev):
    return lambda *names: [str(dev / "audio" / f"{name}.ogg") for name in names]


def test_answers(pysid, fitted, audio, tmp_path):
    enrol, tests = audio("slt-0", "slt-1"), audio("slt-2", "rms-0")
    command = ["verify", *enrol, "--test", tests[0], "-t", tests[1], "-m", fitted, "--json", tmp_path / "x.json"]
    outcome = pysid(*command)
    assert (outcome.status, outcome.err) == (0, f"wrote {tmp_path / 'x.json'}\n")
    *lines, last = outcome.out.splitlines()
    decisions = verify(SpeakerModel.load(fitted), enrol, tests)
    for line, test, x in zip(lines, tests, decisions, strict=True):
        word = "accepted" if x.accepted else "rejected"
        figures = f"score {x.score:.4f}, LLR {x.llr:.4f}, probability {x.probability:.4f}"
        assert re.fullmatch(re.escape(f"{test}: {word}, {figures}") + r", \d\.\d s of speech", line)
    assert last == "accepted means an LLR of at least 0.0000 (prior 0.5, cost of a miss 1, of a false alarm 1)"
    written = json.loads((tmp_path / "x.json").read_text())
    assert written["enrol"] == enrol and written["skipped"] == {}
    point = {"p_target": 0.5, "c_miss": 1.0, "c_fa": 1.0, "threshold": None, "llr_threshold": 0.0}
    assert written["operating_point"] == point
    assert [x["test"] for x in written["decisions"]] == tests
    assert [x["llr"] for x in written["decisions"]] == pytest.approx([x.llr for x in decisions])
    assert set(written["decisions"][0]) == {"test", "score", "llr", "probability", "accepted", "speech_s", "faults"}
    assert len(written["enrol_speech_s"]) == 2 and min(written["enrol_speech_s"]) > 0


def test_a_recording_behind_json_is_not_overwritten(pysid, fitted, audio, tmp_path):
    a, b = audio("slt-0", "slt-1")
    copy = tmp_path / "a.ogg"
    copy.write_bytes(Path(a).read_bytes())
    outcome = pysid("verify", "-m", fitted, "--json", copy, a, b)
    assert outcome.status == 2 and "is not JSON" in " ".join(outcome.err.split())
    assert copy.read_bytes() == Path(a).read_bytes()


def test_json_on_standard_output(pysid, fitted, audio):
    out = pysid("verify", "-m", fitted, "--json", "-", *audio("slt-0", "slt-1")).out
    assert json.loads(out[out.index("{") :])["skipped"] == {}


def test_json_of_an_infinite_threshold_is_json(pysid, fitted, audio):
    """Which accepts nothing, or all; JSON has no infinity."""
    out = pysid("verify", "-m", fitted, "--threshold", "inf", "--json", "-", *audio("slt-0", "slt-1")).out
    content = json.loads(out[out.index("{") :], parse_constant=pytest.fail)
    assert content["operating_point"]["threshold"] == sys.float_info.max
    assert not content["decisions"][0]["accepted"]


def test_of_two_recordings_the_second_is_checked(pysid, fitted, audio):
    a, b, c = audio("slt-0", "slt-1", "rms-0")
    assert pysid("verify", a, b, "-m", fitted).out == pysid("verify", a, "--test", b, "-m", fitted).out
    outcome = pysid("verify", a, b, c, "-m", fitted)
    assert outcome.status == 2 and "--test" in outcome.err


def test_the_shipped_model(pysid, audio):
    same, other = audio("alicia-5", "hugo-0")
    outcome = pysid("verify", *audio("alicia-0", "alicia-1"), "--test", same, "--test", other)
    assert outcome.status == 0
    assert outcome.out.startswith(f"{same}: accepted, ") and f"\n{other}: rejected, " in outcome.out


def test_operating_points(pysid, fitted, audio):
    (enrol,), (test,) = audio("slt-0"), audio("slt-1")
    command = ["verify", enrol, "--test", test, "-m", fitted]
    low, high = (pysid(*command, "--threshold", x).out.splitlines() for x in (-1e9, 1e9))
    assert low[0].startswith(f"{test}: accepted, ") and high[0].startswith(f"{test}: rejected, ")
    assert low[1] == "accepted means a score of at least -1e+09; probabilities are at the prior 0.5"
    outcome = pysid(*command, "--prior", 0.01, "--c-miss", 10)
    assert outcome.out.endswith("at least 2.2925 (prior 0.01, cost of a miss 10, of a false alarm 1)\n")
    for prior, word in (("1e-9", "rejected"), ("0.999999999", "accepted")):
        assert pysid(*command, "--prior", prior).out.startswith(f"{test}: {word}, ")


def test_exit_status(pysid, fitted, audio):
    (enrol,), (a, b) = audio("slt-0"), audio("slt-1", "rms-0")
    command = ["verify", enrol, "--test", a, "--test", b, "-m", fitted]
    for threshold, status in ((-1e9, 0), (1e9, 3)):
        assert pysid(*command, "--threshold", threshold, "--exit-code").status == status
        assert pysid(*command, "--threshold", threshold).status == 0
    outcome = pysid(*command, "--test", "none.wav", "--threshold", 1e9, "--exit-code")
    assert outcome.status == 1, "what could not be checked comes first"


def test_a_bad_test_recording_does_not_take_the_others_with_it(pysid, fitted, audio, broken, tmp_path):
    (enrol,), (good,) = audio("slt-0"), audio("slt-1")
    for name in ("missing", "truncated", "nan", "silent", "text"):
        make, message = broken[name]
        path = tmp_path / f"{name}.wav"
        make(path)
        alone = pysid("verify", enrol, "--test", path, "-m", fitted)
        assert alone.error.startswith(f"{path}: ") and message in alone.error and alone.out == ""
        outcome = pysid("verify", enrol, "-t", path, "-t", good, "-m", fitted, "--json", tmp_path / "x.json")
        assert outcome.status == 1 and outcome.out.startswith(f"{good}: ")
        count, line = outcome.err.splitlines()[-2:]
        assert count == "skipped 1 of 2 utterances:" and line.startswith(f"  {path}: ") and message in line
        assert message in json.loads((tmp_path / "x.json").read_text())["skipped"][str(path)]


def test_bad_enrolment(pysid, fitted, audio, tmp_path):
    good, test = audio("slt-0", "slt-1")
    missing = tmp_path / "none.wav"
    outcome = pysid("verify", good, missing, "--test", test, "-m", fitted)
    assert outcome.error == f"{missing}: cannot read the file: No such file or directory"
    outcome = pysid("verify", good, good, "--test", test, "-m", fitted)
    assert outcome.error == f"expected each recording of a speaker once, got {good} again"


def test_models_that_cannot_decide(pysid, model, fitted, audio, tmp_path):
    enrol, test = audio("slt-0", "slt-1")
    command = ["verify", enrol, "--test", test]
    assert "expected a model directory" in pysid(*command, "-m", tmp_path / "none").error
    assert "no PLDA back-end" in pysid(*command, "-m", model).error
    assert "no calibration" in pysid(*command, "-m", model, "--backend", "cosine").error
    assert "no calibration" in pysid(*command, "-m", fitted, "--backend", "cosine").error
    outcome = pysid(*command, "-m", model, "--backend", "cosine", "--threshold", 0.5)
    line = outcome.out.splitlines()[0]
    figures, speech = line.rsplit(", ", 1)
    score = float(figures.rpartition(" ")[2])
    assert figures == f"{test}: {'accepted' if score >= 0.5 else 'rejected'}, score {score:.4f}" and np.abs(score) <= 1
    assert speech.endswith(" s of speech")


def test_wrong_usage(pysid, fitted, audio):
    enrol, test = audio("slt-0", "slt-1")
    assert pysid("verify", enrol, "-m", fitted).status == 2
    assert "more than once" in " ".join(pysid("verify", "-", "-", "-m", fitted).err.split())
    for option in (["--prior", "0"], ["--prior", "1.5"], ["--c-miss", "0"], ["--c-fa=-1"], ["--threshold", "nan"]):
        outcome = pysid("verify", enrol, "--test", test, "-m", fitted, *option)
        assert outcome.status == 2 and "must" in outcome.err
    assert "prior must lie in" in pysid("verify", enrol, "--test", test, "--prior", "2").err
