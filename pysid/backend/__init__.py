"""What compares embeddings: centring, LDA, PLDA, cosine, score normalisation and calibration, in NumPy."""

from pysid.backend.calibration import LogisticCalibration
from pysid.backend.chain import Backend, CosineBackend, PldaBackend, backend_from_arrays
from pysid.backend.cosine import cosine_scores
from pysid.backend.lda import Lda
from pysid.backend.normalize import Centring, apply_affine, length_normalize
from pysid.backend.pca import Pca
from pysid.backend.plda import Plda
from pysid.backend.plda_dense import dense_plda_scores
from pysid.backend.projection import Projection
from pysid.backend.score_norm import (
    AdaptiveScoreNorm,
    CohortStatistics,
    cohort_statistics,
    s_norm,
    t_norm,
    z_norm,
)
from pysid.backend.statistics import speaker_means

__all__ = [
    "AdaptiveScoreNorm",
    "Backend",
    "Centring",
    "CohortStatistics",
    "CosineBackend",
    "Lda",
    "LogisticCalibration",
    "Pca",
    "Plda",
    "PldaBackend",
    "Projection",
    "apply_affine",
    "backend_from_arrays",
    "cohort_statistics",
    "cosine_scores",
    "dense_plda_scores",
    "length_normalize",
    "s_norm",
    "speaker_means",
    "t_norm",
    "z_norm",
]
