"""Spectral clustering of synthetic speakers."""

import numpy as np
import pytest

from pysid.backend import Plda, PldaBackend
from pysid.config import from_plain, to_plain
from pysid.diarization import graph
from pysid.diarization.affinity import CosineAffinity, PldaAffinity, PldaAffinityConfig
from pysid.diarization.eigengap import NearestNeighbours, NormalisedMaximumEigengap
from pysid.diarization.refinement import WANG_2018, Logistic, Rescale
from pysid.diarization.spectral import Spectral, SpectralConfig
from pysid.diarization.steps import Clustering, SpeakerCount, Windows

DIM = 24


def speakers(sizes, seed=0, noise=0.5):
    """Embeddings (N, DIM) around speakers on the unit sphere, in random order, and (N,) who speaks."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(len(sizes), DIM))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    y = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    X = centres[y] + noise / np.sqrt(DIM) * rng.normal(size=(len(y), DIM))
    return X.astype(np.float32), Clustering.in_order(y).labels


def windows(n):
    start = 0.75 * np.arange(n)
    return Windows(start, start + 1.5, np.zeros(n, dtype=int))


def cluster(X, count=None, affinity=None, **settings):
    clusterer = Spectral(SpectralConfig(**settings), affinity or CosineAffinity())
    return clusterer(X, windows(len(X)), count or SpeakerCount()).labels


def plda_affinity(target_energy=1.0):
    plda = Plda.from_parameters(np.zeros(DIM), 10 * np.eye(DIM), np.full(DIM, 4.0))
    return PldaAffinity(PldaAffinityConfig(target_energy=target_energy), PldaBackend.from_parts(plda))


SETTINGS = {
    "default": {},
    "fixed neighbours": {"pruning": NearestNeighbours(n=10)},
    "unnormalised": {"laplacian": "unnormalised"},
    "PLDA": {"affinity": plda_affinity()},
    "PLDA, all pairs": {"affinity": plda_affinity(), "pruning": None, "refinement": (Logistic(),)},
}


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("n_speakers", range(1, 9))
def test_separate_speakers_are_found_and_counted(n_speakers, settings):
    X, y = speakers([20 + 3 * i for i in range(n_speakers)], seed=n_speakers)
    np.testing.assert_array_equal(cluster(X, **settings), y)


@pytest.mark.parametrize("n_speakers", range(1, 9))
def test_by_lanczos_too(n_speakers, monkeypatch):
    monkeypatch.setattr(graph, "DENSE_MAX", 30)
    X, y = speakers([20 + 3 * i for i in range(n_speakers)], seed=n_speakers)
    np.testing.assert_array_equal(cluster(X), y)


@pytest.mark.parametrize("n_speakers", range(2, 6))
def test_the_published_refinement_with_a_given_number(n_speakers):
    X, y = speakers([15] * n_speakers, noise=0.3)
    order = np.argsort(y, kind="stable")  # as its blur expects, in turns
    labels = cluster(X[order], SpeakerCount.exactly(n_speakers), refinement=WANG_2018, pruning=None)
    assert (labels == y[order]).mean() > 0.9


@pytest.mark.parametrize("n", [8, 9, 12, 20, 50, 200])
@pytest.mark.parametrize("seed", range(3))
def test_one_speaker_is_one(n, seed):
    X, y = speakers([n], seed, noise=1.0)
    np.testing.assert_array_equal(cluster(X), y)


def test_a_speaker_of_few_windows_beside_one_of_many():
    X, y = speakers([8, 150])
    labels = cluster(X)
    assert len(set(labels)) == 2
    assert (labels != y).sum() <= 1  # the one that the few resemble most


def test_more_windows_than_the_search_looks_at():
    X, y = speakers([150, 100, 90])
    np.testing.assert_array_equal(cluster(X, pruning=NormalisedMaximumEigengap(max_windows=60)), y)


def test_a_permutation_of_windows_permutes_labels():
    X, _ = speakers([30, 25, 20], noise=1.2)
    order = np.random.default_rng(5).permutation(len(X))
    labels = cluster(X)
    np.testing.assert_array_equal(cluster(X[order]), Clustering.in_order(labels[order]).labels)


def test_the_same_every_time():
    X, _ = speakers([30, 25, 20], noise=2.5)
    np.testing.assert_array_equal(cluster(X, SpeakerCount.exactly(5)), cluster(X, SpeakerCount.exactly(5)))


@pytest.mark.parametrize("given", range(1, 10))
@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_a_given_number_is_obeyed(given, settings):
    X, y = speakers([20, 20, 20, 20])
    labels = cluster(X, SpeakerCount.exactly(given), **settings)
    assert len(set(labels)) == given
    if given == 4:
        np.testing.assert_array_equal(labels, y)


@pytest.mark.parametrize(("minimum", "maximum"), [(1, 2), (1, 3), (5, 6), (5, None), (7, 30)])
def test_bounds_are_obeyed(minimum, maximum):
    X, _ = speakers([20, 20, 20, 20])
    assert minimum <= len(set(cluster(X, SpeakerCount(minimum, maximum)))) <= (maximum or 20)


@pytest.mark.parametrize(("minimum", "maximum"), [(1, 4), (2, 30), (4, None)])
def test_bounds_around_the_number_change_nothing(minimum, maximum):
    X, y = speakers([20, 20, 20, 20])
    np.testing.assert_array_equal(cluster(X, SpeakerCount(minimum, maximum)), y)


def test_no_more_speakers_than_the_settings_allow():
    X, y = speakers([20] * 5)
    assert len(set(cluster(X, max_speakers=3))) <= 3
    np.testing.assert_array_equal(cluster(X, SpeakerCount.exactly(5), max_speakers=3), y)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_hardly_any_windows(n):
    X, _ = speakers([n])
    np.testing.assert_array_equal(cluster(X), np.zeros(n))
    np.testing.assert_array_equal(cluster(X, SpeakerCount.exactly(n)), np.arange(n))
    np.testing.assert_array_equal(cluster(X, SpeakerCount.exactly(n + 1)), np.arange(n))


@pytest.mark.parametrize("n", [2, 5, 40, 450])
def test_windows_that_are_all_alike_have_one_speaker(n):
    X, _ = speakers([1])
    np.testing.assert_array_equal(cluster(np.repeat(X, n, axis=0)), np.zeros(n))
    np.testing.assert_array_equal(cluster(np.zeros((n, DIM), dtype=np.float32)), np.zeros(n))


def test_speakers_whose_windows_are_all_alike():
    X, _ = speakers([1, 1, 1])
    np.testing.assert_array_equal(cluster(np.repeat(X, 20, axis=0)), np.repeat([0, 1, 2], 20))


def test_more_neighbours_where_parts_of_the_graph_would_outnumber_speakers():
    X, y = speakers([12, 12, 12], noise=0.1)
    fixed = NearestNeighbours(n=1)  # pairs that nothing connects
    np.testing.assert_array_equal(cluster(X, SpeakerCount.exactly(3), pruning=fixed), y)
    assert len(set(cluster(X, SpeakerCount.exactly(2), pruning=fixed))) == 2


def test_pruning_needs_no_scale():
    X, y = speakers([20, 25, 30])
    cosine = CosineAffinity()
    np.testing.assert_array_equal(cluster(X, affinity=lambda x: 500 * cosine(x) - 2000), y)


def test_refinement_comes_before_the_graph():
    X, y = speakers([20, 25, 30])
    np.testing.assert_array_equal(cluster(X, affinity=lambda x: -CosineAffinity()(x), refinement=(_Negate(),)), y)


class _Negate:
    def __call__(self, affinity):
        return np.negative(affinity, out=affinity)


def test_scores_as_they_are_make_no_weights():
    X, _ = speakers([20, 20])
    with pytest.raises(ValueError, match=r"weights of at least 0, the lowest is -.*rescale or logistic"):
        cluster(X, pruning=None)
    cluster(X, pruning=None, refinement=(Rescale(),))


def test_settings_survive_plain_values():
    config = SpectralConfig(refinement=(Rescale(), Logistic(shift=1.0)), pruning=NearestNeighbours(n=7), max_speakers=9)
    assert from_plain(SpectralConfig, to_plain(config), "a.yaml") == config
    assert from_plain(SpectralConfig, to_plain(SpectralConfig()), "a.yaml") == SpectralConfig()
    assert from_plain(SpectralConfig, {"pruning": None}, "a.yaml").pruning is None


def test_wrong_settings():
    with pytest.raises(ValueError, match="max_speakers must be at least 1, got 0"):
        SpectralConfig(max_speakers=0)
