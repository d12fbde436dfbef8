"""From scores to answers."""

import math

import numpy as np
import pytest

from pysid.backend.calibration import LogisticCalibration
from pysid.errors import DataError
from pysid.speakers.decision import OperatingPoint, describe


def calibration(scale, offset):
    """llr = scale * score + offset"""
    made = LogisticCalibration()
    made.scale_, made.offset_ = scale, offset
    return made


def test_the_threshold_is_where_the_expected_costs_are_equal():
    for p, miss, fa in ((0.5, 1, 1), (0.01, 10, 1), (0.9, 1, 25)):
        point = OperatingPoint(p_target=p, c_miss=miss, c_fa=fa)
        odds = p / (1 - p) * math.exp(point.llr_threshold)
        assert odds * miss == pytest.approx(fa)  # rejecting costs what accepting does
    far = OperatingPoint(c_miss=1e-300, c_fa=1e300)
    assert far.llr_threshold == pytest.approx(600 * math.log(10))  # though the ratio of the costs is no number


def test_the_ratio_decides_and_the_prior_moves_it():
    made = calibration(2.0, -1.0)
    even, rare = OperatingPoint(), OperatingPoint(p_target=0.01)
    decision = even.decide(0.6, made)
    assert decision.accepted and bool(decision) and decision.llr == pytest.approx(0.2)
    assert decision.probability == pytest.approx(1 / (1 + math.exp(-0.2)))
    assert even.decide(0.5, made).accepted and not even.decide(0.49, made)  # at the threshold it is accepted
    assert not rare.decide(0.6, made)


def test_a_threshold_on_the_score_goes_before_the_ratio():
    point = OperatingPoint(threshold=3.0, p_target=0.01)
    assert point.decide(3.0, None).accepted and not point.decide(2.999, None)
    decision = point.decide(3.0, calibration(1.0, -100.0))
    assert decision.accepted and decision.llr == -97.0 and decision.probability < 1e-40
    assert point.decide(np.float32(4), None).score == 4.0


def test_without_calibration_and_threshold_nothing_is_decided():
    with pytest.raises(DataError, match="give a --threshold on the score, or calibrate it"):
        OperatingPoint().decide(1.0, None)
    for scale in (-1.0, 0.0, math.nan):
        with pytest.raises(DataError, match="was made from wrong trials"):
            OperatingPoint(threshold=0.0).decide(1.0, calibration(scale, 0.0))


@pytest.mark.parametrize(
    "wrong",
    [
        {"p_target": 0},
        {"p_target": 1},
        {"p_target": math.nan},
        {"c_miss": 0},
        {"c_fa": math.inf},
        {"threshold": math.nan},
    ],
)
def test_impossible_points(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        OperatingPoint(**wrong)


def test_points_and_decisions_read_as_sentences():
    assert str(OperatingPoint(threshold=2)) == "a score of at least 2; probabilities are at the prior 0.5"
    point = OperatingPoint(p_target=0.01, c_miss=10)
    assert str(point) == "an LLR of at least 2.2925 (prior 0.01, cost of a miss 10, of a false alarm 1)"
    assert str(OperatingPoint(threshold=2).decide(1, None)) == "rejected, score 1.0000"
    assert describe(1.0, 2.0, None) == "score 1.0000"
