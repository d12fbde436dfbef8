import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from pysid.metrics import (
    cllr,
    det_curve,
    detection_summary,
    equal_error_rate,
    format_eer,
    min_cllr,
    min_dcf,
    min_dcf_of_trials,
    rocch_eer,
)

# Whole numbers, so that ties are common.
scores = st.lists(st.integers(-9, 9), min_size=1, max_size=30)


def kaldi_eer(target, nontarget):
    """compute-eer.cc, line by line."""
    target, nontarget = sorted(target), sorted(nontarget)
    position = 0
    while position + 1 < len(target):
        counterpart = len(nontarget) - 1 - int(len(nontarget) * position * 1.0 / len(target))
        if nontarget[max(counterpart, 0)] < target[position]:
            break
        position += 1
    return position / len(target), float(target[position])


def kaldi_min_dcf(scores, labels, p_target, c_miss, c_fa):
    """compute_min_dcf.py, line by line."""
    order = sorted(range(len(scores)), key=lambda trial: scores[trial])
    n_target = sum(labels)
    rejected_target = rejected_nontarget = 0
    best, threshold = float("inf"), None
    for trial in order:
        rejected_target += labels[trial]
        rejected_nontarget += 1 - labels[trial]
        miss = rejected_target / float(n_target)
        false_alarm = 1 - rejected_nontarget / float(len(labels) - n_target)
        cost = c_miss * miss * p_target + c_fa * false_alarm * (1 - p_target)
        if cost < best:
            best, threshold = cost, float(scores[trial])
    return best / min(c_miss * p_target, c_fa * (1 - p_target)), threshold


@settings(max_examples=200, deadline=None)
@given(scores, scores)
def test_eer_is_kaldis(target, nontarget):
    assert equal_error_rate(target, nontarget) == kaldi_eer(target, nontarget)


def test_eer_compares_in_single_precision_as_kaldi():
    # These differ in double precision only: the second target does not lie above the nontargets.
    assert equal_error_rate([1.0, 1.0 + 1e-12, 5.0], [1.0, 1.0])[0] == pytest.approx(2 / 3)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-9, 9), st.booleans()), min_size=1, max_size=30),
    st.floats(0.001, 0.999),
    st.sampled_from([(1.0, 1.0), (10.0, 1.0), (1.0, 5.0)]),
)
def test_min_dcf_of_a_file_is_kaldis(trials, p_target, costs):
    trials = [(0, True), (0, False), *trials]
    values, labels = [score for score, _ in trials], [label for _, label in trials]
    expected = kaldi_min_dcf(values, [int(label) for label in labels], p_target, *costs)
    assert min_dcf_of_trials(values, labels, p_target, *costs) == expected


@settings(max_examples=100, deadline=None)
@given(scores, scores, st.floats(0.001, 0.999))
def test_min_dcf_never_splits_equal_scores(target, nontarget, p_target):
    value, threshold = min_dcf(target, nontarget, p_target)
    target, nontarget = np.array(target), np.array(nontarget)

    def cost(t):
        miss, false_alarm = (target <= t).mean(), (nontarget > t).mean()
        return (p_target * miss + (1 - p_target) * false_alarm) / min(p_target, 1 - p_target)

    assert value == pytest.approx(min(cost(t) for t in [*target, *nontarget]), abs=1e-9)
    assert cost(threshold) == pytest.approx(value, abs=1e-9)
    assert value <= 1 + 1e-12 or p_target > 0.5
    assert min_dcf([1, 1, 1], [1, 2], 0.9)[0] == pytest.approx(9)  # of a first run of equal scores, too


@pytest.mark.parametrize("p_target", [0.001, 0.01, 0.5])
def test_perfect_scores(p_target):
    target, nontarget = [2.0, 3.0, 4.0], [-1.0, 0.0, 1.0]
    assert equal_error_rate(target, nontarget) == (0.0, 2.0)
    assert min_dcf(target, nontarget, p_target) == (0.0, 1.0)
    assert rocch_eer(target, nontarget) == 0
    assert min_cllr(target, nontarget) == 0 and math.copysign(1, min_cllr(target, nontarget)) == 1, "not -0.0"
    assert cllr([np.inf], [-np.inf]) == 0


def test_useless_scores():
    same = np.arange(1000.0)
    assert equal_error_rate(same, same)[0] == pytest.approx(0.5, abs=0.002)
    assert rocch_eer(same, same) == pytest.approx(0.5)
    assert min_dcf(same, same, 0.01)[0] == pytest.approx(1)
    assert min_cllr(same, same) == pytest.approx(1)
    assert cllr(np.zeros(3), np.zeros(5)) == 1


def test_wrong_ratios_cost_more_than_none():
    assert cllr([-5.0], [5.0]) == pytest.approx(np.log2(1 + np.exp(5)))


