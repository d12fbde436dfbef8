"""Perceptual linear prediction: cepstra of an all-pole model of the loudness spectrum, in NumPy.

Source: H. Hermansky, "Perceptual linear predictive (PLP) analysis of speech", 1990, as Kaldi has it
(feat/feature-plp.cc, feat/mel-computations.cc).
"""

import numpy as np
from numpy.typing import NDArray

from pysid.frontend.mel import PlpConfig, centre_hz, lifter_weights

Floats = NDArray[np.float32]

TINY = np.finfo(np.float32).tiny


class PlpCepstra:
    """From energies of mel filters (N, n_mels) to cepstra (N, n_ceps), the residual's log energy in front."""

    def __init__(self, config: PlpConfig) -> None:
        self._config = config
        squares = np.square(centre_hz(config))
        share = squares / (squares + np.float32(1.6e5))
        loudness = share * share * ((squares + np.float32(1.44e6)) / (squares + np.float32(9.61e6)))
        self._loudness = loudness.astype(np.float32)
        self._bases = _inverse_cosines(config.lpc_order + 1, config.n_mels + 2)
        self._weights = (lifter_weights(config.n_ceps, config.lifter) * config.scale).astype(np.float32)

    def __call__(self, mel: Floats) -> Floats:
        loudness = np.power(mel * self._loudness, np.float32(self._config.compress_factor))
        both_ends = np.concatenate([loudness[:, :1], loudness, loudness[:, -1:]], 1)
        coefficients, residual = _prediction(both_ends @ self._bases.T)
        log_residual = np.maximum(np.log(residual), TINY)  # as in Kaldi, the logarithm itself is floored
        cepstra = _cepstra(coefficients)[:, : self._config.n_ceps - 1]
        return np.concatenate([log_residual[:, None], cepstra], 1) * self._weights


def _inverse_cosines(n_bases: int, size: int) -> Floats:
    """(n_bases, size) the inverse Fourier transform of a symmetric spectrum, given by its half."""
    weights = np.full(size, 2.0)
    weights[0] = weights[-1] = 1.0
    angles = np.pi / (size - 1) * np.outer(np.arange(n_bases), np.arange(size))
    return (weights * np.cos(angles) / (2 * (size - 1))).astype(np.float32)


def _prediction(autocorrelation: Floats) -> tuple[Floats, Floats]:
    """(N, P) coefficients of linear prediction and (N,) the residual's energy, by Durbin's recursion."""
    n_frames, order = len(autocorrelation), autocorrelation.shape[1] - 1
    coefficients = np.zeros((n_frames, order), np.float32)
    residual = autocorrelation[:, 0].copy()
    for i in range(order):
        known = coefficients[:, :i]
        reflection = (autocorrelation[:, i + 1] + (known * autocorrelation[:, i:0:-1]).sum(axis=1)) / residual
        residual = residual * np.maximum(1 - np.square(reflection), np.float32(1e-5))
        coefficients[:, :i] = known - reflection[:, None] * known[:, ::-1]
        coefficients[:, i] = -reflection
    return coefficients, residual


def _cepstra(coefficients: Floats) -> Floats:
    """(N, P) cepstra of the all-pole model."""
    cepstra = np.zeros_like(coefficients)
    for i in range(coefficients.shape[1]):
        steps = np.arange(i, 0, -1, dtype=np.float32)
        total = (steps * coefficients[:, :i] * cepstra[:, :i][:, ::-1]).sum(axis=1, dtype=np.float64)
        cepstra[:, i] = -coefficients[:, i] - total / (i + 1)
    return cepstra
