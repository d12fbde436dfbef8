"""Cosine similarity of embeddings."""

import numpy as np
from numpy.typing import ArrayLike

from pysid.backend.bilinear import BilinearScores
from pysid.backend.checks import check_embeddings
from pysid.backend.normalize import length_normalize


def cosine_scores(enrol: ArrayLike, test: ArrayLike) -> np.ndarray:
    """Cosine of the angle between each enrolment and each test embedding; 0 with a zero vector.

    Args:
        enrol: (E, D); test: (T, D).
    Returns:
        (E, T), in [-1, 1] but for rounding.

    >>> cosine_scores([[2.0, 0.0]], [[1.0, 0.0], [0.0, 3.0], [-1.0, 0.0]])
    array([[ 1.,  0., -1.]])
    """
    return cosine_terms(enrol, test).matrix()


def cosine_terms(enrol: ArrayLike, test: ArrayLike) -> BilinearScores:
    """What `cosine_scores` multiplies out; `.pairs(i, j)` scores a list of trials alone."""
    left = length_normalize(check_embeddings(enrol, "enrol"), scale_up=False)
    right = length_normalize(check_embeddings(test, "test", left.shape[1]), scale_up=False)
    return product_terms(left, right)


def product_terms(left: np.ndarray, right: np.ndarray) -> BilinearScores:
    """Inner products of the rows of (E, D) and (T, D), not yet multiplied out."""
    return BilinearScores(
        left=left,
        right=right,
        row=np.zeros(len(left)),
        column=np.zeros((1, len(right))),
        group=np.zeros(len(left), dtype=np.intp),
    )
