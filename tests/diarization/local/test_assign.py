"""One to one in each window."""

import numpy as np

from pysid.diarization.local.assign import assign_one_to_one, mean_directions


def test_more_local_speakers_than_clusters() -> None:
    labels = assign_one_to_one(np.array([[0.1], [0.9], [0.5]]), np.array([0, 0, 2]))
    assert labels.tolist() == [-1, 0, 0]


def test_the_best_sum_and_not_the_best_pair() -> None:
    similarity = np.array([[0.9, 0.8, 0.0], [0.85, 0.1, 0.0]])
    assert assign_one_to_one(similarity, np.array([3, 3])).tolist() == [1, 0]


def test_mean_directions() -> None:
    x = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, -1.0], [3.0, 4.0]])
    found = mean_directions(x, np.array([0, 0, -1, 1]), 3)
    np.testing.assert_allclose(found, [[0.5**0.5, 0.5**0.5], [0.6, 0.8], [0.0, 0.0]])
