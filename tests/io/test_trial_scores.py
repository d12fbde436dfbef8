"""Scores beside their trials."""

import numpy as np
import pytest

from pysid.errors import DataError, PysidWarning
from pysid.io.tables import Trial
from pysid.io.trial_scores import scored_trials, split_scores

TRIALS = [Trial("a", "b", True), Trial("a", "c", False), Trial("b", "c", True), Trial("b", "d", False)]
SCORES = {("b", "d"): 0.0, ("x", "y"): 9.0, ("a", "b"): 1.0, ("b", "c"): 2.0, ("a", "c"): -1.0}


def test_the_order_is_that_of_the_scores():
    values, is_target = scored_trials(TRIALS, SCORES, "trials", "scores")
    np.testing.assert_array_equal(values, [0, 1, 2, -1])
    np.testing.assert_array_equal(is_target, [False, True, True, False])
    target, nontarget = split_scores(TRIALS, SCORES, "trials", "scores")
    assert target.tolist() == [1, 2] and nontarget.tolist() == [0, -1]


def test_a_repeated_trial_counts_once():
    with pytest.warns(PysidWarning, match=r"^trials: 1 of 5 trials are repeated, and count once$"):
        values, _ = scored_trials([*TRIALS, TRIALS[2]], SCORES, "trials", "scores")
    assert values.tolist() == [0, 1, 2, -1]


def test_missing_scores():
    scores = {pair: score for pair, score in SCORES.items() if "d" not in pair}
    with pytest.raises(DataError, match=r"^1 of 4 trials in trials have no score in scores; the first is 'b d'$"):
        scored_trials(TRIALS, scores, "trials", "scores")
    values, is_target = scored_trials(TRIALS, scores, "trials", "scores", allow_missing=True)
    assert values.tolist() == [1, 2, -1] and is_target.tolist() == [True, True, False]
    with pytest.raises(DataError, match="got no target trial"):
        scored_trials(TRIALS, {}, "trials", "scores", allow_missing=True)


def test_trials_without_the_truth():
    trials = [*TRIALS, Trial("x", "y")]
    with pytest.raises(DataError, match=r"^list: expected 'enrol test target\|nontarget' on every line, got 'x y'$"):
        scored_trials(trials, SCORES, "list", "scores")


@pytest.mark.parametrize(("kept", "absent"), [(True, "nontarget"), (False, "target")])
def test_one_kind_alone(kept, absent):
    with pytest.raises(DataError, match=f"expected target and nontarget trials, got no {absent} trial"):
        split_scores([t for t in TRIALS if t.is_target is kept], SCORES, "trials", "scores")
