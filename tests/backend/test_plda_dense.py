"""Scores of all pairs of segments of a recording."""

import numpy as np
import pytest

from pysid.backend import plda_dense


def test_dense_scores_follow_the_order_of_segments_and_skip_pca_where_nothing_varies(plda):
    X = np.random.default_rng(0).normal(size=(8, 3)) * 2
    scores = plda_dense.dense_plda_scores(plda, X, 0.3)
    np.testing.assert_allclose(scores, scores.T, atol=1e-9)
    order = np.arange(8)[::-1]
    np.testing.assert_allclose(
        plda_dense.dense_plda_scores(plda, X[order], 0.3), scores[np.ix_(order, order)], atol=1e-8
    )
    for few in (X[:1], X[:2], np.repeat(X[:1], 4, axis=0)):
        u = plda.transform(few)
        np.testing.assert_allclose(plda_dense.dense_plda_scores(plda, few, 0.1), plda.score(u, u))


@pytest.mark.parametrize(
    ("variances", "target_energy", "dim"),
    [
        ([6.0, 3.0, 1.0], 0.0, 2),
        ([6.0, 3.0, 1.0], 0.59, 2),
        ([6.0, 3.0, 1.0], 0.61, 3),
        ([6.0, 3.0, 1.0], 0.99, 3),  # Kaldi's own count would be four, of three
        ([6.0, 3.0, 0.0], 0.7, 2),  # no third direction to add
    ],
)
def test_one_axis_more_than_the_energy_needs(variances, target_energy, dim):
    corners = np.array([[a, b, c] for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)])
    axes = plda_dense.recording_axes(corners * np.sqrt(variances), target_energy)
    assert axes.shape == (dim, 3)
    np.testing.assert_allclose(abs(axes), np.eye(3)[:dim], atol=1e-12)


@pytest.mark.parametrize(("target_energy", "projects"), [(0.998, True), (0.9981, False), (1.0, False)])
def test_a_target_near_one_means_no_projection(target_energy, projects):
    X = np.random.default_rng(0).normal(size=(8, 3))
    assert (plda_dense.recording_axes(X, target_energy) is not None) == projects
