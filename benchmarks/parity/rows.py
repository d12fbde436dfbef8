"""Measures of deviation, and a row of the parity table."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

Deviations = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Measure:
    """How far ours are from Kaldi's: an array of deviations of one pair of arrays, and what to call them."""

    name: str
    deviations: Deviations


@dataclass(frozen=True)
class Row:
    """One comparison.

    Attributes:
        what: the row of the promised tolerances it belongs to.
        case: Kaldi's file, and how ours was made where there is a choice.
        n_values: numbers compared.
        deviation: the largest one; infinite where utterances or shapes differ.
        measure: what the deviation is relative to.
        bound: the largest deviation allowed; None where none is promised.
        remark: where the largest deviation is, or why there is no bound.
    """

    what: str
    case: str
    n_values: int
    deviation: float
    measure: str
    bound: float | None
    remark: str = ""

    @property
    def is_ok(self) -> bool:
        return self.bound is None or self.deviation <= self.bound


def compare(
    what: str,
    case: str,
    ours: Mapping[str, np.ndarray],
    kaldis: Mapping[str, np.ndarray],
    measure: Measure,
    bound: float | None,
) -> Row:
    """The row for arrays by utterance, or by another key.

    An array that only one side has is an infinite deviation; an empty array counts as none, as programs differ there.
    """
    ours, kaldis = ({key: x for key, x in arrays.items() if x.size} for arrays in (ours, kaldis))
    n_values = sum(x.size for x in kaldis.values())
    unlike = [key for key in ours.keys() | kaldis.keys() if _shape(ours, key) != _shape(kaldis, key)]
    if unlike or not n_values:
        remark = f"{min(unlike)}: another shape, or missing" if unlike else "nothing to compare"
        return Row(what, case, n_values, np.inf, measure.name, bound, remark)
    largest = {key: _largest(measure.deviations(ours[key], kaldis[key])) for key in kaldis}
    worst = max(largest, key=lambda key: largest[key])
    remark = f"at {worst}" if largest[worst] and len(kaldis) > 1 else ""
    return Row(what, case, n_values, largest[worst], measure.name, bound, remark)


def compare_text(what: str, case: str, ours: str, kaldis: str) -> Row:
    """The row for one printed number; every digit counts."""
    remark = ours if ours == kaldis else f"expected {kaldis}, got {ours}"
    return Row(what, case, 1, float(ours != kaldis), IDENTICAL.name, 0.0, remark)


def share_beyond(ours: Mapping[str, np.ndarray], kaldis: Mapping[str, np.ndarray], limit: float) -> float:
    """Share of all values that differ by more than `limit`."""
    both = [key for key in kaldis if _shape(ours, key) == _shape(kaldis, key)]
    return float(np.concatenate([np.abs(ours[key] - kaldis[key]).ravel() > limit for key in both]).mean())


def align_rows(rows: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Rows in units of the largest value of each expected row, with the sign that fits: eigenvectors have none."""
    sign = np.sign((rows * expected).sum(axis=1, keepdims=True))
    return sign * rows / np.abs(expected).max(axis=1, keepdims=True)


def _shape(arrays: Mapping[str, np.ndarray], key: str) -> tuple[int, ...] | None:
    return arrays[key].shape if key in arrays else None


def _largest(deviations: np.ndarray) -> float:
    return float(np.where(np.isnan(deviations), np.inf, deviations).max(initial=0.0))


def _relative(ours: np.ndarray, kaldis: np.ndarray) -> np.ndarray:
    return np.atleast_1d(np.linalg.norm(ours - kaldis) / np.linalg.norm(kaldis))


ABSOLUTE = Measure("absolute", lambda ours, kaldis: np.abs(ours - kaldis))
RELATIVE = Measure("of the vector's length", _relative)
ROWS = Measure("of the row's largest", lambda a, b: np.abs(align_rows(a, b) - align_rows(b, b)))
SCORES = Measure("of 1 + abs(score)", lambda ours, kaldis: np.abs(ours - kaldis) / (1 + np.abs(kaldis)))
IDENTICAL = Measure("number that differ", lambda ours, kaldis: np.atleast_1d((ours != kaldis).sum()))
