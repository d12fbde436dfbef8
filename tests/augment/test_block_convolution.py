"""Block by block, as Kaldi convolves, with its leak between 0 Hz and Nyquist."""

import numpy as np
import pytest

from pysid.augment.block_convolution import block_convolve, block_size


@pytest.mark.parametrize(("n", "n_response"), [(3000, 50), (777, 301), (100, 900), (5, 1), (1, 7), (16384, 4000)])
def test_it_is_kaldis(n, n_response, signal, response, kaldis_block_convolution):
    wave, h = signal(n), response(n_response, peak=0) / np.float32(32768)
    expected = kaldis_block_convolution(wave.astype(float), h.astype(float))
    ours = block_convolve(wave, h)
    assert (ours.dtype, len(ours)) == (np.float32, n + n_response - 1)
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-6 * np.abs(expected).max())


def test_the_leak_is_small_beside_the_true_convolution(signal, response):
    wave, h = signal(8000), response(500, peak=0) / np.float32(32768)
    true = np.convolve(wave, h)
    error = np.abs(block_convolve(wave, h) - true).max()
    assert 1e-6 * np.abs(true).max() < error < 0.05 * np.abs(true).max()


@pytest.mark.parametrize("n_response", [1, 2, 63, 64, 65, 4000])
def test_a_block_holds_a_stretch_and_its_tail(n_response):
    """Of an FFT of n points, as many are new samples as leave room for the response; that is more than half."""
    n_fft, hop = block_size(n_response)
    assert n_fft & (n_fft - 1) == 0
    assert hop + n_response - 1 == n_fft < 2 * hop
