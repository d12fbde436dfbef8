"""Calibration: from raw scores to log-likelihood ratios that mean what they say."""

from collections.abc import Mapping
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from pysid.backend.estimator import Estimator
from pysid.errors import DataError

RIDGE = 1e-8  # on the slope, for scores of unit variance: keeps it finite where the scores separate


class LogisticCalibration(Estimator):
    """Affine map of scores to natural log-likelihood ratios, by prior-weighted logistic regression.

    With l = scale * score + offset and p = `p_target`, it minimises the expected cross-entropy of decisions
    at p, that is p mean_target log(1 + e^-(l + logit p)) + (1 - p) mean_nontarget log(1 + e^(l + logit p))
    (Brummer and du Preez, "Application-independent evaluation of speaker detection", 2006).

    Args:
        p_target: prior probability of a target trial at which to be best, in (0, 1).
    Learned: scale_, offset_.

    >>> calibration = LogisticCalibration().fit([3.0, 1.0, 4.0], [-1.0, 2.0, -3.0])
    >>> bool(calibration.scale_ > 0)
    True
    """

    def __init__(self, p_target: float = 0.5) -> None:
        self.p_target = p_target

    scale_: float
    offset_: float

    def fit(self, target: ArrayLike, nontarget: ArrayLike) -> Self:
        """Learns from scores of same-speaker trials (n,) and of different-speaker trials (m,).

        Raises:
            ValueError: `p_target` out of its range, or scores that are not one-dimensional.
            DataError: no scores of either kind, scores that are not finite, or all scores equal.
        """
        _check_prior(self.p_target)
        target, nontarget = _check_scores(target, "target"), _check_scores(nontarget, "nontarget")
        # Both kinds weigh alike here, so that the number of trials of a kind has no influence at all.
        centre = (target.mean() + nontarget.mean()) / 2
        spread = np.sqrt((np.square(target - centre).mean() + np.square(nontarget - centre).mean()) / 2)
        if spread == 0:
            raise DataError("calibration needs scores that vary, they are all equal")
        standard = (np.concatenate([target, nontarget]) - centre) / spread
        slope, intercept = _fit_logistic(standard, len(target), self.p_target)
        self.scale_ = float(slope / spread)
        self.offset_ = float(intercept - slope * centre / spread)
        return self

    def transform(self, scores: ArrayLike) -> np.ndarray:
        """Log-likelihood ratios, in nats, of scores of any shape."""
        self.check_fitted()
        return self.scale_ * np.asarray(scores, dtype=np.float64) + self.offset_

    def predict_probability(self, scores: ArrayLike, p_target: float | None = None) -> np.ndarray:
        """Probability of "same speaker" for scores of any shape, at the given prior or the trained one."""
        prior = self.p_target if p_target is None else p_target
        _check_prior(prior)
        return np.exp(-np.logaddexp(0.0, -self.transform(scores) - _logit(prior)))

    def to_arrays(self) -> dict[str, np.ndarray]:
        """The fitted state as named arrays, for safetensors."""
        self.check_fitted()
        return {"calibration": np.array([self.scale_, self.offset_, self.p_target])}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Self:
        """The inverse of `to_arrays`; other names in `arrays` are ignored."""
        values = np.asarray(arrays["calibration"], dtype=np.float64)
        if values.shape != (3,) or not np.isfinite(values).all():
            raise DataError(f"calibration must be three finite numbers, got {values}")
        _check_prior(float(values[2]))
        calibration = cls(float(values[2]))
        calibration.scale_, calibration.offset_ = float(values[0]), float(values[1])
        return calibration


def _fit_logistic(scores: np.ndarray, n_target: int, prior: float) -> tuple[float, float]:
    """Slope and intercept for standardised scores, of which the first `n_target` are targets."""
    from scipy import optimize  # here and not above: it takes longer to import than all of NumPy
    from scipy.special import expit

    n_nontarget = len(scores) - n_target
    sign = np.repeat([1.0, -1.0], [n_target, n_nontarget])
    weight = np.repeat([prior / n_target, (1 - prior) / n_nontarget], [n_target, n_nontarget])
    features = np.stack([scores, np.ones_like(scores)])  # (2, n)
    ridge = np.array([RIDGE, 0.0])

    def loss(theta: np.ndarray) -> tuple[float, np.ndarray]:
        margin = sign * (theta @ features + _logit(prior))
        gradient = -features @ (weight * sign * expit(-margin))
        return weight @ np.logaddexp(0, -margin) + 0.5 * ridge @ theta**2, gradient + ridge * theta

    def hessian(theta: np.ndarray) -> np.ndarray:
        p = expit(theta @ features + _logit(prior))
        return (features * (weight * p * (1 - p))) @ features.T + np.diag(ridge)

    result = optimize.minimize(
        loss, x0=np.array([1.0, 0.0]), jac=True, hess=hessian, method="trust-exact", options={"gtol": 1e-10}
    )
    return float(result.x[0]), float(result.x[1])


def _check_scores(scores: ArrayLike, name: str) -> np.ndarray:
    scores = np.asarray(scores, dtype=np.float64)
    if scores.ndim != 1:
        raise ValueError(f"{name} scores must be one-dimensional, got shape {scores.shape}")
    if not scores.size:
        raise DataError(f"calibration needs {name} scores, got none")
    if not np.isfinite(scores).all():
        raise DataError(f"calibration needs finite scores, {name} scores hold a NaN or an infinity")
    return scores


def _check_prior(p_target: float) -> None:
    if not 0 < p_target < 1:
        raise ValueError(f"p_target must lie in (0, 1), got {p_target}")


def _logit(p: float) -> float:
    return float(np.log(p) - np.log1p(-p))
