"""From a raw embedding to the vector that is compared."""

import numpy as np
import pytest

from pysid.backend import (
    Pca,
    Projection,
)
from pysid.errors import DataError


def test_whitening_may_take_the_place_of_lda(drawn):
    X, _ = drawn
    pca = Pca(4, normalize_variance=True).fit(X)
    projection = Projection.from_parts(pca.mean_, pca.transform_, length_norm=False)
    np.testing.assert_allclose(np.cov(projection.transform(X).T, bias=True), np.eye(4), atol=1e-5)


def test_steps_and_what_is_left_out(drawn):
    X, y = drawn
    plain = Projection(centre=False, length_norm=False).fit(X)
    np.testing.assert_array_equal(plain.transform(X), X)
    centred = Projection(length_norm=False).fit(X).transform(X)
    np.testing.assert_allclose(centred, X - X.mean(axis=0, dtype=float), atol=1e-9)
    projected = Projection(2).fit(X, y).transform(X)
    assert projected.shape == (len(X), 2)
    np.testing.assert_allclose(np.linalg.norm(projected, axis=1), np.sqrt(2))


@pytest.mark.parametrize(
    "projection", [Projection(3), Projection(centre=False, length_norm=False), Projection(2, length_norm=False)]
)
def test_stored_it_projects_alike(projection, drawn):
    X, y = drawn
    projection.fit(X, y)
    restored = Projection.from_arrays({"other": np.ones(1)} | projection.to_arrays())
    np.testing.assert_array_equal(restored.transform(X), projection.transform(X))


def test_what_cannot_be_a_projection(drawn):
    X, y = drawn
    with pytest.raises(ValueError, match="LDA needs speaker labels: give y, or set lda_dim=None"):
        Projection(2).fit(X)
    with pytest.raises(DataError, match=r"lda_dim=2 is too large: 2 speakers .* allow at most 1"):
        Projection(2).fit(X[y < 2], y[y < 2])
    with pytest.raises(DataError, match=r"a back-end needs the array 'length_norm', got \['mean'\]"):
        Projection.from_arrays({"mean": np.zeros(3)})
    with pytest.raises(DataError, match=r"the mean of a back-end must be a vector, got shape \(1, 3\)"):
        Projection.from_parts(np.zeros((1, 3)))
    with pytest.raises(DataError, match="must have 3 or 4 columns, as its mean has 3 dimensions, got 2"):
        Projection.from_parts(np.zeros(3), np.eye(2))
