import numpy as np
import pytest

from pysid.diarization.centroid import Centroid, CentroidConfig
from pysid.diarization.steps import ANY_NUMBER, SpeakerCount, Windows


def voices(*sizes: int, spread: float = 0.05) -> tuple[np.ndarray, np.ndarray, Windows]:
    """So many windows of each of several voices, in turn, with directions at right angles."""
    random = np.random.default_rng(0)
    truth = np.concatenate([np.full(n, i) for i, n in enumerate(sizes)])
    x = 5 * np.eye(8)[truth] + spread * random.standard_normal((len(truth), 8))
    start = np.arange(len(truth), dtype=float)
    return x, truth, Windows(start, start + 1, np.zeros(len(truth), int))


def test_voices_are_found() -> None:
    x, truth, windows = voices(20, 15, 30)
    assert Centroid()(x, windows, ANY_NUMBER).labels.tolist() == truth.tolist()


def test_lengths_do_not_matter() -> None:
    x, truth, windows = voices(20, 15)
    scale = np.random.default_rng(1).uniform(0.1, 10, (len(x), 1))
    assert Centroid()(x * scale, windows, ANY_NUMBER).labels.tolist() == truth.tolist()


def test_a_small_cluster_goes_to_the_nearest_large_one() -> None:
    x, truth, windows = voices(60, 60, 3)
    x[truth == 2, 1] += 3.0  # somewhat like the second voice
    labels = Centroid()(x, windows, ANY_NUMBER).labels
    assert set(labels[truth == 2]) == {1} and set(labels[truth < 2]) == {0, 1}
    labels = Centroid(CentroidConfig(min_cluster_size=3))(x, windows, ANY_NUMBER).labels
    assert len(set(labels)) == 3


def test_of_few_windows_a_tenth_is_large() -> None:
    """Twelve windows a cluster would leave none of them."""
    x, truth, windows = voices(6, 4)
    assert Centroid()(x, windows, ANY_NUMBER).labels.tolist() == truth.tolist()


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_the_number_of_speakers_is_kept(n: int) -> None:
    x, _, windows = voices(20, 20, 20, spread=1.0)
    config = CentroidConfig(min_cluster_size=1)
    assert Centroid(config)(x, windows, SpeakerCount.exactly(n)).n_speakers == n
    assert Centroid(config)(x, windows, SpeakerCount(maximum=n)).n_speakers <= n


def test_one_window() -> None:
    x, _, windows = voices(1)
    assert Centroid()(x, windows, ANY_NUMBER).labels.tolist() == [0]


def test_the_threshold_is_a_distance_of_means() -> None:
    """Two unit vectors at an angle a are 2 sin(a / 2) apart."""
    angle = 0.5
    x = np.array([[1.0, 0.0], [np.cos(angle), np.sin(angle)]])
    windows = Windows(np.zeros(2), np.ones(2), np.zeros(2, int))
    for threshold, n in ((2 * np.sin(angle / 2) - 1e-6, 2), (2 * np.sin(angle / 2) + 1e-6, 1)):
        assert Centroid(CentroidConfig(threshold=threshold))(x, windows, ANY_NUMBER).n_speakers == n


def test_settings_out_of_range() -> None:
    with pytest.raises(ValueError, match="threshold must not be negative"):
        CentroidConfig(threshold=-0.1)
    with pytest.raises(ValueError, match="min_cluster_size must be at least 1"):
        CentroidConfig(min_cluster_size=0)
