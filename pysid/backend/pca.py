"""Principal components and whitening of embeddings."""

import warnings
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from pysid.backend.estimator import Transformer
from pysid.backend.normalize import apply_affine
from pysid.backend.statistics import row_blocks
from pysid.errors import PysidWarning

MIN_VARIANCE = 1e-15  # of a whitened direction, as in Kaldi


class Pca(Transformer):
    """Principal components, on request whitened and centred. Source: Kaldi bin/est-pca.cc.

    Args:
        dim: leading components kept; None keeps all.
        normalize_variance: scale each component to variance one (whitening).
        normalize_mean: also subtract the mean, by a last column of `transform_`.
    Learned:
        mean_ (D,); eigenvalues_ (D,) variances, descending; full_transform_ (D, D) or (D, D + 1);
        transform_, its first `dim` rows.
    """

    def __init__(
        self, dim: int | None = None, *, normalize_variance: bool = False, normalize_mean: bool = False
    ) -> None:
        self.dim = dim
        self.normalize_variance = normalize_variance
        self.normalize_mean = normalize_mean

    mean_: np.ndarray
    eigenvalues_: np.ndarray
    full_transform_: np.ndarray
    transform_: np.ndarray

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Learns from the embeddings `X` (N, D); `y` is not used.

        Raises:
            ValueError: `dim` lies outside [1, D].
        """
        X = self._check_training(X)
        full_dim = X.shape[1]
        dim = full_dim if self.dim is None else self.dim
        if not 1 <= dim <= full_dim:
            raise ValueError(f"PCA to {dim} dimensions is not possible, the embeddings have {full_dim}")
        self.mean_, covariance = mean_and_covariance(X)
        variances, components = np.linalg.eigh(covariance)
        self.eigenvalues_, rows = variances[::-1], components[:, ::-1].T
        if self.normalize_variance:
            rows = rows / np.sqrt(_floored(self.eigenvalues_))[:, None]
        if self.normalize_mean:
            rows = np.column_stack([rows, -rows @ self.mean_])
        self.full_transform_ = rows
        self.transform_ = rows[:dim]
        return self

    def transform(self, X: ArrayLike) -> np.ndarray:
        """(N, dim) components of the embeddings `X` (N, D)."""
        self.check_fitted()
        return apply_affine(self.transform_, self._check_input(X, self.n_features_in_))


def mean_and_covariance(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(D,) mean and (D, D) covariance, divided by N, of checked embeddings (N, D)."""
    mean = X.mean(axis=0, dtype=np.float64)
    scatter = np.zeros((X.shape[1], X.shape[1]))
    for rows in row_blocks(len(X)):
        offsets = X[rows] - mean
        scatter += offsets.T @ offsets
    return mean, scatter / len(X)


def _floored(variances: np.ndarray) -> np.ndarray:
    tiny = int((variances < MIN_VARIANCE).sum())
    if tiny:
        warnings.warn(
            f"whitening: {tiny} of {len(variances)} directions hardly vary, their variance is taken as "
            f"{MIN_VARIANCE:g}",
            PysidWarning,
            stacklevel=3,
        )
    return np.maximum(variances, MIN_VARIANCE)
