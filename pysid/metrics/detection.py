"""Speaker detection: EER, minDCF, Cllr and the DET curve of target and nontarget scores.

Everywhere `target` is (n,) scores of same-speaker trials and `nontarget` (m,) scores of different-speaker
trials; higher scores mean "same speaker". Scores may be infinite, but not NaN. Rates are fractions, not
percentages.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike


def equal_error_rate(target: ArrayLike, nontarget: ArrayLike) -> tuple[float, float]:
    """Equal error rate: as many targets rejected as nontargets accepted, as Kaldi counts it.

    Returns:
        eer: a fraction in [0, 1): always a whole number of targets, as nothing is interpolated.
        threshold: the score at that point; accept a trial when score >= threshold.
    Raises:
        ValueError: either input is empty, not one-dimensional, or holds a NaN.
    Source: Kaldi ivectorbin/compute-eer.cc, ComputeEer.

    >>> equal_error_rate([2.0, 3.0], [0.0, 1.0])
    (0.0, 2.0)
    """
    target, nontarget = (np.sort(scores) for scores in _check(target, nontarget))
    n, m = len(target), len(nontarget)
    position = np.arange(n - 1)
    # As many nontargets above the threshold as targets below it, in proportion; truncated as in C.
    counterpart = np.maximum(m - 1 - (m * position / n).astype(np.int64), 0)
    with np.errstate(over="ignore"):  # Kaldi compares single-precision scores
        accepted = nontarget.astype(np.float32)[counterpart] < target.astype(np.float32)[position]
    first = int(np.argmax(accepted)) if accepted.any() else n - 1
    return first / n, float(target[first])


def format_eer(eer: float) -> str:
    """An equal error rate in percent with four significant digits, as Kaldi's compute-eer prints it.

    >>> format_eer(1 / 27)
    '3.704'
    """
    return f"{100.0 * float(np.float32(eer)):.4g}"


def min_dcf(
    target: ArrayLike, nontarget: ArrayLike, p_target: float, c_miss: float = 1.0, c_fa: float = 1.0
) -> tuple[float, float]:
    """Minimum over thresholds of the detection cost, relative to that of the best decision without scores.

    The cost is c_miss p_target P(miss) + c_fa (1 - p_target) P(false alarm) (NIST SRE 2016).

    Args:
        p_target: prior probability of a target trial, in (0, 1).
        c_miss, c_fa: cost of a miss and of a false alarm, > 0.
    Returns:
        min_dcf: at most 1 where c_miss p_target <= c_fa (1 - p_target).
        threshold: the score at that point; accept a trial when score > threshold.
    Raises:
        ValueError: no scores or a NaN, as above, or parameters out of range.
    Source: Kaldi egs/sre08/v1/sid/compute_min_dcf.py, but for equal scores, which here are always decided
        alike; for the script's own way, by their order in the file, see `min_dcf_of_trials`.

    >>> min_dcf([2.0, 3.0], [0.0, 1.0], p_target=0.01)
    (0.0, 1.0)
    """
    target, nontarget = _check(target, nontarget)
    return _least_cost(*_histogram(target, nontarget), p_target, c_miss, c_fa)


def min_dcf_of_trials(
    scores: ArrayLike, is_target: ArrayLike, p_target: float, c_miss: float = 1.0, c_fa: float = 1.0
) -> tuple[float, float]:
    """`min_dcf` of trials in the order of a file, digit for digit as Kaldi's script has it.

    Args:
        scores: (P,) in the order of the file; it splits equal scores, each being a threshold of its own.
        is_target: (P,) booleans.
        p_target, c_miss, c_fa: see `min_dcf`.
    """
    scores, is_target = np.asarray(scores, dtype=np.float64), np.asarray(is_target, dtype=bool)
    if scores.shape != is_target.shape:
        raise ValueError(f"scores and is_target differ in shape: {scores.shape} and {is_target.shape}")
    _check(scores[is_target], scores[~is_target])
    order = np.argsort(scores, kind="stable")
    return _least_cost(scores[order], is_target[order], ~is_target[order], p_target, c_miss, c_fa)


def _least_cost(
    thresholds: np.ndarray, hits: np.ndarray, alarms: np.ndarray, p_target: float, c_miss: float, c_fa: float
) -> tuple[float, float]:
    """`min_dcf` of ascending thresholds (K,), at each of which so many targets and nontargets are rejected as well."""
    _check_costs(p_target, c_miss, c_fa)
    miss = np.cumsum(hits) / hits.sum()  # rejecting the scores up to and with the threshold
    false_alarm = 1 - np.cumsum(alarms) / alarms.sum()
    cost = c_miss * miss * p_target + c_fa * false_alarm * (1 - p_target)
    best = int(np.argmin(cost))
    return float(cost[best] / min(c_miss * p_target, c_fa * (1 - p_target))), float(thresholds[best])


def rocch_eer(target: ArrayLike, nontarget: ArrayLike) -> float:
    """Equal error rate on the convex hull of the ROC curve, in [0, 0.5]: interpolated, it varies smoothly.

    Source: Brummer and de Villiers, "The BOSARIS toolkit", 2011.

    >>> rocch_eer([1.0, 3.0], [0.0, 2.0])
    0.25
    """
    hits, alarms = _hull(target, nontarget)
    miss = np.concatenate([[0.0], np.cumsum(hits)])  # at the corners of the hull, from "accept all" on
    false_alarm = 1 - np.concatenate([[0.0], np.cumsum(alarms)])
    return float(np.interp(0.0, miss - false_alarm, miss))


def cllr(target: ArrayLike, nontarget: ArrayLike) -> float:
    """Cost of log-likelihood ratios over all priors, in bits: 0 is perfect, 1 no better than no answer.

    Args:
        target, nontarget: natural log-likelihood ratios.
    Source: Brummer and du Preez, "Application-independent evaluation of speaker detection", 2006.

    >>> cllr([0.0], [0.0])
    1.0
    """
    target, nontarget = _check(target, nontarget)
    nats = np.logaddexp(0, -target).mean() + np.logaddexp(0, nontarget).mean()
    return float(nats / (2 * np.log(2)))


def min_cllr(target: ArrayLike, nontarget: ArrayLike) -> float:
    """`cllr` after the best calibration that keeps the order of the scores, in bits.

    >>> min_cllr([2.0, 3.0], [0.0, 1.0])
    0.0
    """
    from scipy.special import rel_entr

    hits, alarms = _hull(target, nontarget)
    # A pool has the likelihood ratio hits / alarms, so its targets cost log2(1 + alarms / hits) each.
    nats = -(rel_entr(hits, hits + alarms).sum() + rel_entr(alarms, hits + alarms).sum())
    return max(0.0, float(nats / (2 * np.log(2))))  # not -0.0


@dataclass(frozen=True)
class DetCurve:
    """Detection error trade-off: the two error rates as the threshold rises.

    Attributes:
        miss: (K + 1,) share of targets rejected, from 0 to 1.
        false_alarm: (K + 1,) share of nontargets accepted, from 1 to 0.
        threshold: (K + 1,) accept a trial when score >= threshold; the distinct scores, then infinity.
    """

    miss: np.ndarray
    false_alarm: np.ndarray
    threshold: np.ndarray


def det_curve(target: ArrayLike, nontarget: ArrayLike) -> DetCurve:
    """The error rates at every threshold that matters.

    >>> curve = det_curve([1.0, 3.0], [0.0, 2.0])
    >>> curve.miss
    array([0. , 0. , 0.5, 0.5, 1. ])
    >>> curve.false_alarm
    array([1. , 0.5, 0.5, 0. , 0. ])
    """
    target, nontarget = _check(target, nontarget)
    threshold, hits, alarms = _histogram(target, nontarget)
    return DetCurve(
        miss=np.concatenate([[0], np.cumsum(hits)]) / len(target),
        false_alarm=1 - np.concatenate([[0], np.cumsum(alarms)]) / len(nontarget),
        threshold=np.concatenate([threshold, [np.inf]]),
    )


@dataclass(frozen=True)
class DetectionSummary:
    """The usual figures of one list of scored trials.

    Attributes:
        n_target, n_nontarget: number of trials.
        eer, eer_threshold: see `equal_error_rate`.
        min_dcf: see `min_dcf`, by p_target.
        min_cllr: bits, see `min_cllr`.
    """

    n_target: int
    n_nontarget: int
    eer: float
    eer_threshold: float
    min_dcf: dict[float, float]
    min_cllr: float


def detection_summary(
    target: ArrayLike, nontarget: ArrayLike, p_targets: Sequence[float] = (0.01, 0.001)
) -> DetectionSummary:
    """EER, minDCF at each of `p_targets`, and minimum Cllr, in one value.

    Args:
        target, nontarget: (n,) and (m,) scores.
        p_targets: priors of a target trial.
    """
    target, nontarget = _check(target, nontarget)
    eer, threshold = equal_error_rate(target, nontarget)
    return DetectionSummary(
        n_target=len(target),
        n_nontarget=len(nontarget),
        eer=eer,
        eer_threshold=threshold,
        min_dcf={p: min_dcf(target, nontarget, p)[0] for p in p_targets},
        min_cllr=min_cllr(target, nontarget),
    )


def _check(target: ArrayLike, nontarget: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    checked = []
    for name, given in (("target", target), ("nontarget", nontarget)):
        scores = np.asarray(given, dtype=np.float64)
        if scores.ndim != 1:
            raise ValueError(f"{name} scores must be one-dimensional, got shape {scores.shape}")
        if not scores.size:
            raise ValueError(f"no {name} scores: both target and nontarget trials are needed")
        if np.isnan(scores).any():
            raise ValueError(f"{name} scores hold a NaN, the first at {int(np.isnan(scores).argmax())}")
        checked.append(scores)
    return checked[0], checked[1]


def _check_costs(p_target: float, c_miss: float, c_fa: float) -> None:
    if not 0 < p_target < 1:
        raise ValueError(f"p_target must lie in (0, 1), got {p_target}")
    if not (c_miss > 0 and c_fa > 0):
        raise ValueError(f"c_miss and c_fa must be positive, got {c_miss} and {c_fa}")


def _histogram(target: np.ndarray, nontarget: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(K,) distinct scores, ascending, and how many targets and nontargets have each."""
    values, codes = np.unique(np.concatenate([target, nontarget]), return_inverse=True)
    hits = np.bincount(codes[: len(target)], minlength=len(values))
    alarms = np.bincount(codes[len(target) :], minlength=len(values))
    return values, hits, alarms


def _hull(target: ArrayLike, nontarget: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """The edges of the ROC convex hull, by ascending score: the share of targets and of nontargets on each.

    Pooling adjacent scores until the part of targets rises from pool to pool gives just these edges.
    """
    from scipy.optimize import isotonic_regression  # here, as it takes half a second to import

    target, nontarget = _check(target, nontarget)
    _, hits, alarms = _histogram(target, nontarget)
    count = hits + alarms
    starts = isotonic_regression(hits / count, weights=count).blocks[:-1]
    return np.add.reduceat(hits, starts) / len(target), np.add.reduceat(alarms, starts) / len(nontarget)
