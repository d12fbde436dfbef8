import numpy as np
import pytest
from scipy.special import expit

from pysid.backend import LogisticCalibration
from pysid.errors import DataError
from pysid.metrics import cllr, min_cllr


@pytest.fixture(scope="module")
def ratios():
    """Perfect log-likelihood ratios: N(+m, 2m) for targets and N(-m, 2m) for nontargets."""
    rng = np.random.default_rng(0)
    return rng.normal(3, np.sqrt(6), size=20_000), rng.normal(-3, np.sqrt(6), size=40_000)


@pytest.mark.parametrize("p_target", [0.01, 0.5, 0.9])
def test_a_known_distortion_is_undone(ratios, p_target):
    target, nontarget = ratios
    calibration = LogisticCalibration(p_target).fit(5 * target - 40, 5 * nontarget - 40)
    assert calibration.scale_ == pytest.approx(0.2, rel=0.05)
    assert calibration.offset_ == pytest.approx(8.0, rel=0.05)


def test_calibrated_ratios_cost_little_more_than_the_least(ratios):
    target, nontarget = (0.1 * scores + 2 for scores in ratios)
    calibration = LogisticCalibration().fit(target, nontarget)
    calibrated = cllr(calibration.transform(target), calibration.transform(nontarget))
    least = min_cllr(target, nontarget)
    assert least <= calibrated < least + 0.003 < cllr(target, nontarget)


def test_the_fit_minimises_the_weighted_cross_entropy(ratios):
    target, nontarget = ratios[0][:300], ratios[1][:200]
    p = 0.1
    calibration = LogisticCalibration(p).fit(target, nontarget)

    def cost(scale, offset):
        prior = np.log(p / (1 - p))
        return (
            p * np.logaddexp(0, -(scale * target + offset + prior)).mean()
            + (1 - p) * np.logaddexp(0, scale * nontarget + offset + prior).mean()
        )

    best = cost(calibration.scale_, calibration.offset_)
    for step in (-1e-2, 1e-2):
        assert cost(calibration.scale_ + step, calibration.offset_) > best
        assert cost(calibration.scale_, calibration.offset_ + step) > best


def test_how_many_trials_of_a_kind_there_are_does_not_matter(ratios):
    target, nontarget = ratios[0][:500], ratios[1][:500]
    one = LogisticCalibration(0.1).fit(target, nontarget)
    other = LogisticCalibration(0.1).fit(target, np.tile(nontarget, 7))
    assert (one.scale_, one.offset_) == pytest.approx((other.scale_, other.offset_), rel=1e-6)


def test_probability_follows_bayes(ratios):
    calibration = LogisticCalibration(0.2).fit(*ratios)
    scores = np.array([[-1.0, 0.0], [2.0, 30.0]])
    likelihood_ratio = np.exp(calibration.transform(scores))
    expected = 0.2 * likelihood_ratio / (0.2 * likelihood_ratio + 0.8)
    np.testing.assert_allclose(calibration.predict_probability(scores), expected)
    np.testing.assert_allclose(calibration.predict_probability(scores, p_target=0.5), expit(np.log(likelihood_ratio)))


def test_scores_that_separate_still_give_a_finite_map():
    calibration = LogisticCalibration().fit([5.0, 6.0], [1.0, 2.0])
    assert np.isfinite([calibration.scale_, calibration.offset_]).all()
    low, high = calibration.predict_probability([2.0, 5.0])
    assert low < 0.01
    assert high > 0.99


def test_state_survives_storage(ratios):
    calibration = LogisticCalibration(0.05).fit(*ratios)
    restored = LogisticCalibration.from_arrays(calibration.to_arrays())
    assert vars(restored) == vars(calibration)
    with pytest.raises(DataError, match="three finite numbers"):
        LogisticCalibration.from_arrays({"calibration": np.array([1.0, np.nan, 0.5])})


@pytest.mark.parametrize(
    ("target", "nontarget", "error", "message"),
    [
        ([], [1.0], DataError, "needs target scores, got none"),
        ([1.0], [], DataError, "needs nontarget scores, got none"),
        ([1.0, np.nan], [0.0], DataError, "target scores hold a NaN"),
        ([1.0], [1.0], DataError, "scores that vary, they are all equal"),
        ([[1.0]], [0.0], ValueError, r"one-dimensional, got shape \(1, 1\)"),
    ],
)
def test_bad_scores(target, nontarget, error, message):
    with pytest.raises(error, match=message):
        LogisticCalibration().fit(target, nontarget)


def test_bad_prior():
    with pytest.raises(ValueError, match=r"p_target must lie in \(0, 1\), got 1"):
        LogisticCalibration(1.0).fit([1.0], [0.0])
    with pytest.raises(ValueError, match=r"p_target must lie in \(0, 1\), got 0"):
        LogisticCalibration.from_arrays({"calibration": np.array([1.0, 0.0, 0.5])}).predict_probability([0], 0.0)
