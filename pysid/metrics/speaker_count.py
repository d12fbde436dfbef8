"""How many speakers were found, by how many there are."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class SpeakerCountRow:
    """The recordings of one true number of speakers.

    Attributes:
        n_true: speakers that each of them has.
        n_recordings: how many there are.
        mean_found: speakers found in them on average.
        right: share of them, a fraction, in which as many were found as there are.
    """

    n_true: int
    n_recordings: int
    mean_found: float
    right: float


def by_true_number(numbers: Iterable[tuple[int, int]]) -> list[SpeakerCountRow]:
    """A row for each true number of speakers, ascending.

    Args:
        numbers: of each recording the true and the found number.

    >>> for row in by_true_number([(2, 2), (4, 2), (2, 3), (4, 3)]):
    ...     print(row.n_true, row.n_recordings, row.mean_found, row.right)
    2 2 2.5 0.5
    4 2 2.5 0.0
    """
    found: dict[int, list[int]] = {}
    for n_true, n_found in numbers:
        found.setdefault(n_true, []).append(n_found)
    return [SpeakerCountRow(n, len(x), sum(x) / len(x), x.count(n) / len(x)) for n, x in sorted(found.items())]
