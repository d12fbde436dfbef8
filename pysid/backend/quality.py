"""Quality measures: what each side of a trial tells about its score, as side information of the calibration.

One map of scores to log-likelihood ratios is wrong somewhere: strangers are more alike where a back-end has learned from
few voices of their kind, or where there is little speech of them. A quality measure function adds what measures q of the
two sides tell (Mandasari et al., "Quality measure functions for calibration of speaker recognition systems in various
duration conditions", IEEE TASLP 2013):

    llr = scale * (score + sum_k weight_k (q_k(enrolment) + q_k(test))) + offset.

Measures here are functions of the embedding alone, so that archives and databases of embeddings have them too. Those of
the two sides are added: their order does not matter, and the bracket is a score of the form of `BilinearScores`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from pysid.backend.calibration import fit_logistic
from pysid.errors import DataError

PREFIX = "quality."  # of the arrays in a file


@dataclass(frozen=True)
class QualityTerm:
    """What is added to a score for the measures of its sides.

    Attributes:
        weights: by the names of the measures; each in units of the score over units of the measure.
    """

    weights: Mapping[str, float]

    @classmethod
    def fit(cls, target: ArrayLike, nontarget: ArrayLike, target_sums: ArrayLike, nontarget_sums: ArrayLike, names):
        ...
