"""What compares embeddings: centring, LDA, PLDA, cosine, score normalisation and calibration, in NumPy.

The names below are imported when they are first used: a program that takes one of them starts without the others.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pysid.backend.calibration import LogisticCalibration
    from pysid.backend.chain import Backend, CosineBackend, PldaBackend, backend_from_arrays
    from pysid.backend.cosine import cosine_scores
    from pysid.backend.lda import Lda
    from pysid.backend.normalize import Centring, LengthNormalization, apply_affine, length_normalize
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
    from pysid.backend.voice_group import VoiceGroup

__all__ = [
    "AdaptiveScoreNorm",
    "Backend",
    "Centring",
    "CohortStatistics",
    "CosineBackend",
    "Lda",
    "LengthNormalization",
    "LogisticCalibration",
    "Pca",
    "Plda",
    "PldaBackend",
    "Projection",
    "VoiceGroup",
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

_NAMES_BY_MODULE = {
    "calibration": ["LogisticCalibration"],
    "chain": ["Backend", "CosineBackend", "PldaBackend", "backend_from_arrays"],
    "cosine": ["cosine_scores"],
    "lda": ["Lda"],
    "normalize": ["Centring", "LengthNormalization", "apply_affine", "length_normalize"],
    "pca": ["Pca"],
    "plda": ["Plda"],
    "plda_dense": ["dense_plda_scores"],
    "projection": ["Projection"],
    "score_norm": ["AdaptiveScoreNorm", "CohortStatistics", "cohort_statistics", "s_norm", "t_norm", "z_norm"],
    "statistics": ["speaker_means"],
    "voice_group": ["VoiceGroup"],
}
_MODULE = {name: module for module, names in _NAMES_BY_MODULE.items() for name in names}


def __getattr__(name: str) -> Any:
    """Imports a public name from its module (PEP 562), and keeps it."""
    if name not in _MODULE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULE[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
