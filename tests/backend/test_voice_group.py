import numpy as np
import pytest
from safetensors.numpy import load, save

from pysid.backend import PldaBackend, VoiceGroup, backend_from_arrays
from pysid.errors import DataError


@pytest.fixture
def grouped(drawn):
    """Embeddings (N, D) and speakers, of whom those of even number lie to one side."""
    X, y = drawn
    X = X.copy()
    X[:, 0] += np.where(y % 2, -1, 1) * 3 * X.std()
    return X, y


def with_group(X, y, discount=10.0):
    backend = PldaBackend(lda_dim=None).fit(X, y)
    group = VoiceGroup(discount).fit(backend.projection.transform(X), y % 2 == 0, y)
    return backend, group


def test_the_score_of_two_of_the_group_falls(grouped):
    X, y = grouped
    backend, group = with_group(X, y)
    g = group.membership(backend.projection.transform(X))
    assert (g[y % 2 == 0] > 0.5).mean() > 0.95 and (g[y % 2 == 1] < 0.5).mean() > 0.95
    before = backend.score(X[:9], X[9:30], 2)
    backend.group_ = group
    np.testing.assert_allclose(before - backend.score(X[:9], X[9:30], 2), 10 * np.outer(g[:9], g[9:30]), atol=1e-9)
    adapted = backend.adapt(3 * X[:40])
    assert adapted.group_ is group, "projections stay, so the group does"
    assert backend.fit(X, y).group_ is None, "it was one of other projections"


def test_a_group_is_stored_with_the_back_end(grouped):
    X, y = grouped
    backend, group = with_group(X, y)
    assert not any(name.startswith("group") for name in backend.to_arrays()), "files without one stay as they were"
    backend.group_ = group
    arrays = backend.to_arrays()
    restored = backend_from_arrays(load(save(arrays)))
    np.testing.assert_array_equal(restored.score(X[:5], X[5:9]), backend.score(X[:5], X[5:9]))
    for name, broken, message in (
        ("direction", np.zeros(2), "group.direction must be 6 finite numbers, got an array of shape"),
        ("bias_discount", np.array([0.0, np.nan]), "group.bias_discount must be 2 finite numbers"),
        ("bias_discount", np.array([0.0, -1.0]), "the discount of a group must not be negative, got -1.0"),
    ):
        with pytest.raises(DataError, match=message):
            backend_from_arrays(arrays | {f"group.{name}": broken})
    del arrays["group.direction"]
    with pytest.raises(DataError, match=r"group\.direction must be 6 finite numbers"):
        backend_from_arrays(arrays)


def test_each_speaker_and_each_kind_counts_alike(grouped):
    X, y = grouped
    often = np.concatenate([np.arange(len(X)), np.repeat(np.flatnonzero(y == 0), 3)])
    once, again = (VoiceGroup().fit(X[rows], y[rows] % 2 == 0, y[rows]) for rows in (np.arange(len(X)), often))
    np.testing.assert_allclose(once.direction_, again.direction_, rtol=1e-2, atol=1e-2)
    few = y % 2 == 0
    few[y > 4] = False
    kept = few | (y % 2 == 1)
    balanced = VoiceGroup().fit(X[kept], few[kept], y[kept])
    assert (balanced.membership(X[few]) > 0.5).mean() > 0.9


def test_length_tells_nothing(grouped):
    X, y = grouped
    group = VoiceGroup().fit(X, y % 2 == 0, y)
    np.testing.assert_allclose(group.membership(7 * X), group.membership(X), rtol=1e-5)
    middle = 1 / (1 + np.exp(-group.bias_))
    np.testing.assert_allclose(group.membership(np.zeros((1, X.shape[1]))), [middle])


def test_impossible_groups(grouped):
    X, y = grouped
    for members, message in (
        (np.ones(len(X), bool), f"got {len(X)} of {len(X)} embeddings in it"),
        (np.zeros(len(X)), f"got 0 of {len(X)} embeddings in it"),
    ):
        with pytest.raises(DataError, match=message):
            VoiceGroup().fit(X, members, y)
    for discount in (-1.0, np.inf, np.nan):
        with pytest.raises(ValueError, match=f"discount must be finite and not negative, got {discount}"):
            VoiceGroup(discount).fit(X, y % 2 == 0)
