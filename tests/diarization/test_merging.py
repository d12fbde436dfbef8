import numpy as np
import pytest

from pysid.diarization.merging import merge_tree
from pysid.errors import DataError


def scores_of_speakers(n, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(5, 8))[rng.integers(0, 5, n)] + rng.normal(size=(n, 8))
    return (x @ x.T).astype(np.float32)


def test_tree_is_that_of_double_precision():
    """Against means taken anew from all points, on costs whose sums are exact."""
    costs = np.random.default_rng(0).integers(-2000, 2000, size=(60, 60)).astype(float)
    costs = np.triu(costs, 1) + np.triu(costs, 1).T
    tree = merge_tree(costs)
    clusters = {i: [i] for i in range(60)}
    for new, (pair, height) in enumerate(zip(tree.merges.tolist(), tree.heights, strict=True), 60):
        means = {(a, b): costs[np.ix_(clusters[a], clusters[b])].mean() for a in clusters for b in clusters if a < b}
        assert tuple(pair) == min(means, key=lambda key: (means[key], key))
        assert height == np.float32(means[tuple(pair)])
        clusters[new] = clusters.pop(pair[0]) + clusters.pop(pair[1])


@pytest.mark.parametrize("n", [1, 2, 40, 600])
def test_a_cut_is_what_ending_there_gives(n):
    costs = -scores_of_speakers(n, seed=1)
    tree = merge_tree(costs)
    assert len(tree.merges) == n - 1
    for n_clusters in {1, min(7, n), n}:
        stopped = merge_tree(costs, n_clusters=n_clusters)
        np.testing.assert_array_equal(tree.cut(n_clusters), stopped.cut(n_clusters))
        assert stopped.fewest == n_clusters
    for threshold in (-1e9, -5.0, 0.0, 1e9):
        stopped = merge_tree(costs, threshold=threshold)
        assert stopped.fewest == tree.n_clusters(threshold)
        np.testing.assert_array_equal(stopped.cut(stopped.fewest), tree.cut(stopped.fewest))


def test_a_threshold_counts_to_the_first_merge_above_it():
    """Heights may fall, as sums and means are rounded; a merge that is cheap again comes too late."""
    costs = (1 / 3 + np.random.default_rng(4).integers(0, 3, size=(12, 12)) * 2.0**-24).astype(np.float32)
    tree = merge_tree(costs)
    assert (np.diff(tree.heights) < 0).any()
    for threshold in tree.heights.tolist():
        stopped = merge_tree(costs, threshold=threshold)
        assert stopped.fewest == tree.n_clusters(threshold)
        np.testing.assert_array_equal(stopped.merges, tree.merges[: len(stopped.merges)])


def test_only_what_lies_above_the_diagonal_counts():
    rng = np.random.default_rng(2)
    costs = rng.normal(size=(530, 530))  # more than a block
    symmetric = np.triu(costs, 1) + np.triu(costs, 1).T
    np.testing.assert_array_equal(merge_tree(costs).merges, merge_tree(symmetric).merges)


def test_points_of_a_cluster_come_in_the_order_of_its_merges():
    costs = np.array([[0, 9, 9, 1], [0, 0, 2, 8], [0, 0, 0, 8], [0, 0, 0, 0]], dtype=float)
    assert merge_tree(costs).members(2) == [[0, 3], [1, 2]]
    assert merge_tree(costs).members(3) == [[1], [2], [0, 3]]


def test_no_cluster_grows_beyond_its_limit():
    costs = -scores_of_speakers(100, seed=3)
    tree = merge_tree(costs, max_size=30)
    sizes = np.bincount(tree.cut(tree.fewest))
    assert sizes.max() <= 30
    assert np.sort(sizes)[:2].sum() > 30  # no two can be joined
    assert tree.fewest >= 4


def test_costs_are_overwritten_on_request_only():
    costs = -scores_of_speakers(50, seed=4)
    before = costs.copy()
    kept = merge_tree(costs)
    np.testing.assert_array_equal(costs, before)
    overwritten = merge_tree(costs, overwrite=True)
    assert (costs != before).any()
    np.testing.assert_array_equal(kept.merges, overwritten.merges)
    before.setflags(write=False)
    np.testing.assert_array_equal(kept.merges, merge_tree(before, overwrite=True).merges)


@pytest.mark.parametrize(
    ("costs", "message"),
    [
        (np.zeros((2, 3)), r"costs must be \(points, points\), got shape \(2, 3\)"),
        (np.zeros(4), r"costs must be \(points, points\), got shape \(4,\)"),
        (np.zeros((0, 0)), "expected costs of at least one point, got none"),
        (np.full((2, 2), np.nan), "expected finite costs"),
        (np.array([[0.0, 1.0], [np.inf, 0.0]]), "expected finite costs"),
    ],
)
def test_costs_that_are_none_are_refused(costs, message):
    with pytest.raises(ValueError, match=message) as caught:
        merge_tree(costs)
    assert isinstance(caught.value, DataError) == message.startswith("expected")


@pytest.mark.parametrize("n_clusters", [0, 2, 6])
def test_cuts_that_never_were_are_refused(n_clusters):
    tree = merge_tree(np.arange(25.0).reshape(5, 5), n_clusters=3)
    with pytest.raises(ValueError, match=rf"n_clusters must lie in \[3, 5\], got {n_clusters}"):
        tree.cut(n_clusters)
