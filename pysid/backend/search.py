"""The best of many enrolled speakers for a test embedding, exactly.

All speakers are scored by one matrix product in single precision. Its rounding error has a bound, so whoever can be
among the best n is known for certain; only these few need to be scored in double precision.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pysid.backend.chain import Backend

UNIT_ROUNDOFF = 2.0**-24  # of single precision


@dataclass(frozen=True)
class EnrolledSide:
    """The half of the scores that depends on the enrolled speakers alone, see `BilinearScores`.

    Attributes:
        left: (E, d) float32.
        row: (E,) float64; minus infinity for a speaker that must not be found.
        counts: (E,) utterances of each speaker.
    """

    left: np.ndarray
    row: np.ndarray
    counts: np.ndarray

    def __len__(self) -> int:
        return len(self.row)

    @cached_property
    def longest(self) -> float:
        """The length of the longest row of `left`."""
        return float(np.sqrt(np.einsum("ed,ed->e", self.left, self.left).max(initial=0.0)))

    @cached_property
    def distinct_counts(self) -> np.ndarray:
        return np.flatnonzero(np.bincount(self.counts))


def enrolled_side(backend: Backend, means: np.ndarray, counts: np.ndarray) -> EnrolledSide:
    """Prepares speakers: means (E, D) of so many embeddings each, (E,)."""
    terms = backend.terms(means, means[:1], counts)  # the test is any: what we take does not depend on it
    return EnrolledSide(terms.left.astype(np.float32), terms.row, counts)


def rounded_scores(backend: Backend, sides: Sequence[EnrolledSide], test: np.ndarray) -> tuple[np.ndarray, float]:
    """The scores of all enrolled speakers, and how far at most they are from the true ones.

    Args:
        sides: the speakers, in one or more parts, in all at least one.
        test: (D,) embedding.
    Returns:
        scores: (E,), in the order of the parts.
        error: not negative.
    """
    parts = [_rounded_scores(backend, side, test) for side in sides if len(side)]
    return np.concatenate([scores for scores, _ in parts]), max(error for _, error in parts)


def candidates(scores: np.ndarray, error: float, n_best: int) -> np.ndarray:
    """The rows (K,) that can be among the `n_best` highest true scores; hardly more than these.

    Args:
        scores, error: from `rounded_scores`; a row of minus infinity is never among them.

    >>> candidates(np.array([1.0, 5.0, 4.9, 2.0, -np.inf]), error=0.1, n_best=1)
    array([1, 2])
    """
    n_best = min(n_best, len(scores))
    lowest_best = np.partition(scores, len(scores) - n_best)[len(scores) - n_best]
    return np.flatnonzero((scores >= lowest_best - 2 * error) & (scores > -np.inf))


def _rounded_scores(backend: Backend, side: EnrolledSide, test: np.ndarray) -> tuple[np.ndarray, float]:
    """`rounded_scores` of one part.

    A sum of d products of rounded factors is off by less than (d + 2) u / (1 - (d + 2) u) times the lengths of the
    two vectors (Higham, "Accuracy and stability of numerical algorithms", 2002, section 3.1).
    """
    placeholder = np.zeros((len(side.distinct_counts), len(test)))
    terms = backend.terms(placeholder, test[None], side.distinct_counts)  # of which only the test's half is used
    column = np.zeros(side.distinct_counts[-1] + 1)
    column[side.distinct_counts] = terms.column[terms.group, 0]
    right = terms.right[0].astype(np.float32)
    scores = (side.left @ right).astype(np.float64)
    scores += side.row
    scores += column[side.counts]
    share = (side.left.shape[1] + 4) * UNIT_ROUNDOFF  # 2 more than the formula, for the bound's own rounding
    return scores, share / (1 - share) * side.longest * float(np.linalg.norm(terms.right[0]))
