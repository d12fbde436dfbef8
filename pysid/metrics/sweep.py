"""Turns cut to the time that is scored, and their comparison in one sweep over time.

It gives what pyannote.core's timelines give, to the last digit, in a time that grows with the number of turns (times
its logarithm) and of pairs of them that overlap. As there, what is no longer than a microsecond does not count.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array

NOTHING_S = 1e-6
DENSE_CELLS = 4_000_000  # larger tables are paired without being filled in where they are mostly empty:
DENSE_SHARE = 4  # where fewer cells than one in so many hold anything

Span = tuple[float, float]  # start and end, in seconds
Tracks = Mapping[str, Sequence[Span]]  # {speaker: spans in order, none of which overlaps the next}


def joined(spans: Iterable[Span]) -> list[Span]:
    """The time that at least one span covers, in order.

    >>> joined([(3.0, 4.0), (0.0, 1.0), (1.0, 2.0), (1.5, 1.6)])
    [(0.0, 2.0), (3.0, 4.0)]
    """
    covered: list[Span] = []
    for start_s, end_s in sorted(filter(_lasts, spans)):
        if covered and not start_s - covered[-1][1] > NOTHING_S:
            covered[-1] = (covered[-1][0], max(covered[-1][1], end_s))
        else:
            covered.append((start_s, end_s))
    return covered


def common(spans: Sequence[Span], region: Sequence[Span]) -> list[Span]:
    """The parts of spans inside of a region; both are in order, and none of either overlaps the next.

    >>> common([(0.0, 5.0), (6.0, 9.0)], [(1.0, 2.0), (4.0, 7.0)])
    [(1.0, 2.0), (4.0, 5.0), (6.0, 7.0)]
    """
    parts, first = [], 0
    for start_s, end_s in spans:
        while first < len(region) and region[first][1] <= start_s:
            first += 1
        at = first
        while at < len(region) and region[at][0] < end_s:
            parts.append((max(start_s, region[at][0]), min(end_s, region[at][1])))
            at += 1
    return list(filter(_lasts, parts))


def without(region: Sequence[Span], removed: Sequence[Span]) -> list[Span]:
    """The parts of a region outside of what is removed; arguments as in `common`.

    >>> without([(0.0, 9.0)], [(1.0, 2.0), (8.0, 10.0)])
    [(0.0, 1.0), (2.0, 8.0)]
    """
    starts, ends = [-math.inf, *(end_s for _, end_s in removed)], [*(start_s for start_s, _ in removed), math.inf]
    return common(region, list(zip(starts, ends, strict=True)))


def doubled(tracks: Tracks) -> list[Span]:
    """The time in which at least two speakers talk.

    >>> doubled({"anna": [(0.0, 5.0)], "ben": [(4.0, 9.0)]})
    [(4.0, 5.0)]
    """
    found, latest_s = [], -math.inf
    for start_s, end_s in sorted(span for spans in tracks.values() for span in spans):
        found.append((start_s, min(latest_s, end_s)))
        latest_s = max(latest_s, end_s)
    return joined(found)


def seconds(spans: Iterable[Span]) -> float:
    """The sum of durations."""
    return sum((end_s - start_s for start_s, end_s in spans), 0.0)


def best_pairs(rows: Tracks, columns: Tracks) -> dict[str, str]:
    """{speaker of the rows: speaker of the columns}: pairs that share as much time as they can, in sum.

    >>> best_pairs({"x": [(2.0, 9.0)], "y": [(0.0, 2.0)]}, {"anna": [(0.0, 5.0)], "ben": [(5.0, 9.0)]})
    {'x': 'ben', 'y': 'anna'}
    """
    if not rows or not columns:
        return {}
    shared = _shared_seconds(rows, columns)
    n_cells = len(rows) * len(columns)
    pairs = _dense_pairs if n_cells <= max(DENSE_CELLS, DENSE_SHARE * shared.nnz) else _sparse_pairs
    names, others = list(rows), list(columns)
    return {names[i]: others[j] for i, j in pairs(shared)}


def _shared_seconds(rows: Tracks, columns: Tracks) -> "csr_array":
    """(rows, columns) seconds in which the i-th speaker of the rows and the j-th of the columns talk.

    Row by row: where thousands talk at once, the pairs of spans that meet fill no memory together.
    """
    from scipy.sparse import csr_array

    spans = sorted((start_s, end_s, number) for number, own in enumerate(columns.values()) for start_s, end_s in own)
    starts, ends = np.array([span[:2] for span in spans]).reshape(-1, 2).T.copy()
    numbers = np.array([span[2] for span in spans], np.int64)
    latest = np.maximum.accumulate(ends)
    found, shared, bounds = [], [], [0]
    for own in rows.values():
        begin, end = np.array(own).reshape(-1, 2).T
        firsts, lasts = np.searchsorted(latest, begin, "right"), np.searchsorted(starts, end, "left")
        whose, parts = [numbers[:0]], [starts[:0]]
        for start_s, end_s, first, last in zip(begin, end, firsts, lasts, strict=True):
            meet = first + np.flatnonzero(ends[first:last] > start_s)
            part = np.minimum(ends[meet], end_s) - np.maximum(starts[meet], start_s)
            lasting = part > NOTHING_S
            whose.append(numbers[meet[lasting]])
            parts.append(part[lasting])
        sums = np.bincount(np.concatenate(whose), np.concatenate(parts), len(columns))  # adds up in order of time
        cells = np.flatnonzero(sums)
        found.append(cells)
        shared.append(sums[cells])
        bounds.append(bounds[-1] + len(cells))
    return csr_array((np.concatenate(shared), np.concatenate(found), bounds), shape=(len(rows), len(columns)))


def _dense_pairs(shared: "csr_array") -> Iterator[tuple[int, int]]:
    """(row, column) of the pairs with time in common that have the largest sum of it."""
    from scipy.optimize import linear_sum_assignment

    table = shared.toarray()
    found = zip(*linear_sum_assignment(table, maximize=True), strict=True)
    return ((i, j) for i, j in found if table[i, j] > 0)


def _sparse_pairs(shared: "csr_array") -> Iterator[tuple[int, int]]:
    """The same pairing, for a table with few cells filled in.

    SciPy wants a partner for each row: so each has a column of its own, worth no time. One second is added to
    all cells, as 0 would be no cell; it counts once for each row, whatever the pairs are.
    """
    from scipy.sparse import eye_array, hstack
    from scipy.sparse.csgraph import min_weight_full_bipartite_matching

    n_rows, n_columns = shared.shape
    seconds_more = shared.copy()
    seconds_more.data += 1
    graph = hstack([seconds_more, eye_array(n_rows)], format="csr")
    found = zip(*min_weight_full_bipartite_matching(graph, maximize=True), strict=True)
    return ((i, j) for i, j in found if j < n_columns)


def _lasts(span: Span) -> bool:
    return span[1] - span[0] > NOTHING_S
