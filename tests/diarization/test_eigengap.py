"""The number of speakers and of neighbours by eigengaps."""

import numpy as np
import pytest

from pysid.diarization.eigengap import NearestNeighbours, NormalisedMaximumEigengap, largest_gap, tuned_neighbours
from pysid.diarization.graph import Laplacian, nearest_neighbours, undirected


def blobs(sizes, seed=0):
    """(N, N) cosines of directions around as many centres."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(len(sizes), 16))
    X = np.repeat(centres, sizes, axis=0) + 0.5 * rng.normal(size=(sum(sizes), 16))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    return X @ X.T


@pytest.mark.parametrize(
    ("eigenvalues", "bounds", "n"),
    [
        ([0, 0.8, 0.9, 1.0], {}, 1),
        ([0, 0.1, 0.2, 1.0], {}, 3),
        ([0, 0.1, 0.2, 1.0], {"maximum": 2}, 1),
        ([0, 0.8, 0.9, 1.05], {"minimum": 2}, 3),
        ([0, 0.8, 0.9, 1.05], {"minimum": 2, "maximum": 2}, 2),
        ([0, 0.5, 1.0, 1.0], {}, 1),  # of equal gaps the first
        ([0, 0, 0, 0], {"minimum": 2}, 2),
    ],
)
def test_largest_gap(eigenvalues, bounds, n):
    found, gap = largest_gap(np.array(eigenvalues, dtype=float), **bounds)
    assert found == n
    assert gap == pytest.approx(eigenvalues[n] - eigenvalues[n - 1])


def test_tuned_neighbours_have_the_least_ratio_of_all_tried():
    affinity = blobs([15, 20, 25, 30, 35])
    config = NormalisedMaximumEigengap(n_tries=100)
    best = tuned_neighbours(affinity, config, 1, 20)
    ratios = {}
    for p in range(5, len(affinity) // 4 + 1):
        graph = Laplacian(undirected(nearest_neighbours(affinity, p)))
        values = graph.smallest(len(affinity))[0]
        ratios[p] = graph.n_parts, p / (np.diff(values)[:20].max() / values[-1])
    assert best == min(ratios, key=ratios.get)
    assert ratios[best][0] == 1  # and yet smaller numbers leave the blobs apart
    assert ratios[5][0] > 1


def test_a_given_number_of_speakers_has_its_say():
    affinity = blobs([20, 20, 20, 20])
    graph = {p: Laplacian(undirected(nearest_neighbours(affinity, p))) for p in range(1, 21)}
    gaps = {p: np.diff(g.smallest(5)[0])[1] / g.largest() for p, g in graph.items()}
    best = tuned_neighbours(affinity, NormalisedMaximumEigengap(n_tries=100), 2, 2)
    tried = {p: (graph[p].n_parts, p / max(gaps[p], 1e-10)) for p in range(5, 21)}
    assert best == min(tried, key=tried.get)


def test_long_recordings_are_searched_by_every_so_manyth_window():
    affinity = blobs([50, 50])
    few = NormalisedMaximumEigengap(max_windows=25)
    every = NormalisedMaximumEigengap()
    assert tuned_neighbours(affinity, few, 1, 20) == 4 * tuned_neighbours(affinity[::4, ::4], every, 1, 20)
    assert tuned_neighbours(affinity, NormalisedMaximumEigengap(max_windows=25, max_neighbours=7), 1, 20) == 7


@pytest.mark.parametrize("n", [2, 3, 4, 7])
@pytest.mark.parametrize("minimum", [1, 2])
def test_few_windows_have_fewer_neighbours_than_there_are_others(n, minimum):
    assert 1 <= tuned_neighbours(blobs([n]), NormalisedMaximumEigengap(), minimum, 20) < n


def test_wrong_settings():
    with pytest.raises(ValueError, match="min_neighbours must be at least 1, got 0"):
        NormalisedMaximumEigengap(min_neighbours=0)
    with pytest.raises(ValueError, match="max_neighbours must be at least 1, got 0"):
        NormalisedMaximumEigengap(max_neighbours=0)
    with pytest.raises(ValueError, match="max_windows must be at least 2, got 1"):
        NormalisedMaximumEigengap(max_windows=1)
    with pytest.raises(ValueError, match=r"max_share must lie in \(0, 1\], got 0"):
        NormalisedMaximumEigengap(max_share=0)
    with pytest.raises(ValueError, match="n neighbours must be at least 1, got 0"):
        NearestNeighbours(n=0)
    with pytest.raises(ValueError, match=r"share of neighbours must lie in \[0, 1\], got 2"):
        NearestNeighbours(share=2)
