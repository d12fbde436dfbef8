"""Turns cut to the time that is scored, and their comparison in one sweep over time.

It gives what pyannote.core's timelines give, to the last digit, in a time that grows with the number of turns (times
its logarithm) and of pairs of them that overlap. As there, what is no longer than a microsecond does not count.
"""

import heapq
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

NOTHING_S = 1e-6
DENSE_CELLS = 4_000_000  # larger tables, which are mostly empty, are paired without being filled in

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
    from scipy.optimize import linear_sum_assignment

    table = _shared_seconds(rows, columns)
    if len(rows) * len(columns) > DENSE_CELLS:
        found = _sparse_pairs(table, len(rows), len(columns))
    else:
        dense = np.zeros((len(rows), len(columns)))
        for place, shared_s in table.items():
            dense[place] = shared_s
        found = zip(*linear_sum_assignment(-dense), strict=True)
    names, others = list(rows), list(columns)
    return {names[i]: others[j] for i, j in found if table.get((i, j), 0) > 0}


def _shared_seconds(rows: Tracks, columns: Tracks) -> dict[tuple[int, int], float]:
    """{(i, j): seconds in which the i-th speaker of the rows and the j-th of the columns talk}, where there are any."""
    table: defaultdict[tuple[int, int], float] = defaultdict(float)
    for start_s, end_s, i, other_start_s, other_end_s, j in sorted(_overlapping(rows, columns)):
        part = (max(start_s, other_start_s), min(end_s, other_end_s))
        if _lasts(part):
            table[i, j] += part[1] - part[0]
    return table


def _overlapping(rows: Tracks, columns: Tracks) -> Iterator[tuple[float, float, int, float, float, int]]:
    """Start, end and number of a speaker of the rows, and of one of the columns, for each pair of spans that meet."""
    running: tuple[list[tuple[float, float, int]], ...] = ([], [])  # heaps by end
    spans = [
        (start_s, end_s, side, number)
        for side, tracks in enumerate((rows, columns))
        for number, own in enumerate(tracks.values())
        for start_s, end_s in own
    ]
    for start_s, end_s, side, number in sorted(spans):
        others = running[1 - side]
        while others and others[0][0] <= start_s:
            heapq.heappop(others)
        for other_end_s, other_start_s, other in others:
            mine, theirs = (start_s, end_s, number), (other_start_s, other_end_s, other)
            yield (*theirs, *mine) if side else (*mine, *theirs)
        heapq.heappush(running[side], (end_s, start_s, number))


def _sparse_pairs(table: Mapping[tuple[int, int], float], n_rows: int, n_columns: int) -> Iterator[tuple[int, int]]:
    """The same pairing, for a table with few cells filled in.

    SciPy wants a partner for each row: so each has a column of its own, worth no time. One second is added to
    all cells, as 0 would be no cell; it counts once for each row, whatever the pairs are.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import min_weight_full_bipartite_matching

    own = [(i, n_columns + i) for i in range(n_rows)]
    i, j = np.array([*table, *own]).T
    values = 1 + np.array([*table.values(), *(0.0 for _ in own)])
    graph = coo_array((values, (i, j)), shape=(n_rows, n_columns + n_rows)).tocsr()
    return zip(*min_weight_full_bipartite_matching(graph, maximize=True), strict=True)


def _lasts(span: Span) -> bool:
    return span[1] - span[0] > NOTHING_S
