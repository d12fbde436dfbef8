"""What a back-end is given, checked with messages that help."""

import re

import numpy as np
import pytest
import scipy.sparse

from pysid.backend.checks import check_embeddings, check_labels
from pysid.errors import DataError


def test_float32_is_not_copied_and_all_else_is_double():
    x = np.ones((2, 3), np.float32)
    assert check_embeddings(x) is x
    for other in ([[1, 2]], np.ones((1, 2), np.float16), np.ones((1, 2), np.int8), [["1", "2"]]):
        assert check_embeddings(other).dtype == np.float64


@pytest.mark.parametrize(
    ("x", "kind", "message"),
    [
        (np.ones(3), ValueError, "X must be (utterances, dimensions), got shape (3,). Reshape your data to (1, 3)"),
        (np.ones((1, 2, 3)), ValueError, "X must be (utterances, dimensions), got shape (1, 2, 3)"),
        (np.ones((2, 0)), DataError, "X: 0 feature(s) (shape=(2, 0)) while a minimum of 1 is required."),
        (np.ones((0, 2)), DataError, "X holds no embeddings, its shape is (0, 2)"),
        (np.ones((2, 3)), DataError, "X has 3 dimensions, expected 2"),
        (
            np.array([[0, 1], [0, np.inf], [np.nan, 0]]),
            DataError,
            "X: 2 of 3 embeddings hold a NaN or an",
        ),
        (np.ones((1, 2), complex), ValueError, "X holds complex numbers"),
        (scipy.sparse.eye(2).tocsr(), TypeError, "X is sparse"),
    ],
)
def test_wrong_embeddings(x, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        check_embeddings(x, dim=2)


def test_labels_are_numbered_in_sorted_order():
    names, codes = check_labels(["b", "a", "b"], 3)
    assert names.tolist() == ["a", "b"] and codes.tolist() == [1, 0, 1]


@pytest.mark.parametrize("y", [None, ["a"], [["a", "b"]], "ab"])
def test_wrong_labels(y):
    with pytest.raises(ValueError, match="label"):
        check_labels(y, 2)
