"""Centring and length normalisation of embeddings, and affine maps between embedding spaces."""

from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from pysid.backend.checks import check_embeddings
from pysid.errors import DataError


class Centring:
    """Subtracts the training mean. Source: Kaldi ivectorbin/ivector-mean.cc, ivector-subtract-global-mean.cc.

    Learned: mean_ (D,).
    """

    mean_: np.ndarray

    def fit(self, X: ArrayLike) -> Self:
        """Takes the mean of the embeddings `X` (N, D), in double precision."""
        self.mean_ = check_embeddings(X).mean(axis=0, dtype=np.float64)
        return self

    def transform(self, X: ArrayLike) -> np.ndarray:
        """(N, D) embeddings less the mean, in double precision."""
        return check_embeddings(X, dim=len(self.mean_)) - self.mean_


def length_normalize(X: ArrayLike, scale_up: bool = True) -> np.ndarray:
    """Embeddings scaled to one common length; a zero vector stays zero.

    Args:
        X: (N, D).
        scale_up: the length is sqrt(D) if true, so that a component is about 1, and 1 if not.
    Returns:
        (N, D), in double precision.
    Source: Kaldi ivectorbin/ivector-normalize-length.cc (--scaleup).

    >>> length_normalize([[3.0, 4.0], [0.0, 0.0]], scale_up=False)
    array([[0.6, 0.8],
           [0. , 0. ]])
    """
    X = check_embeddings(X).astype(np.float64, copy=False)
    length = np.linalg.norm(X, axis=1, keepdims=True)
    target = np.sqrt(X.shape[1]) if scale_up else 1.0
    return X * (target / np.where(length == 0, target, length))


def apply_affine(transform: np.ndarray, X: ArrayLike) -> np.ndarray:
    """Embeddings mapped by a Kaldi transform, with an offset where its last column is one.

    Args:
        transform: (d, D), or (d, D + 1) whose last column is added.
        X: (N, D).
    Returns:
        (N, d), in double precision.
    Raises:
        DataError: the transform takes vectors of another dimension.
    Source: Kaldi bin/transform-vec.cc.
    """
    X = check_embeddings(X).astype(np.float64, copy=False)
    columns = transform.shape[1]
    if columns == X.shape[1]:
        return X @ transform.T
    if columns == X.shape[1] + 1:
        return X @ transform[:, :-1].T + transform[:, -1]
    raise DataError(
        f"the transform has {columns} columns: it takes {columns} dimensions, or {columns - 1} "
        f"with an offset, but X has {X.shape[1]}"
    )
