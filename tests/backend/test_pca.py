"""Principal components and whitening."""

import numpy as np
import pytest

from pysid.backend import Pca
from pysid.errors import PysidWarning


def test_pca_decorrelates_in_order_of_variance():
    X = np.random.default_rng(0).normal(size=(200, 4)) @ np.diag([1.0, 5.0, 2.0, 3.0]) + 4
    pca = Pca(dim=3).fit(X)
    assert pca.transform_.shape == (3, 4)
    covariance = np.cov(pca.transform(X).T, bias=True)
    np.testing.assert_allclose(covariance, np.diag(pca.eigenvalues_[:3]), atol=1e-10)
    assert (np.diff(pca.eigenvalues_) < 0).all()


def test_whitening_gives_unit_covariance_and_mean_zero():
    X = np.random.default_rng(0).normal(size=(200, 4)) @ np.diag([1.0, 5.0, 2.0, 3.0]) + 4
    pca = Pca(normalize_variance=True, normalize_mean=True).fit(X)
    assert pca.transform_.shape == pca.full_transform_.shape == (4, 5)
    white = pca.transform(X)
    np.testing.assert_allclose(np.cov(white.T, bias=True), np.eye(4), atol=1e-10)
    np.testing.assert_allclose(white.mean(axis=0), 0, atol=1e-10)
    assert abs(Pca(normalize_variance=True).fit(X).transform(X).mean(axis=0)).max() > 1


def test_whitening_of_a_constant_direction_warns_and_stays_finite():
    X = np.random.default_rng(0).normal(size=(20, 3)) * [1.0, 1.0, 0.0]
    with pytest.warns(PysidWarning, match="1 of 3 directions hardly vary"):
        pca = Pca(normalize_variance=True).fit(X)
    # As in Kaldi, such a direction is scaled by 1 / sqrt(1e-15).
    assert np.linalg.norm(pca.transform_[2]) == pytest.approx(1e15**0.5)


@pytest.mark.parametrize("dim", [0, 4])
def test_pca_to_an_impossible_dimension(dim):
    with pytest.raises(ValueError, match=f"PCA to {dim} dimensions is not possible, the embeddings have 3"):
        Pca(dim).fit(np.eye(3))
