import numpy as np
import pytest

from pysid.backend import Centring, apply_affine, length_normalize
from pysid.errors import DataError


def test_centred_data_has_mean_zero():
    X = np.random.default_rng(0).normal(size=(20, 3)) + 7
    centring = Centring().fit(X)
    np.testing.assert_allclose(centring.transform(X).mean(axis=0), 0, atol=1e-12)
    with pytest.raises(DataError, match="has 2 dimensions, expected 3"):
        centring.transform(X[:, :2])


@pytest.mark.parametrize(("scale_up", "length"), [(True, np.sqrt(5)), (False, 1.0)])
def test_every_length_becomes_the_same_but_zero_stays(scale_up, length):
    X = np.random.default_rng(0).normal(size=(4, 5)) * [[1e-20], [1.0], [1e20], [0.0]]
    lengths = np.linalg.norm(length_normalize(X, scale_up), axis=1)
    np.testing.assert_allclose(lengths, [length, length, length, 0.0])


def test_affine_map_with_and_without_offset():
    X = np.array([[1.0, 2.0], [3.0, 4.0]])
    matrix = np.array([[1.0, 0.0, 10.0]])
    assert apply_affine(matrix[:, :2], X).tolist() == [[1.0], [3.0]]
    assert apply_affine(matrix, X).tolist() == [[11.0], [13.0]]
    with pytest.raises(DataError, match="takes 3 dimensions, or 2 with an offset, but X has 1"):
        apply_affine(matrix, X[:, :1])
