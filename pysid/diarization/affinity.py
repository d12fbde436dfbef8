"""How alike the windows of a recording are: centred cosine, or PLDA on the recording's main axes."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from pysid.backend.chain import Backend, PldaBackend
from pysid.backend.gram import gram_matrix
from pysid.backend.normalize import length_normalize
from pysid.backend.plda_dense import dense_plda_scores
from pysid.backend.projection import Projection
from pysid.diarization.steps import Affinity
from pysid.errors import DataError


@dataclass(frozen=True, kw_only=True)
class CosineAffinityConfig:
    """Configuration of `CosineAffinity`."""

    kind: Literal["cosine"] = "cosine"
    lda: bool = True  # compare after the back-end's LDA, where it has one; else after centring alone


@dataclass(frozen=True, kw_only=True)
class PldaAffinityConfig:
    """Configuration of `PldaAffinity`. The default is that of Kaldi's diarization/nnet3/xvector/score_plda.sh."""

    kind: Literal["plda"] = "plda"
    target_energy: float = 0.1  # share of the recording's variance whose axes are kept; 1 keeps all

    def __post_init__(self) -> None:
        if not 0 <= self.target_energy <= 1:
            raise ValueError(f"target_energy must lie in [0, 1], got {self.target_energy}")


class CosineAffinity:
    """Cosine of the angle between projected windows, in [-1, 1]; 0 where one is a zero vector.

    Args:
        projection: what is done to embeddings first; None takes them as they are.
    """

    def __init__(self, projection: Projection | None = None) -> None:
        self.projection = projection

    def __call__(self, embeddings: np.ndarray) -> np.ndarray:
        """(N, N) float32 of embeddings (N, E): exactly symmetric.

        Raises:
            DataError: embeddings that the projection does not fit, or with a NaN or an infinity.
        """
        projected = embeddings if self.projection is None else self.projection.transform(embeddings)
        return gram_matrix(length_normalize(projected, scale_up=False).astype(np.float32))


class PldaAffinity:
    """PLDA log-likelihood ratios, in nats, of "same speaker", after a PCA of the windows of the recording.

    Args:
        config: settings.
        backend: its projection is applied first.
    Source: Kaldi ivectorbin/ivector-plda-scoring-dense.cc; see `dense_plda_scores`.
    """

    def __init__(self, config: PldaAffinityConfig, backend: PldaBackend) -> None:
        self.config = config
        self.backend = backend

    def __call__(self, embeddings: np.ndarray) -> np.ndarray:
        """(N, N) float32 of embeddings (N, E): exactly symmetric.

        Raises:
            DataError: embeddings that the back-end does not fit, or with a NaN or an infinity.
        """
        return dense_plda_scores(
            self.backend.plda_,
            self.backend.projection.transform(embeddings),
            self.config.target_energy,
            self.backend.plda_length_norm,
            np.float32,
        )


def make_affinity(config: CosineAffinityConfig | PldaAffinityConfig, backend: Backend | None) -> Affinity:
    """The affinity that a configuration names.

    Args:
        backend: cosine takes any, even none.
    Raises:
        DataError: the back-end has no PLDA where it is wanted.
    """
    if isinstance(config, PldaAffinityConfig):
        if not isinstance(backend, PldaBackend):
            raise DataError("the PLDA affinity needs a PLDA back-end, and this model has none: take cosine")
        return PldaAffinity(config, backend)
    return CosineAffinity(None if backend is None else projection_of(config, backend))


def projection_of(config: CosineAffinityConfig | PldaAffinityConfig, backend: Backend) -> Projection:
    """What is done to embeddings before an affinity compares them."""
    if isinstance(config, CosineAffinityConfig) and not config.lda:
        return Projection.from_parts(backend.projection.mean_, length_norm=False)
    return backend.projection
