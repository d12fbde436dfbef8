"""Unsupervised adaptation of PLDA: what the variance of unlabelled data says about a new domain."""

import numpy as np

from pysid.backend.pca import mean_and_covariance


def adapted_covariances(
    mean: np.ndarray,
    transform: np.ndarray,
    psi: np.ndarray,
    X: np.ndarray,
    *,
    within_scale: float,
    between_scale: float,
    mean_scale: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The adapted mean (D,), between-speaker and within-speaker covariance (D, D).

    In the space where the model's total covariance is the identity, an eigenvalue s > 1 of the new data's
    covariance is an excess of s - 1 in that direction; the scales say how much of it each covariance takes.

    Args:
        mean (D,), transform (D, D), psi (D,): the model to adapt, see `Plda`.
        X: (N, D) checked embeddings of the new domain.
        within_scale, between_scale, mean_scale: see `Plda.adapt`.
    Source: Kaldi ivector/plda.cc, PldaUnsupervisedAdaptor::UpdatePlda.
    """
    for name, scale in (("within", within_scale), ("between", between_scale), ("mean", mean_scale)):
        if not scale >= 0:
            raise ValueError(f"{name}_scale must not be negative, got {scale}")
    new_mean, variance = mean_and_covariance(X)
    shift = new_mean - mean
    variance += mean_scale * np.outer(shift, shift)

    unit_total = transform / np.sqrt(1 + psi)[:, None]
    eigenvalues, directions = np.linalg.eigh(unit_total @ variance @ unit_total.T)
    excess = (directions * np.maximum(eigenvalues - 1, 0)) @ directions.T
    back = np.linalg.inv(unit_total)
    between = np.diag(psi / (1 + psi)) + between_scale * excess
    within = np.diag(1 / (1 + psi)) + within_scale * excess
    return new_mean, back @ between @ back.T, back @ within @ back.T
