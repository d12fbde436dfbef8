"""Kaldi's convolution of a signal with a room response, block by block, in NumPy.

Kaldi's real FFT stores the values at 0 Hz and at the Nyquist frequency as one complex number, and the product of two
spectra treats that pair as one, so that each leaks into the other: by a few steps of int16 in speech.
Source: kaldi/src/feat/signal.cc, FFTbasedBlockConvolveSignals, ElementwiseProductOfFft.
"""

import numpy as np
from numpy.typing import NDArray


def block_size(response_samples: int) -> tuple[int, int]:
    """Kaldi's FFT for a response, and how many samples of the signal go into it.

    >>> block_size(4000)
    (16384, 12385)
    """
    n_fft = 1 << (4 * response_samples - 1).bit_length()
    return n_fft, n_fft - response_samples + 1


def block_convolve(wave: NDArray[np.float32], response: NDArray[np.float32]) -> NDArray[np.float32]:
    """(S + R - 1,) a wave (S,) convolved with a response (R,)."""
    n_fft, hop = block_size(len(response))
    blocks = np.pad(wave, (0, -len(wave) % hop)).reshape(-1, hop)
    spectra, filter_ = np.fft.rfft(blocks, n_fft), np.fft.rfft(response, n_fft)
    leaking = (filter_[0].real + 1j * filter_[-1].real) * (spectra[:, 0].real + 1j * spectra[:, -1].real)
    spectra *= filter_
    spectra[:, 0], spectra[:, -1] = leaking.real, leaking.imag
    parts = np.fft.irfft(spectra, n_fft)
    total = np.pad(parts[:, :hop], ((0, 1), (0, 0)))
    total[1:, : n_fft - hop] += parts[:, hop:]  # n_fft < 2 hop
    return total.ravel()[: len(wave) + len(response) - 1].astype(np.float32, copy=False)
