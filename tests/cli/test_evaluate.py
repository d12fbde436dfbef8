"""`pysid eval eer`."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pysid.metrics import detection

TRIALS = "a b target\na c nontarget\nb c target\nb d nontarget\nc d nontarget\n"
SCORES = "c d -2\na b 3\nb c 1\nb d 2\na c -1\n"


@pytest.fixture
def files(tmp_path):
    (tmp_path / "trials").write_text(TRIALS)
    (tmp_path / "scores").write_text(SCORES)
    return tmp_path / "trials", tmp_path / "scores"


def test_figures(pysid, files):
    outcome = pysid("eval", "eer", *files)
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.out.splitlines() == [
        "trials: 2 target, 3 nontarget",
        "EER: 50%",
        "minDCF(p-target=0.01): 0.5000",
        "minDCF(p-target=0.001): 0.5000",
        "EER (ROC convex hull): 20%",
        f"Cllr: {detection.cllr([3, 1], [-1, 2, -2]):.4f}  minimum: {detection.min_cllr([3, 1], [-1, 2, -2]):.4f}",
    ]


@pytest.mark.parametrize("name", ["scores", "scores_cosine"])
def test_kaldi_prints_the_same_digits(pysid, name):
    golden = Path(__file__).parents[1] / "golden" / "kaldi"
    lines = pysid("eval", "eer", golden / "backend/trials", golden / "backend" / name).out.splitlines()
    assert lines[1] == f"EER: {(golden / 'metrics' / f'{name}.eer').read_text().strip()}%"
    for line, p in zip(lines[2:4], ("0.01", "0.001"), strict=True):
        assert line == f"minDCF(p-target={p}): {(golden / 'metrics' / f'{name}.mindcf_{p}').read_text().strip()}"


def test_json(pysid, files, tmp_path):
    path = tmp_path / "new" / "figures.json"
    command = ("eval", "eer", *files, "--json", path, "--p-target", 0.5, "--p-target", 0.01)
    assert pysid(*command).err == f"wrote {path}\n"
    assert pysid(*command, "--quiet").err == pysid(*command[:4], "--json", "-").err == ""
    target, nontarget = [3, 1], [-1, 2, -2]
    assert json.loads((tmp_path / "new" / "figures.json").read_text()) == {
        "n_target": 2,
        "n_nontarget": 3,
        "eer": 0.5,
        "min_dcf": {"0.5": detection.min_dcf(target, nontarget, 0.5)[0], "0.01": 0.5},
        "rocch_eer": detection.rocch_eer(target, nontarget),
        "cllr": detection.cllr(target, nontarget),
        "min_cllr": detection.min_cllr(target, nontarget),
    }


def test_equal_scores_are_taken_in_the_order_of_the_score_file(pysid, tmp_path):
    """As in Kaldi's script: with the target first, a threshold between the two equal scores rejects just it."""
    (tmp_path / "trials").write_text("a b target\nc d nontarget\n")
    costs = []
    for lines in ("a b 1\nc d 1\n", "c d 1\na b 1\n"):
        (tmp_path / "scores").write_text(lines)
        costs.append(pysid("eval", "eer", tmp_path / "trials", tmp_path / "scores", "--p-target", 0.4).out)
    assert "minDCF(p-target=0.4): 1.0000" in costs[0]
    assert "minDCF(p-target=0.4): 0.0000" in costs[1]


def test_det_plot(pysid, files, tmp_path):
    assert pysid("eval", "eer", *files, "--det", tmp_path / "det.svg").status == 0
    assert b"<svg" in (tmp_path / "det.svg").read_bytes()


def test_scores_of_other_pairs_do_not_matter(pysid, files):
    before = pysid("eval", "eer", *files).out
    files[1].write_text("x y 7\n" + SCORES)
    assert pysid("eval", "eer", *files).out == before


def test_a_trial_without_a_score(pysid, files):
    files[1].write_text(SCORES.replace("b c 1\n", ""))
    error = pysid("eval", "eer", *files).error
    assert error == f"1 of 5 trials in {files[0]} have no score in {files[1]}; the first is 'b c'"
    outcome = pysid("eval", "eer", *files, "--allow-missing")
    assert outcome.out.splitlines()[0] == "trials: 1 target, 3 nontarget, 1 without a score"


def test_equal_trials_count_once(pysid, files):
    before = pysid("eval", "eer", *files).out
    files[0].write_text(TRIALS + "a b target\n")
    outcome = pysid("eval", "eer", *files)
    assert outcome.out == before
    assert outcome.err == f"pysid: warning: {files[0]}: 1 of 6 trials are repeated, and count once\n"


