"""Several voices of one recording to enrolled speakers: each of these is given to at most one of them.

Two speakers of a recording are two persons, so the voices are not looked up one by one: of all ways to name them, the
most likely is taken, by the Hungarian algorithm (H. W. Kuhn, 1955).
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace

import numpy as np

from pysid.speakers.identify import Candidate, Identifier

SMALLEST = 1e-12  # probability that is left at least when all who are taken are excluded


@dataclass(frozen=True)
class AssignedName:
    """Who of those enrolled a voice may be, given who the others are.

    Attributes:
        best: the one that it is given, or else the nearest of those whom no other voice is given; None of nobody.
        runner_up: the next of those whom no other voice is given, if there is one.
        accepted: the voice goes by the name of `best`; otherwise it is nobody's who is enrolled.
    """

    best: Candidate | None
    runner_up: Candidate | None
    accepted: bool

    @property
    def name(self) -> str | None:
        """The name, where it is accepted."""
        return self.best.name if self.accepted and self.best is not None else None


def assign_names(identifier: Identifier, embeddings: Sequence[np.ndarray]) -> list[AssignedName]:
    """The names of voices (E,), each of a different person, in their order.

    A name is given only where `identifier` would accept it, at its operating point. The
    probabilities of a voice leave out whom the other voices are given.
    """
    # No more candidates of a voice can matter than there are voices: the other voices can take all but one of these.
    found = [identifier.identify_embedding(x, len(embeddings) + 1).candidates for x in embeddings]
    names = list(dict.fromkeys(candidate.name for candidates in found for candidate in candidates))
    gains = np.full((len(found), len(names)), -1.0)
    for i, candidates in enumerate(found):
        for candidate in candidates:
            gains[i, names.index(candidate.name)] = _gain(identifier, candidate)
    given = [None if column is None else names[column] for column in _assigned(gains)]
    taken = {name for name in given if name is not None}
    return [_named(_without(candidates, taken - {name}), name) for candidates, name in zip(found, given, strict=True)]


def _gain(identifier: Identifier, candidate: Candidate) -> float:
    """By how much a candidate passes the threshold: in nats, or in units of the score where that has one."""
    point = identifier.speaker_point
    if point.threshold is not None:
        return candidate.score - point.threshold
    assert candidate.llr is not None  # the identifier requires a calibration or a threshold
    return candidate.llr - point.llr_threshold


def _assigned(gains: np.ndarray) -> list[int | None]:
    """The column of each row, no column twice, so that the sum of gains (R, C) is highest; None rather than a loss.

    >>> _assigned(np.array([[5.0, 4.0], [3.0, -1.0], [-2.0, -3.0]]))
    [1, 0, None]
    """
    from scipy.optimize import linear_sum_assignment  # takes long to import

    rows, columns = linear_sum_assignment(np.maximum(gains, 0.0), maximize=True)
    chosen: list[int | None] = [None] * len(gains)
    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        if gains[row, column] >= 0:
            chosen[row] = column
    return chosen


def _without(candidates: Sequence[Candidate], taken: Set[str]) -> list[Candidate]:
    """The candidates without those who are other voices, whose probability the rest, and nobody, share."""
    left = [x for x in candidates if x.name not in taken]
    rest = 1 - sum(x.probability or 0.0 for x in candidates if x.name in taken)
    return [
        x if x.probability is None else replace(x, probability=min(x.probability / max(rest, SMALLEST), 1.0))
        for x in left
    ]


def _named(candidates: Sequence[Candidate], name: str | None) -> AssignedName:
    best = next((x for x in candidates if x.name == name), candidates[0] if candidates else None)
    runner_up = next((x for x in candidates if x is not best), None)
    return AssignedName(best, runner_up, name is not None)
