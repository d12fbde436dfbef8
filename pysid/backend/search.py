"""The best of many enrolled speakers for a test embedding, exactly.

All speakers are scored by one matrix product in single precision. Its rounding error has a bound, so whoever can be
among the best n is known for certain; only these few need to be scored in double precision.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pysid.backend.chain import Backend
from pysid.backend.statistics import row_blocks

UNIT_ROUNDOFF = 2.0**-24  # of single precision
MAX_BLOCKS = 1024


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
        """(K,) the numbers of utterances that any speaker is enrolled with, ascending."""
        return np.flatnonzero(np.bincount(self.counts))


def enrolled_side(backend: Backend, means: np.ndarray, counts: np.ndarray) -> EnrolledSide:
    """Prepares speakers: means (E, D) of so many embeddings each, (E,).

    Args:
        backend: fitted.
        means: raw, not projected.
        counts: 1 or more.
    """
    terms = backend.terms(means, means[:1], counts)  # the test is any: what we take does not depend on it
    return EnrolledSide(terms.left.astype(np.float32), terms.row, counts)


def rounded_scores(backend: Backend, sides: Sequence[EnrolledSide], test: np.ndarray) -> tuple[np.ndarray, float]:
    """The scores of all enrolled speakers, and how far at most they are from the true ones.

    A sum of d products of rounded factors is off by less than (d + 2) u / (1 - (d + 2) u) times the lengths of the
    two vectors (Higham, "Accuracy and stability of numerical algorithms", 2002, section 3.1).

    Args:
        sides: the speakers, in one or more parts.
        test: (D,) embedding.
    Returns:
        scores: (E,), in the order of the parts.
        error: not negative.
    """
    scores = np.empty(sum(len(side) for side in sides))
    error = 0.0
    at = 0
    for side in sides:
        if len(side):
            length = _score(backend, side, test, scores[at : at + len(side)])
            share = (side.left.shape[1] + 4) * UNIT_ROUNDOFF  # 2 more than the formula, for the bound's own rounding
            error = max(error, share / (1 - share) * side.longest * length)
        at += len(side)
    return scores, error


def candidates(scores: np.ndarray, error: float, n_best: int) -> np.ndarray:
    """The rows (K,) that can be among the `n_best` highest true scores; hardly more than these.

    Args:
        scores, error: from `rounded_scores`; a row of minus infinity is never among them.

    >>> candidates(np.array([1.0, 5.0, 4.9, 2.0, -np.inf]), error=0.1, n_best=1)
    array([1, 2])
    """
    # The best of each of many blocks: the n-th of these is no higher than the n-th of all, and quickly found.
    starts = np.arange(0, len(scores), max(1, len(scores) // MAX_BLOCKS))
    rows = np.flatnonzero(scores >= _highest(np.maximum.reduceat(scores, starts), n_best) - 2 * error)
    rows = rows[scores[rows] >= _highest(scores[rows], n_best) - 2 * error]
    return rows[scores[rows] > -np.inf]


def _highest(values: np.ndarray, n: int) -> float:
    """The n-th highest value; minus infinity where there are fewer."""
    return float(np.partition(values, len(values) - n)[len(values) - n]) if n <= len(values) else -np.inf


def _score(backend: Backend, side: EnrolledSide, test: np.ndarray, out: np.ndarray) -> float:
    """Puts the scores of one part into `out`; the length of the test's vector."""
    placeholder = np.zeros((len(side.distinct_counts), len(test)))
    terms = backend.terms(placeholder, test[None], side.distinct_counts)  # of which only the test's half is used
    column = np.zeros(side.distinct_counts[-1] + 1)
    column[side.distinct_counts] = terms.column[terms.group, 0]
    right = terms.right[0].astype(np.float32)
    products = side.left @ right  # at once: threads that share a busy machine wait for each other only once
    for rows in row_blocks(len(side)):  # what is computed on the way stays in the cache
        out[rows] = products[rows]
        out[rows] += side.row[rows]
        out[rows] += column[side.counts[rows]]
    return float(np.linalg.norm(terms.right[0]))
