"""Gaussians of each frame, and their weights."""

import numpy as np
import pytest

from pysid.ivector import Chosen, Posteriors
from pysid.ivector.ragged import by_gaussian, joined


def test_scaled_posteriors():
    posteriors = Posteriors(np.array([2, 1]), np.array([0, 3, 1]), np.array([0.25, 0.75, 1], np.float32))
    assert posteriors.scaled(0.5).weights.tolist() == [0.125, 0.375, 0.5]
    assert (posteriors.total, posteriors.scaled(0).counts.tolist()) == (2.0, [0, 0])
    with pytest.raises(ValueError, match="expected 2 Gaussians"):
        Chosen(np.array([2]), np.array([1]))
    assert by_gaussian(np.array([], np.int64)) == []


CHOSEN = Chosen(np.array([2, 0, 3]), np.array([5, 1, 4, 4, 0]))


def test_rows_of_a_table():
    assert (len(CHOSEN), CHOSEN.frames.tolist(), CHOSEN.places.tolist()) == (3, [0, 0, 2, 2, 2], [0, 1, 0, 1, 2])
    table = CHOSEN.table(np.arange(5, dtype=np.float32), -1)
    assert table.tolist() == [[0, 1, -1], [-1, -1, -1], [2, 3, 4]]
    nothing = Chosen(np.zeros(0, int), np.zeros(0, int))
    assert nothing.table(np.zeros(0, np.float32), 0).shape == (0, 0)


def test_entries_are_checked():
    with pytest.raises(ValueError, match=r"expected Gaussians in \[0, 5\), got 5"):
        CHOSEN.check(5)
    with pytest.raises(ValueError, match="expected a Gaussian for each frame, got none for frame 1"):
        CHOSEN.check(6)


def test_joined_and_by_gaussian():
    both = joined([CHOSEN, CHOSEN])
    assert (both.counts.tolist(), len(both.gaussians)) == ([2, 0, 3, 2, 0, 3], 10)
    groups = {g: entries.tolist() for g, entries in by_gaussian(CHOSEN.gaussians)}
    assert groups == {0: [4], 1: [1], 4: [2, 3], 5: [0]}
