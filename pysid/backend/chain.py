"""Whole back-ends: from raw embeddings to scores, trained, stored and applied as one."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Self, get_args

import numpy as np
from numpy.typing import ArrayLike

from pysid.backend.bilinear import BilinearScores
from pysid.backend.calibration import LogisticCalibration
from pysid.backend.cosine import cosine_terms
from pysid.backend.estimator import Estimator, Transformer
from pysid.backend.plda import LengthNorm, Plda
from pysid.backend.projection import Projection
from pysid.backend.voice_group import VoiceGroup
from pysid.errors import DataError

PLDA_LENGTH_NORMS: tuple[LengthNorm | None, ...] = (None, *get_args(LengthNorm))  # by their number in a file


class Backend(Estimator, ABC):
    """What turns pairs of embeddings into scores; a higher score means "same speaker".

    Attributes:
        projection_: what is done to an embedding first.
        calibration_: maps scores to log-likelihood ratios, or None; stored with the back-end, and applied by
            whoever needs a calibrated answer, never by `score`.
    """

    projection_: Projection
    calibration_: LogisticCalibration | None = None

    @property
    def projection(self) -> Projection:
        """`projection_`, of a fitted back-end."""
        self.check_fitted()
        return self.projection_

    @abstractmethod
    def terms(self, enrol: ArrayLike, test: ArrayLike, n_enrol: ArrayLike = 1) -> BilinearScores:
        """The scores of enrolments (E, D) against tests (T, D), not yet multiplied out.

        Args:
            enrol: (E, D) raw embeddings, means where an enrolment has several.
            test: (T, D) raw embeddings.
            n_enrol: how many embeddings are behind each row of `enrol`: a number, or (E,).
        """

    @abstractmethod
    def to_arrays(self) -> dict[str, np.ndarray]:
        """The fitted state as named arrays, for safetensors."""

    def score(self, enrol: ArrayLike, test: ArrayLike, n_enrol: ArrayLike = 1) -> np.ndarray:
        """The score of each enrolment against each test.

        Args:
            enrol: (E, D) embeddings, each the mean of so many utterances (see `speaker_means`):
            n_enrol: a number, or (E,).
            test: (T, D) embeddings of single utterances.
        Returns:
            (E, T).
        """
        return self.terms(enrol, test, n_enrol).matrix()

    def score_pairs(
        self,
        enrol: ArrayLike,
        test: ArrayLike,
        enrol_index: ArrayLike,
        test_index: ArrayLike,
        n_enrol: ArrayLike = 1,
    ) -> np.ndarray:
        """The (P,) scores of P trials alone: trial p is enrol[enrol_index[p]] against test[test_index[p]].

        Args:
            enrol, test: (E, D) and (T, D) raw embeddings.
            enrol_index, test_index: (P,) rows of these.
            n_enrol: how many embeddings are behind each row of `enrol`.
        """
        return self.terms(enrol, test, n_enrol).pairs(enrol_index, test_index)

    def _common_arrays(self) -> dict[str, np.ndarray]:
        calibration = {} if self.calibration_ is None else self.calibration_.to_arrays()
        return self.projection.to_arrays() | calibration

    def _read_calibration(self, arrays: Mapping[str, np.ndarray]) -> None:
        if "calibration" in arrays:
            self.calibration_ = LogisticCalibration.from_arrays(arrays)


class PldaBackend(Transformer, Backend):
    """Centring, LDA, length normalisation, PLDA: the back-end of Kaldi's egs/voxceleb/v2/run.sh.

    PLDA knows what its training speakers vary by, and takes too much of that for granted elsewhere: speech of another
    kind is better compared by a cosine. With `cosine_weight` a score is the sum of both.

    Args:
        lda_dim, total_covariance_factor, centre, length_norm: see `Projection`.
        smoothing: share of the between-speaker covariance added to the within-speaker one, see `Plda.smooth`.
        plda_length_norm: see `Plda.transform`.
        cosine_weight: nats that a cosine of 1 between projected embeddings adds to PLDA's log-likelihood ratio; 0 or
            more. With it scores mean nothing by themselves before they are calibrated.
        n_iter: EM iterations of PLDA.
    Learned: projection_, plda_. With `group_`, a `VoiceGroup` of projected embeddings that `fit` does not set, the
    scores of two voices of the group are lower.
    """

    def __init__(
        self,
        lda_dim: int | None = 200,
        *,
        total_covariance_factor: float = 0.0,
        centre: bool = True,
        length_norm: bool = True,
        smoothing: float = 0.0,
        plda_length_norm: LengthNorm | None = "kaldi",
        cosine_weight: float = 0.0,
        n_iter: int = 10,
    ) -> None:
        self.lda_dim = lda_dim
        self.total_covariance_factor = total_covariance_factor
        self.centre = centre
        self.length_norm = length_norm
        self.smoothing = smoothing
        self.plda_length_norm = plda_length_norm
        self.cosine_weight = cosine_weight
        self.n_iter = n_iter

    plda_: Plda
    group_: VoiceGroup | None = None
    requires_labels = True

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Trains on embeddings `X` (N, D) with speaker labels `y` (N,).

        Raises:
            ValueError: an option out of its range.
            DataError: too few embeddings, speakers or utterances of a speaker for LDA or PLDA.
        """
        if self.plda_length_norm not in PLDA_LENGTH_NORMS:
            raise ValueError(f"plda_length_norm must be 'kaldi', 'simple' or None, got {self.plda_length_norm!r}")
        if not 0 <= self.smoothing <= 1:
            raise ValueError(f"smoothing must lie in [0, 1], got {self.smoothing}")
        if not 0 <= self.cosine_weight < np.inf:
            raise ValueError(f"cosine_weight must be finite and not negative, got {self.cosine_weight}")
        self.projection_ = Projection(
            self.lda_dim,
            total_covariance_factor=self.total_covariance_factor,
            centre=self.centre,
            length_norm=self.length_norm,
        )
        projected = self.projection_.fit_transform(self._check_training(X), y)
        self.plda_ = Plda(self.n_iter).fit(projected, y).smooth(self.smoothing)
        self.group_ = None  # one of other projections
        return self

    def transform(self, X: ArrayLike, n_utterances: ArrayLike = 1) -> np.ndarray:
        """Embeddings `X` (N, D), means of `n_utterances` each, in the space of `plda_`, (N, d)."""
        self.check_fitted()
        return self.plda_.transform(self.projection_.transform(X), n_utterances, self.plda_length_norm)

    def terms(self, enrol: ArrayLike, test: ArrayLike, n_enrol: ArrayLike = 1) -> BilinearScores:
        """Log-likelihood ratios in nats, cosines and what a group loses, not yet multiplied out; arguments as of
        `Backend.terms`.

        Raises:
            sklearn.exceptions.NotFittedError: it is not fitted.
        """
        self.check_fitted()
        left, right = self.projection_.transform(enrol), self.projection_.transform(test)
        terms = self.plda_.terms(
            self.plda_.transform(left, n_enrol, self.plda_length_norm),
            self.plda_.transform(right, length_norm=self.plda_length_norm),
            n_enrol,
        )
        if self.cosine_weight:
            terms = terms.plus(cosine_terms(left, right), self.cosine_weight)
        return terms if self.group_ is None else terms.plus(self.group_.terms(left, right), -self.group_.discount)

    def adapt(
        self, X: ArrayLike, within_scale: float = 0.3, between_scale: float = 0.7, mean_scale: float = 1.0
    ) -> Self:
        """A back-end for the domain of unlabelled `X` (N, D), see `Plda.adapt`; not calibrated any more.

        Args:
            X: embeddings of that domain.
            within_scale, between_scale: share of the surplus variance there that goes to each covariance.
            mean_scale: how far the mean moves to theirs, 1 is all the way.
        """
        self.check_fitted()
        plda = self.plda_.adapt(self.projection.transform(X), within_scale, between_scale, mean_scale)
        backend = self.of(self.projection, plda, self.plda_length_norm, self.cosine_weight)
        backend.group_ = self.group_
        return backend

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Projection, PLDA and calibration as named arrays, for safetensors; `from_arrays` reads them."""
        self.check_fitted()
        arrays = self._common_arrays() | {
            "plda.mean": self.plda_.mean_,
            "plda.transform": np.ascontiguousarray(self.plda_.transform_),
            "plda.psi": np.ascontiguousarray(self.plda_.psi_),
            "plda.length_norm": np.array([PLDA_LENGTH_NORMS.index(self.plda_length_norm)], dtype=np.uint8),
        }
        if self.cosine_weight:
            arrays["cosine_weight"] = np.array([self.cosine_weight])
        return arrays if self.group_ is None else arrays | self.group_.to_arrays()

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Self:
        """The inverse of `to_arrays`.

        Raises:
            DataError: an array is missing, or of a wrong shape.
        """
        names = ["plda.mean", "plda.transform", "plda.psi", "plda.length_norm"]
        missing = [name for name in names if name not in arrays]
        if missing:
            raise DataError(f"a PLDA back-end needs the arrays {missing}, got {sorted(arrays)}")
        number = int(arrays["plda.length_norm"][0])
        if number >= len(PLDA_LENGTH_NORMS):
            raise DataError(f"plda.length_norm must be below {len(PLDA_LENGTH_NORMS)}, got {number}")
        weight = np.asarray(arrays.get("cosine_weight", [0.0]), dtype=np.float64)
        if weight.shape != (1,) or not 0 <= weight[0] < np.inf:
            raise DataError(f"cosine_weight must be one finite number, not negative, got {weight}")
        plda = Plda.from_parameters(*(arrays[name] for name in names[:3]))
        backend = cls.of(Projection.from_arrays(arrays), plda, PLDA_LENGTH_NORMS[number], float(weight[0]))
        if any(name.startswith("group.") for name in arrays):
            backend.group_ = VoiceGroup.from_arrays(arrays, plda.dim)
        backend._read_calibration(arrays)
        return backend

    @classmethod
    def from_parts(
        cls,
        plda: Plda,
        mean: ArrayLike | None = None,
        transform: ArrayLike | None = None,
        *,
        length_norm: bool = True,
        plda_length_norm: LengthNorm | None = "kaldi",
    ) -> Self:
        """A back-end of given parts, for instance Kaldi's plda, mean.vec and transform.mat.

        Args:
            plda: of projected embeddings.
            mean: (D,) subtracted first; None leaves it out.
            transform: (d, D) or (d, D + 1) LDA; None leaves it out.
            length_norm: of the projected embeddings.
            plda_length_norm: of embeddings in PLDA's space, before they are scored.
        """
        return cls.of(Projection.from_parts(mean, transform, length_norm=length_norm), plda, plda_length_norm)

    @classmethod
    def of(
        cls,
        projection: Projection,
        plda: Plda,
        plda_length_norm: LengthNorm | None = "kaldi",
        cosine_weight: float = 0.0,
    ) -> Self:
        """A back-end of parts that are fitted; not calibrated.

        Args:
            projection: of raw embeddings.
            plda: of what that makes of them.
            plda_length_norm, cosine_weight: as of the class.
        Raises:
            DataError: their dimensions do not fit.
        """
        if projection.transform_ is not None:
            dim: int | None = len(projection.transform_)
        else:
            dim = None if projection.mean_ is None else len(projection.mean_)
        if dim is not None and dim != plda.dim:
            raise DataError(f"the PLDA model takes {plda.dim} dimensions, but the projection gives {dim}")
        backend = cls(
            projection.lda_dim,
            centre=projection.centre,
            length_norm=projection.length_norm,
            plda_length_norm=plda_length_norm,
            cosine_weight=cosine_weight,
        )
        backend.projection_, backend.plda_ = projection, plda
        return backend


class CosineBackend(Backend):
    """Centring, LDA where wanted, cosine similarity. How many utterances an enrolment has does not matter.

    Args: see `Projection`. Learned: projection_.
    """

    def __init__(
        self, lda_dim: int | None = None, *, total_covariance_factor: float = 0.0, centre: bool = True
    ) -> None:
        self.lda_dim = lda_dim
        self.total_covariance_factor = total_covariance_factor
        self.centre = centre

    @classmethod
    def of(cls, projection: Projection) -> Self:
        """A back-end that compares what a given projection makes of embeddings."""
        backend = cls(projection.lda_dim, centre=projection.centre)
        backend.projection_ = projection
        return backend

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Learns the mean, and LDA with speaker labels `y` (N,), from embeddings `X` (N, D)."""
        projection = Projection(
            self.lda_dim,
            total_covariance_factor=self.total_covariance_factor,
            centre=self.centre,
            length_norm=False,
        )
        self.projection_ = projection.fit(self._check_training(X), y)
        return self

    def terms(self, enrol: ArrayLike, test: ArrayLike, n_enrol: ArrayLike = 1) -> BilinearScores:
        """Cosines of projected embeddings; arguments as of `Backend.terms`, of which `n_enrol` is not used."""
        return cosine_terms(self.projection.transform(enrol), self.projection.transform(test))

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Projection and calibration as named arrays, for safetensors; `from_arrays` reads them."""
        return self._common_arrays()

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Self:
        """The inverse of `to_arrays`."""
        backend = cls.of(Projection.from_arrays(arrays))
        backend._read_calibration(arrays)
        return backend


def backend_from_arrays(arrays: Mapping[str, np.ndarray]) -> PldaBackend | CosineBackend:
    """The back-end whose `to_arrays` gave `arrays`: with PLDA where they hold a PLDA model, else cosine."""
    if any(name.startswith("plda.") for name in arrays):
        return PldaBackend.from_arrays(arrays)
    return CosineBackend.from_arrays(arrays)
