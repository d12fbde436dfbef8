"""Scores of the form left_i . right_j + row_i + column_j, for a matrix or a list of trials."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from pysid.backend.statistics import row_blocks

BLOCK_VALUES = 2**22  # numbers in a temporary array: 32 MiB
FOLDED_GROUPS = 32  # with more, it is quicker to add the columns of the groups to the product


@dataclass(frozen=True)
class BilinearScores:
    """The scores of E enrolments against T tests, not yet multiplied out.

    Attributes:
        left: (E, D); right: (T, D).
        row: (E,) added to every score of an enrolment.
        column: (G, T) added to every score of a test, by the group of the enrolment.
        group: (E,) group of each enrolment, in [0, G).
    """

    left: np.ndarray
    right: np.ndarray
    row: np.ndarray
    column: np.ndarray
    group: np.ndarray

    def plus(self, other: "BilinearScores", weight: float) -> "BilinearScores":
        """These scores and `weight` times `other` ones of the same E and T, which are products alone."""
        left, right = np.hstack([self.left, weight * other.left]), np.hstack([self.right, other.right])
        return replace(self, left=left, right=right)

    def matrix(self) -> np.ndarray:
        """All scores, (E, T); beside them it takes memory for copies of `left` and `right` only."""
        scores = np.empty((len(self.left), len(self.right)))
        for rows in self._row_blocks(scores.size if self._folds_columns else BLOCK_VALUES):
            self._multiply_out(rows, scores[rows])
        return scores

    def blocks(self, n_values: int) -> Iterator[tuple[slice, np.ndarray]]:
        """All scores, some enrolments at a time: which, and their (e, T) scores, some `n_values` in all."""
        for rows in self._row_blocks(n_values):
            scores = np.empty((rows.stop - rows.start, len(self.right)))
            self._multiply_out(rows, scores)
            yield rows, scores

    def pairs(self, enrol_index: ArrayLike, test_index: ArrayLike) -> np.ndarray:
        """The scores of P trials, (P,), without the others.

        Args:
            enrol_index: (P,) row of the enrolment of each trial; test_index: (P,) row of its test.
        Raises:
            ValueError: the indices are not two lists of whole numbers of one length, or one is out of range.
        """
        i = _check_index(enrol_index, len(self.left), "enrol_index")
        j = _check_index(test_index, len(self.right), "test_index")
        if len(i) != len(j):
            raise ValueError(f"enrol_index has {len(i)} trials, test_index {len(j)}")
        scores = np.empty(len(i))
        for rows in row_blocks(len(i), max(1, BLOCK_VALUES // self.left.shape[1])):
            a, b = i[rows], j[rows]
            scores[rows] = np.einsum("pd,pd->p", self.left[a], self.right[b])
            scores[rows] += self.row[a] + self.column[self.group[a], b]
        return scores

    def _row_blocks(self, n_values: int) -> Iterator[slice]:
        return row_blocks(len(self.left), max(1, n_values // len(self.right)))

    def _multiply_out(self, rows: slice, out: np.ndarray) -> None:
        """Puts the scores of some enrolments into `out`."""
        left, right = self._factors
        np.matmul(left[rows], right.T, out=out)
        if not self._folds_columns:
            out += self.column[self.group[rows]]

    @property
    def _folds_columns(self) -> bool:
        return len(self.column) <= FOLDED_GROUPS

    @cached_property
    def _factors(self) -> tuple[np.ndarray, np.ndarray]:
        """Matrices (E, d), (T, d) whose product has the sums in it: a few columns cost less than adding them later."""
        left, right = [self.left, self.row[:, None]], [self.right, np.ones((len(self.right), 1))]
        if self._folds_columns:
            left.append(np.eye(len(self.column))[self.group])
            right.append(self.column.T)
        return np.hstack(left), np.hstack(right)


def _check_index(index: ArrayLike, size: int, name: str) -> np.ndarray:
    index = np.asarray(index)
    if index.ndim != 1 or (index.size and not np.issubdtype(index.dtype, np.integer)):
        raise ValueError(f"{name} must be a list of whole numbers, got {index.dtype} of shape {index.shape}")
    if index.size and not (index.min() >= 0 and index.max() < size):
        raise ValueError(f"{name} must lie in [0, {size}), got values from {index.min()} to {index.max()}")
    return index.astype(np.intp)
