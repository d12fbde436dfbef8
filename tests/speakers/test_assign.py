"""Names for several voices at once, with a stand-in for the database whose scores are known."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pysid.speakers.assign import _assigned, assign_names
from pysid.speakers.decision import OperatingPoint
from pysid.speakers.identify import Candidate, Identification

EVEN = OperatingPoint()
NAMES = ("anna", "ben", "carla")


class Known:
    """Three people; a voice is its log-likelihood ratios to each."""

    def __init__(self, point=EVEN, calibrated=True):
        self.speaker_point = replace(point, p_target=point.p_target / len(NAMES))
        self.calibrated = calibrated

    def identify_embedding(self, llrs, n_best):
        odds = np.exp(llrs) * self.speaker_point.p_target
        shares = odds / (odds.sum() + 1 - len(NAMES) * self.speaker_point.p_target)
        order = np.argsort(-llrs)[:n_best]
        found = [
            Candidate(NAMES[i], llrs[i], llrs[i] if self.calibrated else None, shares[i] if self.calibrated else None)
            for i in order
        ]
        return Identification(found, True)


def names(llrs, known=None):
    return [x.name for x in assign_names(known or Known(), list(np.array(llrs, dtype=float)))]


def test_one_person_is_never_given_to_two():
    assert names([[9, -5, -5], [8, -5, -5]]) == ["anna", None]
    assert names([[8, 7, -5], [9, -5, -5]]) == ["ben", "anna"], "the best of all ways, not the first come"
    assert names([[-5, -5, -5]]) == [None]
    assert names([]) == []


def test_the_point_of_decision_is_that_of_one_of_all_who_are_enrolled():
    """At even odds that one of three is there, each is at a sixth: an LLR of log 5."""
    limit = np.log(5)
    assert names([[limit + 1e-6, -9, -9], [-9, limit - 1e-6, -9]]) == ["anna", None]
    assert names([[3, -9, -9]], Known(OperatingPoint(p_target=0.01))) == [None]
    assert names([[1, 0, -9], [2, -9, -9]], Known(OperatingPoint(threshold=0.0), calibrated=False)) == ["ben", "anna"]


def test_probabilities_leave_out_who_is_somebody_else():
    first, second = assign_names(Known(), [np.array([9.0, 2.0, -1.0]), np.array([8.0, 0.0, -1.0])])
    assert (first.name, first.runner_up.name) == ("anna", "ben")
    assert second.name is None and second.best.name == "ben" and second.runner_up.name == "carla"
    # Anna being taken, ben has 1, carla 1/e, and nobody (6/6 - 3/6) / (1/6) = 3 shares.
    assert second.best.probability == pytest.approx(1 / (1 + np.exp(-1) + 3))
    everybody = assign_names(Known(), [np.array(x, dtype=float) for x in ([9, 0, 0], [0, 9, 0], [0, 0, 9], [9, 9, 9])])
    assert [x.name for x in everybody] == [*NAMES, None]
    assert everybody[3].best is None and everybody[3].runner_up is None


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.floats(-9, 9), min_size=3, max_size=3), min_size=1, max_size=4))
def test_no_other_way_is_better(rows):
    gains = np.array(rows)
    chosen = _assigned(gains)
    given = [x for x in chosen if x is not None]
    assert len(set(given)) == len(given)
    total = sum(gains[i, j] for i, j in enumerate(chosen) if j is not None)
    columns = [*range(3), *[None] * len(gains)]
    ways = permutations(columns, len(gains))
    best = max(sum(gains[i, j] for i, j in enumerate(way) if j is not None) for way in ways)
    assert total == pytest.approx(best)
