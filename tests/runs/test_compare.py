import math

import numpy as np
import pytest

from pysid.backend.calibration import LogisticCalibration
from pysid.metrics import cllr
from pysid.runs.compare import calibrated_cllr


def scores(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Log-likelihood ratios, by construction: N(2, 4) and N(-2, 4)."""
    random = np.random.default_rng(0)
    return 2 + 2 * random.standard_normal(n), -2 + 2 * random.standard_normal(3 * n)


def test_cllr_does_not_depend_on_scale_and_offset_of_scores() -> None:
    target, nontarget = scores(2000)
    found = calibrated_cllr(0.01 * target + 5, 0.01 * nontarget + 5)
    assert found == pytest.approx(calibrated_cllr(target, nontarget), rel=1e-3)
    assert found == pytest.approx(cllr(target, nontarget), abs=0.01)  # which these are made to have


def test_each_half_is_calibrated_with_the_other() -> None:
    target, nontarget = scores(40)
    even = LogisticCalibration(p_target=0.5).fit(target[0::2], nontarget[0::2])
    odd = LogisticCalibration(p_target=0.5).fit(target[1::2], nontarget[1::2])
    parts = [(odd, 0), (even, 1)]
    llrs = [np.concatenate([c.transform(x[i::2]) for c, i in parts]) for x in (target, nontarget)]
    assert calibrated_cllr(target, nontarget) == pytest.approx(cllr(*llrs))


def test_there_is_none_of_too_few_scores() -> None:
    assert math.isnan(calibrated_cllr(np.ones(3), np.zeros(30)))
