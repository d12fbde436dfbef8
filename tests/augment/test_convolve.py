"""Convolution of a batch: Kaldi's, with its leak between 0 Hz and Nyquist."""

import numpy as np
import pytest
import torch

from pysid.augment.convolve import convolve


@pytest.mark.parametrize(("n", "n_response"), [(3000, 50), (777, 301), (100, 900), (5, 1), (1, 7)])
def test_convolution_has_kaldis_leak(n, n_response, signal, response, kaldis_block_convolution):
    wave, h = signal(n), response(n_response, peak=0) / 32768
    ours = convolve(
        torch.from_numpy(wave)[None], torch.tensor([n]), torch.from_numpy(h)[None], torch.tensor([n_response])
    )
    expected = kaldis_block_convolution(wave.astype(float), h.astype(float))
    np.testing.assert_allclose(ours[0], expected, rtol=0, atol=1e-5 * np.abs(expected).max())
