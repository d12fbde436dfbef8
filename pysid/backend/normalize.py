"""Centring and length normalisation of embeddings, and affine maps between embedding spaces."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from pysid.backend.checks import check_embeddings
from pysid.backend.estimator import Transformer
from pysid.errors import DataError


class Centring(Transformer):
    """Subtracts the training mean. Source: Kaldi ivectorbin/ivector-mean.cc, ivector-subtract-global-mean.cc.

    Learned: mean_ (D,).
    """

    mean_: np.ndarray

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Takes the mean of the embeddings `X` (N, D), in double precision; `y` is not used."""
        self.mean_ = self._check_training(X).mean(axis=0, dtype=np.float64)
        return self

    def transform(self, X: ArrayLike) -> np.ndarray:
        """(N, D) embeddings minus the mean, in double precision."""
        self.check_fitted()
        return self._check_input(X, len(self.mean_)) - self.mean_


class LengthNormalization(Transformer):
    """`length_normalize` as a step of a pipeline; there is nothing to learn.

    Args:
        scale_up: see `length_normalize`.

    >>> from sklearn.pipeline import make_pipeline
    >>> make_pipeline(Centring(), LengthNormalization(scale_up=False)).fit_transform([[0.0, 0.0], [6.0, 8.0]])
    array([[-0.6, -0.8],
           [ 0.6,  0.8]])
    """

    def __init__(self, scale_up: bool = True) -> None:
        self.scale_up = scale_up

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Checks the embeddings `X` (N, D)."""
        self._check_training(X)
        return self

    def transform(self, X: ArrayLike) -> np.ndarray:
        """(N, D) embeddings of one common length."""
        return length_normalize(self._check_input(X, getattr(self, "n_features_in_", None)), self.scale_up)

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        return tags


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
