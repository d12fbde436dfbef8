"""From a raw embedding to the vector that a back-end compares: centring, LDA, length normalisation."""

from collections.abc import Mapping
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from pysid.backend.checks import check_labels
from pysid.backend.estimator import Transformer
from pysid.backend.lda import Lda
from pysid.backend.normalize import Centring, apply_affine, length_normalize
from pysid.errors import DataError


class Projection(Transformer):
    """Centring, then LDA, then length normalisation, each of them optional.

    Args:
        lda_dim: dimensions that LDA keeps; None leaves LDA out.
        total_covariance_factor: see `Lda`.
        centre: subtract the mean of the training embeddings.
        length_norm: scale the result to length sqrt(dimensions).
    Learned: mean_ (D,) or None; transform_ (d, D) or (d, D + 1) or None.
    """

    def __init__(
        self,
        lda_dim: int | None = None,
        *,
        total_covariance_factor: float = 0.0,
        centre: bool = True,
        length_norm: bool = True,
    ) -> None:
        self.lda_dim = lda_dim
        self.total_covariance_factor = total_covariance_factor
        self.centre = centre
        self.length_norm = length_norm

    mean_: np.ndarray | None
    transform_: np.ndarray | None

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Learns from embeddings `X` (N, D) with speaker labels `y` (N,), which only LDA needs.

        Raises:
            ValueError: LDA without labels.
            DataError: `lda_dim` is more than the embeddings' dimensions or the speakers allow.
        """
        X = self._check_training(X)
        self.mean_ = Centring().fit(X).mean_ if self.centre else None
        self.transform_ = None
        if self.lda_dim is not None:
            if y is None:
                raise ValueError("LDA needs speaker labels: give y, or set lda_dim=None")
            n_speakers = len(check_labels(y, len(X))[0])
            largest = min(X.shape[1], n_speakers - 1)
            if self.lda_dim > largest:
                raise DataError(
                    f"lda_dim={self.lda_dim} is too large: {n_speakers} speakers and embeddings of "
                    f"{X.shape[1]} dimensions allow at most {largest}"
                )
            lda = Lda(self.lda_dim, total_covariance_factor=self.total_covariance_factor)
            self.transform_ = lda.fit(self._centred(X), y).transform_
        return self

    def transform(self, X: ArrayLike) -> np.ndarray:
        """(N, d) projections of the embeddings `X` (N, D)."""
        self.check_fitted()
        X = self._centred(self._check_input(X, getattr(self, "n_features_in_", None)))
        if self.transform_ is not None:
            X = apply_affine(self.transform_, X)
        return length_normalize(X) if self.length_norm else X

    def to_arrays(self) -> dict[str, np.ndarray]:
        """The fitted state as named arrays, for safetensors."""
        arrays = {"length_norm": np.array([self.length_norm], dtype=np.uint8)}
        if self.mean_ is not None:
            arrays["mean"] = self.mean_
        if self.transform_ is not None:
            arrays["transform"] = np.ascontiguousarray(self.transform_)
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Self:
        """The inverse of `to_arrays`; other names in `arrays` are ignored."""
        if "length_norm" not in arrays:
            raise DataError(f"a back-end needs the array 'length_norm', got {sorted(arrays)}")
        return cls.from_parts(arrays.get("mean"), arrays.get("transform"), length_norm=bool(arrays["length_norm"][0]))

    @classmethod
    def from_parts(
        cls, mean: ArrayLike | None = None, transform: ArrayLike | None = None, *, length_norm: bool = True
    ) -> Self:
        """A projection of given parts, for instance Kaldi's mean.vec and transform.mat (LDA or est-pca).

        Args:
            mean: (D,) subtracted first; None leaves it out.
            transform: of LDA or PCA; None leaves it out.
            length_norm: scale the result to length sqrt(dimensions).
        Raises:
            DataError: a mean that is not (D,), or a transform that is neither (d, D) nor (d, D + 1).
        """
        lda_dim = None if transform is None else len(np.asarray(transform))
        projection = cls(lda_dim, centre=mean is not None, length_norm=length_norm)
        projection.mean_ = None if mean is None else np.asarray(mean, dtype=np.float64)
        projection.transform_ = None if transform is None else np.asarray(transform, dtype=np.float64)
        projection._check_parts()
        if projection.mean_ is not None:
            projection.n_features_in_ = len(projection.mean_)
        return projection

    def _check_parts(self) -> None:
        mean, transform = self.mean_, self.transform_
        if mean is not None and mean.ndim != 1:
            raise DataError(f"the mean of a back-end must be a vector, got shape {mean.shape}")
        if transform is None:
            return
        if transform.ndim != 2:
            raise DataError(f"the transform of a back-end must be a matrix, got shape {transform.shape}")
        if mean is not None and transform.shape[1] not in (len(mean), len(mean) + 1):
            raise DataError(
                f"the transform of a back-end must have {len(mean)} or {len(mean) + 1} columns, as its mean "
                f"has {len(mean)} dimensions, got {transform.shape[1]}"
            )

    def _centred(self, X: np.ndarray) -> np.ndarray:
        return X if self.mean_ is None else X - self.mean_
