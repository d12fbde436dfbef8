"""Checks of what users hand to the back-end, with helpful messages."""

import numpy as np
from numpy.typing import ArrayLike

from pysid.errors import DataError


def check_embeddings(X: ArrayLike, name: str = "X", dim: int | None = None) -> np.ndarray:
    """The embeddings as a finite (N, D) array; float32 stays float32, so that a big corpus is not copied.

    Args:
        X: (N, D), N >= 1.
        name: what to call the array in a message.
        dim: the D it must have, where the caller knows it.
    Raises:
        ValueError: not two-dimensional, or not real numbers.
        TypeError: a sparse matrix.
        DataError: empty, of another D, or holding a NaN or an infinity.
    """
    if hasattr(X, "toarray"):
        raise TypeError(f"{name} is sparse, expected a dense array: no component of an embedding is nothing")
    X = np.asarray(X)
    if X.dtype.kind == "c":
        raise ValueError(f"{name} holds complex numbers. Complex data not supported.")
    if X.dtype != np.float32:
        X = X.astype(np.float64, copy=False)
    if X.ndim != 2:
        hint = f". Reshape your data to (1, {len(X)}) if it is one embedding" if X.ndim == 1 else ""
        raise ValueError(f"{name} must be (utterances, dimensions), got shape {X.shape}{hint}")
    if X.shape[1] == 0:
        raise DataError(f"{name}: 0 feature(s) (shape={X.shape}) while a minimum of 1 is required.")
    if X.size == 0:
        raise DataError(f"{name} holds no embeddings, its shape is {X.shape}")
    if dim is not None and X.shape[1] != dim:
        raise DataError(f"{name} has {X.shape[1]} dimensions, expected {dim}")
    bad = np.flatnonzero(~np.isfinite(X).all(axis=1))
    if len(bad):
        raise DataError(
            f"{name}: {len(bad)} of {len(X)} embeddings hold a NaN or an infinity, the first is row {bad[0]}"
        )
    return X


def check_labels(y: ArrayLike, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The K distinct labels in sorted order, and the (n,) index of each utterance's label among them.

    Raises:
        ValueError: `y` is not one-dimensional or has another length than n.
    """
    if y is None:
        raise ValueError("this needs speaker labels: it requires y to be passed, but the target y is None")
    y = np.asarray(y)
    if y.ndim != 1 or len(y) != n:
        raise ValueError(f"y must hold one label for each of the {n} embeddings, got shape {y.shape}")
    names, codes = np.unique(y, return_inverse=True)
    return names, codes
