"""A group of voices whose strangers a back-end takes for one person too often, such as women's where it heard few."""

from collections.abc import Mapping
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from pysid.backend.bilinear import BilinearScores
from pysid.backend.checks import check_labels
from pysid.backend.cosine import product_terms
from pysid.backend.estimator import Estimator
from pysid.backend.normalize import length_normalize
from pysid.errors import DataError

INVERSE_PENALTY = 30.0  # against a speaker that is taken for one of the other kind


class VoiceGroup(Estimator):
    """How much an embedding belongs to a group of voices, and what the score of two of them loses.

    The membership g of an embedding, in (0, 1), is a logistic function of the direction of its projection. A score
    falls by `discount` times g of the enrolment times g of the test: side information of the calibration (Ferrer et
    al. 2022 have such, of durations and of what embeddings tell) that stays a product of both sides, as scores are.

    Args:
        discount: what the score of two voices of the group loses, before it is calibrated; 0 or more.
    Learned: direction_ (d,), bias_.
    """

    requires_labels = True

    def __init__(self, discount: float = 0.0) -> None:
        self.discount = discount

    direction_: np.ndarray
    bias_: float

    def fit(self, X: ArrayLike, y: ArrayLike, speakers: ArrayLike | None = None) -> Self:
        """Learns to tell the group by logistic regression, in which each speaker and both kinds of voices count alike.

        Args:
            X: (N, d) projected embeddings.
            y: (N,) bool: it is of the group.
            speakers: (N,) who speaks; None takes each embedding for a speaker's only one.
        Raises:
            ValueError: `discount` out of its range.
            DataError: no embedding of the group, or none else.
        """
        from sklearn.linear_model import LogisticRegression

        _check_discount(self.discount)
        X = length_normalize(self._check_training(X), scale_up=False)
        y = np.asarray(y, dtype=bool)
        _, speaker = check_labels(np.arange(len(X)) if speakers is None else speakers, len(X))
        if y.all() or not y.any():
            raise DataError(f"a group of voices needs some and others, got {int(y.sum())} of {len(y)} embeddings in it")
        weight = 1 / np.bincount(speaker)[speaker]
        n_speakers = weight.sum()
        for kind in (y, ~y):
            weight[kind] *= n_speakers / 2 / weight[kind].sum()
        model = LogisticRegression(C=INVERSE_PENALTY, max_iter=2000).fit(X, y, sample_weight=weight)
        self.direction_, self.bias_ = model.coef_[0], float(model.intercept_[0])
        return self

    def membership(self, projected: ArrayLike) -> np.ndarray:
        """(N,) of projected embeddings (N, d), in [0, 1]."""
        X = self._check_input(projected, len(self.direction_))
        logit = length_normalize(X, scale_up=False) @ self.direction_ + self.bias_
        return np.exp(-np.logaddexp(0.0, -logit))

    def terms(self, enrol: ArrayLike, test: ArrayLike) -> BilinearScores:
        """Products of the memberships of projected embeddings (E, d) and (T, d), not yet multiplied out."""
        return product_terms(self.membership(enrol)[:, None], self.membership(test)[:, None])

    def to_arrays(self) -> dict[str, np.ndarray]:
        """The fitted state as named arrays, for safetensors."""
        self.check_fitted()
        return {"group.direction": self.direction_, "group.bias_discount": np.array([self.bias_, self.discount])}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray], dim: int) -> Self:
        """The inverse of `to_arrays`; other names in `arrays` are ignored.

        Args:
            dim: d of the projected embeddings.
        Raises:
            DataError: an array is missing, of a wrong shape, or not finite.
        """
        found = []
        for name, n in (("direction", dim), ("bias_discount", 2)):
            x = np.asarray(arrays.get(f"group.{name}", ()), dtype=np.float64)
            if x.shape != (n,) or not np.isfinite(x).all():
                raise DataError(f"group.{name} must be {n} finite numbers, got an array of shape {x.shape}")
            found.append(x)
        direction, (bias, discount) = found
        if discount < 0:
            raise DataError(f"the discount of a group must not be negative, got {discount}")
        group = cls(float(discount))
        group.direction_, group.bias_ = direction, float(bias)
        return group


def _check_discount(discount: float) -> None:
    if not 0 <= discount < np.inf:
        raise ValueError(f"discount must be finite and not negative, got {discount}")
