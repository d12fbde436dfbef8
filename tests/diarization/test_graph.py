"""Neighbour graphs and the spectrum of their Laplacian."""

import numpy as np
import pytest
from scipy import sparse

from pysid.diarization import graph
from pysid.diarization.graph import Laplacian, n_parts, nearest_neighbours, undirected

PATH = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], dtype=np.float32)  # a chain of three


def random_graph(sizes, seed=0, n_neighbours=6):
    """Parts of these sizes that nothing connects."""
    rng = np.random.default_rng(seed)
    centres = np.repeat(1000.0 * np.arange(len(sizes)), sizes)
    points = rng.normal(size=(sum(sizes), 4)) + centres[:, None]
    distances = np.linalg.norm(points[:, None] - points, axis=2)
    return undirected(nearest_neighbours(-distances, n_neighbours))


def test_neighbours_are_the_most_alike_others_of_each_row(monkeypatch):
    affinity = np.random.default_rng(0).normal(size=(13, 13))
    monkeypatch.setattr(graph, "BLOCK_ROWS", 5)
    chosen = nearest_neighbours(affinity, 4).toarray()
    np.fill_diagonal(affinity, -np.inf)
    ranks = (-affinity).argsort(axis=1).argsort(axis=1)
    np.testing.assert_array_equal(chosen, (ranks < 4).astype(np.float32))


def test_neighbours_depend_on_the_order_of_affinities_alone():
    affinity = np.random.default_rng(0).normal(size=(9, 9))
    chosen = nearest_neighbours(affinity, 3).toarray()
    np.testing.assert_array_equal(nearest_neighbours(np.exp(3 * affinity) - 50, 3).toarray(), chosen)


def test_parts_are_counted_whichever_way_edges_point():
    assert n_parts(sparse.csr_array(np.array([[0, 1, 0], [0, 0, 0], [0, 0, 0]]))) == 2
    assert n_parts(random_graph([10, 12, 14])) == 3


@pytest.mark.parametrize(("kind", "expected"), [("unnormalised", [0, 1, 3]), ("normalised", [0, 1, 2])])
def test_spectrum_of_a_chain(kind, expected):
    laplacian = Laplacian(PATH.copy(), kind)
    values, vectors = laplacian.smallest(3)
    np.testing.assert_allclose(values, expected, atol=1e-7)
    assert laplacian.largest() == pytest.approx(expected[-1])
    first = np.ones(3) if kind == "unnormalised" else np.sqrt([1, 2, 1])
    np.testing.assert_allclose(abs(vectors[:, 0]), first / np.linalg.norm(first), atol=1e-7)


def test_diagonal_is_ignored():
    values, _ = Laplacian(PATH + 5 * np.eye(3, dtype=np.float32)).smallest(3)
    np.testing.assert_allclose(values, [0, 1, 2], atol=1e-7)


@pytest.mark.parametrize("kind", ["normalised", "unnormalised"])
@pytest.mark.parametrize("sizes", [[90], [30, 40], [20, 20, 20, 20, 20]], ids=str)
@pytest.mark.parametrize("dense", [False, True])
def test_lanczos_finds_what_a_whole_decomposition_finds(kind, sizes, dense, monkeypatch):
    weights = random_graph(sizes)
    if dense:
        weights = weights.toarray()
    expected, _ = Laplacian(weights, kind).smallest(8)
    largest = Laplacian(weights, kind).largest()
    monkeypatch.setattr(graph, "DENSE_MAX", 0)
    laplacian = Laplacian(weights, kind)
    values, vectors = laplacian.smallest(8)
    np.testing.assert_allclose(values, expected, atol=1e-4)
    assert (np.isclose(values, 0, atol=1e-5)).sum() == len(sizes)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(8), atol=1e-4)
    assert laplacian.largest() == pytest.approx(largest, rel=1e-2)
    values_again, vectors_again = Laplacian(weights, kind).smallest(8)
    np.testing.assert_array_equal(values_again, values)
    np.testing.assert_array_equal(vectors_again, vectors)


@pytest.mark.parametrize("dense_max", [0, 100])
def test_eigenvectors_solve_the_equation(dense_max, monkeypatch):
    monkeypatch.setattr(graph, "DENSE_MAX", dense_max)
    weights = random_graph([30, 40])
    degrees = weights.sum(axis=1)
    values, vectors = Laplacian(weights).smallest(5)
    random_walk = vectors / np.sqrt(degrees)[:, None]  # D^-1/2 v solves (D - W) u = lambda D u
    left = degrees[:, None] * random_walk - weights @ random_walk
    np.testing.assert_allclose(left, values * degrees[:, None] * random_walk, atol=1e-3)


def test_more_parts_than_eigenvalues_asked_for(monkeypatch):
    monkeypatch.setattr(graph, "DENSE_MAX", 0)
    values, vectors = Laplacian(random_graph([10, 10, 10])).smallest(2)
    np.testing.assert_array_equal(values, [0, 0])
    assert vectors.shape == (30, 2)


@pytest.mark.parametrize("kind", ["normalised", "unnormalised"])
def test_a_window_that_nothing_joins_is_a_part_of_its_own(kind):
    weights = np.zeros((4, 4), dtype=np.float32)
    weights[:3, :3] = PATH
    values, _ = Laplacian(weights, kind).smallest(3)
    np.testing.assert_allclose(values, [0, 0, 1], atol=1e-7)


def test_errors():
    with pytest.raises(ValueError, match="weights of at least 0, the lowest is -1: prune the affinities, or refine"):
        Laplacian(-PATH)
    with pytest.raises(ValueError, match="the lowest is nan"):
        Laplacian(np.where(PATH > 0, np.nan, PATH))
    for n in (0, 3):
        with pytest.raises(ValueError, match=f"3 windows can have 1 to 2 neighbours, got {n}"):
            nearest_neighbours(PATH, n)
