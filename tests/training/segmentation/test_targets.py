"""Targets of windows."""

import numpy as np

from pysid.segmentation import Powerset
from pysid.training.segmentation.targets import matched, one_hot, resampled, true_classes

POWERSET = Powerset(3, 2)


def test_those_who_speak_most_are_kept():
    active = np.zeros((10, 5), bool)
    active[:6, 4] = active[2:7, 1] = active[6:9, 3] = True
    active[9, 0] = True  # the fourth: its frame does not count
    classes, counts = true_classes(active, POWERSET)
    assert classes.tolist() == [1, 1, 4, 4, 4, 4, 6, 3, 3, 0]
    assert counts.tolist() == [True] * 9 + [False]


def test_of_three_at_once_the_two_who_speak_most_count():
    active = np.array([[1, 1, 1], [1, 1, 0], [1, 0, 0], [0, 1, 0]], bool)
    classes, counts = true_classes(active[:, [2, 0, 1]], POWERSET)
    assert classes[0] == 4 and counts.all()


def test_nobody_speaks():
    classes, counts = true_classes(np.zeros((4, 0), bool), POWERSET)
    assert classes.tolist() == [0] * 4 and counts.all()


def test_distributions_are_sure_or_empty():
    target = one_hot(np.array([0, 6, 2]), np.array([True, True, False]), 7)
    assert target.argmax(1).tolist() == [0, 6, 0] and target.sum(1).tolist() == [1, 1, 0]


def test_a_teacher_is_heard_in_the_order_of_the_truth():
    rng = np.random.default_rng(0)
    classes = POWERSET.classes(rng.random((80, 3)) > 0.6)
    truth = one_hot(classes, np.ones(80, bool), 7)
    for order in POWERSET.permutations:
        said = 0.9 * truth[:, order] + 0.1 / 7
        np.testing.assert_allclose(matched(said, truth, POWERSET), 0.9 * truth + 0.1 / 7, atol=1e-7)


def test_interpolation_between_frames():
    said = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    found = resampled(said, np.array([0.1, 0.2, 0.3]), np.array([0.0, 0.1, 0.125, 0.3, 0.9]))
    np.testing.assert_allclose(found[:, 0], [1, 1, 0.75, 1, 1])
    np.testing.assert_allclose(resampled(said[:1], np.array([0.1]), np.array([0.0, 0.5])), said[[0, 0]])
