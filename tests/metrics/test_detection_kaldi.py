"""Parity with Kaldi's compute-eer and sid/compute_min_dcf.py, every printed digit."""

from pathlib import Path

import pytest

from pysid.metrics import equal_error_rate, format_eer, min_dcf, min_dcf_of_trials

GOLDEN = Path(__file__).parents[1] / "golden" / "kaldi"


def read_rows(name):
    return [line.split() for line in (GOLDEN / name).read_text().splitlines()]


@pytest.mark.parametrize("name", ["scores", "scores_cosine"])
def test_eer(name):
    rows = read_rows(f"metrics/{name}.eer_input")
    target, nontarget = ([float(score) for score, kind in rows if kind == wanted] for wanted in ("target", "nontarget"))
    assert format_eer(equal_error_rate(target, nontarget)[0]) == (GOLDEN / f"metrics/{name}.eer").read_text().strip()


@pytest.mark.parametrize("p_target", ["0.01", "0.001"])
@pytest.mark.parametrize("name", ["scores", "scores_cosine"])
def test_min_dcf(name, p_target):
    kind = {(row[0], row[1]): row[2] for row in read_rows("backend/trials")}
    trials = [(float(score), kind[enrol, test] == "target") for enrol, test, score in read_rows(f"backend/{name}")]
    scores, labels = zip(*trials, strict=True)
    expected = (GOLDEN / f"metrics/{name}.mindcf_{p_target}").read_text()
    assert f"{min_dcf_of_trials(scores, labels, float(p_target))[0]:.4f}\n" == expected
    target, nontarget = ([score for score, label in trials if label is wanted] for wanted in (True, False))
    assert f"{min_dcf(target, nontarget, float(p_target))[0]:.4f}\n" == expected
