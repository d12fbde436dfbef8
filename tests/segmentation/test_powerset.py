import itertools

import numpy as np
import pytest

from pysid.segmentation import FrameGrid, Powerset

POWERSETS = [Powerset(1, 1), Powerset(2, 2), Powerset(3, 2), Powerset(4, 2), Powerset(3, 3)]


@pytest.mark.parametrize("powerset", POWERSETS, ids=str)
def test_classes_and_speakers_are_inverse(powerset):
    classes = np.arange(len(powerset))
    assert (powerset.classes(powerset.active(classes)) == classes).all()
    assert len(set(map(tuple, powerset.active(classes).tolist()))) == len(powerset)


@pytest.mark.parametrize("powerset", POWERSETS, ids=str)
def test_permutations_move_speakers(powerset):
    rng = np.random.default_rng(0)
    posteriors = rng.dirichlet(np.ones(len(powerset)), size=5)
    orders = list(itertools.permutations(range(powerset.n_speakers)))
    assert len(orders) == len(powerset.permutations)
    for order, classes in zip(orders, powerset.permutations, strict=True):
        moved = posteriors[:, classes] @ powerset.matrix
        np.testing.assert_allclose(moved, (posteriors @ powerset.matrix)[:, list(order)], rtol=1e-6)
    assert (powerset.permutations[0] == np.arange(len(powerset))).all()


def test_of_too_many_at_once_the_first_count():
    powerset = Powerset(3, 2)
    assert powerset.active(powerset.classes(np.ones((1, 3), bool))).tolist() == [[True, True, False]]


def test_refuses_what_cannot_be():
    with pytest.raises(ValueError, match="expected 1 <= max_together <= n_speakers, got 3 and 2 speakers"):
        Powerset(2, 3)
    with pytest.raises(ValueError, match="expected at most 8 speakers, got 1000000000"):
        Powerset(10**9)
    with pytest.raises(ValueError, match="expected 3 speakers, got 2"):
        Powerset().classes(np.zeros((4, 2), bool))
    for grid in ({"step_s": 0.0}, {"step_s": 11.0}, {"first_s": 10.0}, {"window_s": float("inf")}):
        with pytest.raises(ValueError, match="expected 0 < step_s <= window_s and 0 <= first_s < window_s, got"):
            FrameGrid(**grid)