def test_trials_in_the_order_of_voxceleb(pysid, files):
    before = pysid("eval", "eer", *files).out
    files[0].write_text("1 a b\n0 a c\n1 b c\n0 b d\n0 c d\n")
    assert pysid("eval", "eer", *files).out == before


BAD = {
    "no trials": (None, SCORES, "trials: cannot read the file: No such file"),
    "no scores": (TRIALS, None, "scores: cannot read the file: No such file"),
    "short line": (TRIALS, "a b 1\na c\n", "scores:2: expected 'enrol test score', got 'a c'"),
    "no number": (TRIALS, "a b 1\na c high\n", "scores:2: expected a finite score, got 'high'"),
    "NaN": (TRIALS, SCORES + "x y nan\n", "scores:6: expected a finite score, got 'nan'"),
    "two scores": (TRIALS, SCORES + "a b 4\n", "scores:6: expected the score 3.0 again for this pair, got 4"),
    "odd truth": ("a b target\na c imposter\n", SCORES, "trials:2: expected target or nontarget in the third column"),
    "no truth": (
        "a b target\na c\n",
        SCORES,
        "trials: expected 'enrol test target|nontarget' on every line, got 'a c'",
    ),
    "one kind": ("a b target\n", SCORES, "trials: expected target and nontarget trials, got no nontarget trial"),
    "contradiction": (
        TRIALS + "a b target\na b nontarget\n",
        SCORES,
        "trials:7: 'a b nontarget' contradicts line 1, which has the same pair",
    ),
    "empty": ("", SCORES, "trials: expected target and nontarget trials, got no target trial"),
    "Latin-1": (TRIALS, b"caf\xe9 b 1\n", r"scores:1: expected UTF-8 text, got 'caf\\xe9 b 1'"),
}


@pytest.mark.parametrize(("trials", "scores", "message"), BAD.values(), ids=BAD)
def test_bad_files(pysid, tmp_path, trials, scores, message):
    for name, content in (("trials", trials), ("scores", scores)):
        if content is not None:
            (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    outcome = pysid("eval", "eer", tmp_path / "trials", tmp_path / "scores")
    assert outcome.error.startswith(f"{tmp_path}/{message}")
    assert outcome.err.count("\n") == 1


@pytest.mark.parametrize("value", ["0", "1", "-0.1", "nan", "x"])
def test_a_prior_lies_between_0_and_1(pysid, files, value):
    assert pysid("eval", "eer", *files, f"--p-target={value}").status == 2


def test_many_trials_agree_with_the_library(pysid, tmp_path):
    rng = np.random.default_rng(0)
    truth = rng.random(400) < 0.3
    scores = rng.normal(size=400) + truth
    (tmp_path / "t").write_text("".join(f"e{i} t{i} {'target' if x else 'nontarget'}\n" for i, x in enumerate(truth)))
    (tmp_path / "s").write_text("".join(f"e{i} t{i} {x!r}\n" for i, x in enumerate(scores.tolist())))
    pysid("eval", "eer", tmp_path / "t", tmp_path / "s", "--json", tmp_path / "j")
    figures = json.loads((tmp_path / "j").read_text())
    summary = detection.detection_summary(scores[truth], scores[~truth])
    assert figures["eer"] == summary.eer and figures["min_cllr"] == summary.min_cllr
    assert figures["min_dcf"] == {f"{p:g}": cost for p, cost in summary.min_dcf.items()}


def test_several_systems(pysid, files, tmp_path):
    other = tmp_path / "other"
    other.write_text("".join(f"{line.rsplit(' ', 1)[0]} {-float(line.split()[2])}\n" for line in SCORES.splitlines()))
    alone = pysid("eval", "eer", *files).out.splitlines()
    det, figures = tmp_path / "det.svg", tmp_path / "figures.json"
    outcome = pysid("eval", "eer", *files, other, "--det", det, "--json", figures)
    assert outcome.err == f"wrote {figures}\nwrote {det}\n"
    lines = outcome.out.splitlines()
    assert lines[: len(alone) + 1] == [f"{files[1].name}:", *alone] and lines[len(alone) + 1] == "other:"
    found = json.loads(figures.read_text())
    assert set(found) == {files[1].name, "other"} and found["other"]["n_target"] == 2
    assert det.stat().st_size > 1000


def test_scores_from_standard_input(pysid, files):
    command = [sys.executable, "-m", "pysid", "eval", "eer", str(files[0]), "-"]
    with open(files[1]) as scores:
        run = subprocess.run(command, stdin=scores, capture_output=True, text=True, check=True)
    assert run.stdout == pysid("eval", "eer", *files).out
