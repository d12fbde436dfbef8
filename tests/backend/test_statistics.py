import numpy as np
import pytest

from pysid.backend import statistics
from pysid.backend.statistics import speaker_means, speaker_statistics
from pysid.errors import DataError


def test_statistics_are_those_of_each_speaker_in_turn():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 3)) + 5
    y = np.array([f"id{number}" for number in rng.integers(0, 7, size=40)])
    got = speaker_statistics(X, y)
    groups = [X[y == speaker] for speaker in sorted(set(y))]
    np.testing.assert_allclose(got.means, [group.mean(axis=0) for group in groups])
    np.testing.assert_array_equal(got.counts, [len(group) for group in groups])
    np.testing.assert_allclose(got.scatter, sum(len(g) * np.cov(g.T, bias=True) for g in groups))


def test_many_blocks_give_what_one_gives(monkeypatch):
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(50, 4)), rng.integers(0, 5, size=50)
    whole = speaker_statistics(X, y)
    monkeypatch.setattr(statistics, "CACHED_ROWS", 7)
    many = speaker_statistics(X, y)
    np.testing.assert_allclose(many.scatter, whole.scatter)
    np.testing.assert_allclose(many.means, whole.means)


def test_single_precision_is_summed_in_double():
    X = np.full((100_000, 1), 0.1, dtype=np.float32)
    _, means, _ = speaker_means(X, np.zeros(len(X)))
    assert means[0, 0] == pytest.approx(float(np.float32(0.1)), rel=1e-12)


def test_objects_may_be_labels():
    labels = np.array(["b", "a", "b"], dtype=object)
    speakers, means, counts = speaker_means([[1.0], [2.0], [3.0]], labels)
    assert list(speakers) == ["a", "b"]
    assert means.ravel().tolist() == [2.0, 2.0]
    assert counts.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("X", "y", "error", "message"),
    [
        ([1.0, 2.0], ["a", "b"], ValueError, r"must be \(utterances, dimensions\), got shape \(2,\)"),
        (np.zeros((0, 3)), [], DataError, "holds no embeddings"),
        ([[0.0], [np.nan]], ["a", "b"], DataError, "1 of 2 embeddings hold a NaN.*first is row 1"),
        ([[np.inf], [0.0]], ["a", "b"], DataError, "first is row 0"),
        ([[0.0], [1.0]], ["a"], ValueError, "one label for each of the 2 embeddings, got shape"),
        ([[0.0], [1.0]], [["a"], ["b"]], ValueError, "one label for each"),
    ],
)
def test_bad_input(X, y, error, message):
    with pytest.raises(error, match=message):
        speaker_statistics(X, y)