def test_gaussian_scores_have_their_theoretical_rates():
    rng = np.random.default_rng(0)
    target, nontarget = rng.normal(2, 1, size=50_000), rng.normal(0, 1, size=200_000)
    assert equal_error_rate(target, nontarget)[0] == pytest.approx(norm.cdf(-1), abs=0.003)
    assert equal_error_rate(target, nontarget)[1] == pytest.approx(1, abs=0.02)
    assert rocch_eer(target, nontarget) == pytest.approx(norm.cdf(-1), abs=0.003)
    ratios = 2 * target - 2, 2 * nontarget - 2
    assert min_cllr(target, nontarget) == pytest.approx(cllr(*ratios), abs=0.003)


@settings(max_examples=100, deadline=None)
@given(scores, scores)
def test_only_the_order_of_scores_counts(target, nontarget):
    moved = np.exp(0.3 * np.array(target)) - 5, np.exp(0.3 * np.array(nontarget)) - 5
    assert equal_error_rate(*moved)[0] == equal_error_rate(target, nontarget)[0]
    assert min_dcf(*moved, 0.1)[0] == min_dcf(target, nontarget, 0.1)[0]
    assert rocch_eer(*moved) == pytest.approx(rocch_eer(target, nontarget))
    assert min_cllr(*moved) == pytest.approx(min_cllr(target, nontarget))


@settings(max_examples=100, deadline=None)
@given(scores, scores)
def test_minimum_cllr_is_below_that_of_any_map(target, nontarget):
    least = min_cllr(target, nontarget)
    assert 0 <= least <= 1 + 1e-12
    for scale, offset in [(1.0, 0.0), (0.1, 0.3), (2.0, -1.0), (0.0, 0.0)]:
        assert least <= cllr(scale * np.array(target) + offset, scale * np.array(nontarget) + offset) + 1e-12


@settings(max_examples=100, deadline=None)
@given(scores, scores)
def test_hull_eer_is_the_largest_bayes_error(target, nontarget):
    """rocch_eer is the error rate at the prior that is worst for the best threshold."""
    curve = det_curve(target, nontarget)
    priors = np.linspace(0, 1, 2001)[:, None]
    bayes = (priors * curve.miss + (1 - priors) * curve.false_alarm).min(axis=1)
    assert rocch_eer(target, nontarget) == pytest.approx(bayes.max(), abs=1e-3)


@settings(max_examples=100, deadline=None)
@given(scores, scores)
def test_det_curve_counts_the_errors_of_each_threshold(target, nontarget):
    curve = det_curve(target, nontarget)
    assert (np.diff(curve.threshold) > 0).all()
    for miss, false_alarm, threshold in zip(curve.miss, curve.false_alarm, curve.threshold, strict=True):
        assert miss == pytest.approx((np.array(target) < threshold).mean())
        assert false_alarm == pytest.approx((np.array(nontarget) >= threshold).mean())


def test_summary_agrees_with_its_parts():
    rng = np.random.default_rng(0)
    target, nontarget = rng.normal(2, 1, size=50), rng.normal(0, 1, size=200)
    summary = detection_summary(target, nontarget, p_targets=[0.05])
    assert (summary.n_target, summary.n_nontarget) == (50, 200)
    assert (summary.eer, summary.eer_threshold) == equal_error_rate(target, nontarget)
    assert summary.min_dcf == {0.05: min_dcf(target, nontarget, 0.05)[0]}
    assert summary.min_cllr == min_cllr(target, nontarget)


@pytest.mark.parametrize(
    ("eer", "text"), [(0.0, "0"), (0.5, "50"), (1 / 27, "3.704"), (1e-6, "0.0001"), (1.23456e-7, "1.235e-05")]
)
def test_eer_is_printed_with_four_digits(eer, text):
    assert format_eer(eer) == text


@pytest.mark.parametrize(
    "function",
    [
        equal_error_rate,
        lambda t, n: min_dcf(t, n, 0.01),
        rocch_eer,
        cllr,
        min_cllr,
        det_curve,
        detection_summary,
    ],
)
@pytest.mark.parametrize(
    ("target", "nontarget", "message"),
    [
        ([], [1.0], "no target scores"),
        ([1.0], [], "no nontarget scores"),
        ([[1.0]], [1.0], r"target scores must be one-dimensional, got shape \(1, 1\)"),
        ([1.0], [0.0, np.nan], "nontarget scores hold a NaN, the first at 1"),
    ],
)
def test_bad_scores(function, target, nontarget, message):
    with pytest.raises(ValueError, match=message):
        function(target, nontarget)


def test_bad_costs():
    with pytest.raises(ValueError, match=r"p_target must lie in \(0, 1\), got 1"):
        min_dcf([1.0], [0.0], 1.0)
    with pytest.raises(ValueError, match="c_miss and c_fa must be positive, got 0 and 1"):
        min_dcf([1.0], [0.0], 0.1, c_miss=0, c_fa=1)
    with pytest.raises(ValueError, match=r"differ in shape: \(2,\) and \(1,\)"):
        min_dcf_of_trials([1.0, 0.0], [True], 0.1)
