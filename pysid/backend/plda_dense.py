"""PLDA scores of all pairs of segments of one recording, for diarization."""

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from pysid.backend.checks import check_embeddings
from pysid.backend.gram import gram_matrix
from pysid.backend.pca import mean_and_covariance
from pysid.backend.plda import LengthNorm, Plda


def dense_plda_scores(
    plda: Plda,
    X: ArrayLike,
    target_energy: float = 0.1,
    length_norm: LengthNorm | None = "kaldi",
    dtype: DTypeLike = np.float64,
) -> np.ndarray:
    """Scores of each segment of a recording against each, by PLDA projected onto the recording's main axes.

    Args:
        plda: a model of the embeddings.
        X: (N, D) embeddings of the segments.
        target_energy: share of the recording's variance to keep, in [0, 1]; 1 keeps the model as it is.
            Kaldi's diarization script takes 0.1, its program ivector-plda-scoring-dense 0.5 by default.
        length_norm: see `Plda.transform`.
        dtype: of the result; float32 halves the memory for a recording of many segments.
    Returns:
        (N, N) log-likelihood ratios; exactly symmetric.
    Source: Kaldi ivectorbin/ivector-plda-scoring-dense.cc.
    """
    X = check_embeddings(X, dim=plda.dim)
    axes = recording_axes(X, target_energy)
    if axes is not None:
        X, plda = X @ axes.T, plda.project(axes)
    return gram_matrix(*_gram_terms(plda.psi_, plda.transform(X, length_norm=length_norm)), dtype)


def _gram_terms(psi: np.ndarray, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vectors v (N, D) and offsets b (N,) such that v_i . v_j + b_i + b_j is the score of u_i against u_j.

    Given u_i, u_j is N(psi / (psi + 1) u_i, (2 psi + 1) / (psi + 1)) if it is of the same speaker, and
    N(0, psi + 1) if not: `Plda.terms` for single utterances, in which the two sides are alike.
    """
    first, second = psi + 1, 2 * psi + 1
    constant = (np.log(first) - 0.5 * np.log(second)).sum()
    return u * np.sqrt(psi / second), 0.5 * (constant - u**2 @ (psi**2 / (first * second)))


def recording_axes(X: np.ndarray, target_energy: float) -> np.ndarray | None:
    """(d, D) leading principal axes of one recording, or None where no projection is due.

    d is one more than it takes to exceed `target_energy` of the variance, as in Kaldi, and at most the rank
    of the variance: beyond it Kaldi takes directions that rounding errors choose. None is for a target within
    0.2% of 1, and for a recording that varies along less than two axes, as one of two segments does: on a
    single axis length normalisation would leave nothing but a sign.

    Raises:
        ValueError: `target_energy` lies outside [0, 1].
    """
    if not 0 <= target_energy <= 1:
        raise ValueError(f"target_energy must lie in [0, 1], got {target_energy}")
    if 1 - target_energy <= 0.001 * (1 + target_energy):  # Kaldi's ApproxEqual
        return None
    _, covariance = mean_and_covariance(X)
    variances, components = np.linalg.eigh(covariance)
    variances, components = np.maximum(variances[::-1], 0.0), components[:, ::-1]
    rank = int((variances > variances[0] * max(X.shape) * np.finfo(np.float64).eps).sum())
    energy = np.cumsum(variances)
    dim = min(int((energy <= target_energy * energy[-1]).sum()) + 2, rank)
    return components[:, :dim].T if dim >= 2 else None
