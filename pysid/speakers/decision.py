"""From a score to an answer: same speaker or not, and how sure that is."""

import math
from dataclasses import dataclass

from pysid.backend.calibration import LogisticCalibration
from pysid.errors import DataError


@dataclass(frozen=True)
class Decision:
    """The answer to "is this the enrolled speaker?".

    Attributes:
        score: of the back-end; what it means depends on the model, but a higher one is always better.
        llr: the score as a log-likelihood ratio, in nats: how much more likely the two sides are of one speaker than
            of two. None where the back-end has no calibration.
        probability: of one speaker, at the prior of the operating point; None likewise.
        accepted: the score reaches the threshold. A decision is true in a condition if it is.
        point: where acceptance begins.
    """

    score: float
    llr: float | None
    probability: float | None
    accepted: bool
    point: "OperatingPoint"

    def __bool__(self) -> bool:
        return self.accepted

    def __str__(self) -> str:
        return f"{'accepted' if self.accepted else 'rejected'}, {describe(self.score, self.llr, self.probability)}"


@dataclass(frozen=True, kw_only=True)
class OperatingPoint:
    """Where acceptance begins.

    Without a `threshold` it is where the expected cost is least, the Bayes threshold of the log-likelihood ratio:
    log(c_fa (1 - p_target) / (c_miss p_target)), which is 0 by default.

    Attributes:
        p_target: prior probability of "same speaker", in (0, 1); probabilities are stated at it.
        c_miss, c_fa: cost of a miss and of a false alarm, > 0.
        threshold: accept scores of at least this, whatever the prior and the costs. It is on the back-end's scores,
            as `pysid score` writes them, so it needs no calibration.

    >>> OperatingPoint(p_target=0.01, c_miss=10.0).llr_threshold
    2.292...
    """

    p_target: float = 0.5
    c_miss: float = 1.0
    c_fa: float = 1.0
    threshold: float | None = None

    def __post_init__(self) -> None:
        if not 0 < self.p_target < 1:
            raise ValueError(f"p_target must lie in (0, 1), got {self.p_target}")
        if not (0 < self.c_miss < math.inf and 0 < self.c_fa < math.inf):
            raise ValueError(f"c_miss and c_fa must be positive, got {self.c_miss} and {self.c_fa}")
        if self.threshold is not None and math.isnan(self.threshold):
            raise ValueError("threshold must be a number, got NaN")

    @property
    def llr_threshold(self) -> float:
        """The Bayes threshold of the log-likelihood ratio, in nats."""
        costs = math.log(self.c_fa) - math.log(self.c_miss)  # whose ratio may be too large for a number
        return costs + math.log1p(-self.p_target) - math.log(self.p_target)

    def __str__(self) -> str:
        """When it accepts."""
        if self.threshold is not None:
            return f"a score of at least {self.threshold:g}; probabilities are at the prior {self.p_target:g}"
        costs = f"cost of a miss {self.c_miss:g}, of a false alarm {self.c_fa:g}"
        return f"an LLR of at least {self.llr_threshold:.4f} (prior {self.p_target:g}, {costs})"

    def require(self, calibration: LogisticCalibration | None) -> None:
        """Raises DataError where there is neither a calibration nor a threshold, so nothing to decide by.

        A calibration that turns higher scores into lower ratios cannot be used either.
        """
        if calibration is None and self.threshold is None:
            raise DataError(
                "this back-end has no calibration, so its scores have no natural threshold: give a --threshold on the "
                "score, or calibrate it with pysid fit-backend --calibration-trials (after pysid convert, where it is "
                "another toolkit's model)"
            )
        if calibration is not None and not calibration.scale_ > 0:
            raise DataError(
                f"the calibration of this back-end expects lower scores of the same speaker (its scale is "
                f"{calibration.scale_:g}): it was made from wrong trials"
            )

    def decide(self, score: float, calibration: LogisticCalibration | None) -> Decision:
        """The decision on a score.

        Raises:
            DataError: see `require`.
        """
        self.require(calibration)
        llr = None if calibration is None else float(calibration.transform(score))
        probability = None if calibration is None else float(calibration.predict_probability(score, self.p_target))
        if self.threshold is not None:
            accepted = score >= self.threshold
        else:
            accepted = llr is not None and llr >= self.llr_threshold
        return Decision(float(score), llr, probability, bool(accepted), self)


def describe(score: float, llr: float | None, probability: float | None) -> str:
    """The score, and what the calibration made of it, where there is one.

    Args:
        score: by the back-end.
        llr: natural logarithm of the likelihood ratio.
        probability: of the same speaker.

    >>> describe(54.29542, 11.3901, 0.99999)
    'score 54.2954, LLR 11.3901, probability 1.0000'
    """
    if llr is None or probability is None:
        return f"score {score:.4f}"
    return f"score {score:.4f}, LLR {llr:.4f}, probability {probability:.4f}"
