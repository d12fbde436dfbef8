"""Kaldi's convolution of a signal with a room response, for a batch that has a response for each utterance.

`pysid.augment.block_convolution` goes block by block, as Kaldi does, and explains the error in Kaldi's FFT. Here one
FFT gives the true convolution, and `_packing_error` adds that error.
"""

from collections.abc import Sequence

import torch
from scipy.fft import next_fast_len
from torch import Tensor
from torch.nn.functional import pad

from pysid.augment.block_convolution import block_size
from pysid.frontend.framing import frame_mask


def convolve(
    wave: Tensor, lengths: Tensor, response: Tensor, response_lengths: Tensor, sizes: Sequence[int] | None = None
) -> Tensor:
    """Each wave convolved with its own response.

    Args:
        wave: (B, S) float, zeros past an utterance's own end.
        lengths: (B,) own samples of each utterance.
        response: (B, R) float, zeros past a response's own end.
        response_lengths: (B,) own samples of each response, at least 1; they set the size of Kaldi's blocks.
        sizes: `response_lengths` as numbers, if the caller has them: asking a GPU for them means waiting for it.
    Returns:
        (B, S + R - 1); zeros past the own lengths + response_lengths - 1.
    """
    n_out = wave.shape[1] + response.shape[1] - 1
    n_fft = next_fast_len(n_out, real=True)
    spectrum = torch.fft.rfft(wave, n_fft) * torch.fft.rfft(response, n_fft)
    result = torch.fft.irfft(spectrum, n_fft)[:, :n_out]
    for row, n_response in enumerate(response_lengths.tolist() if sizes is None else sizes):
        result[row] += _packing_error(wave[row], response[row, :n_response], n_out)
    return result * frame_mask(lengths + response_lengths - 1, n_out)


def _packing_error(wave: Tensor, response: Tensor, n_out: int) -> Tensor:
    """(n_out,) what Kaldi's blocks add to the true convolution of a wave (S,) with a response (R,).

    With h0, h1 the values of the response's spectrum at 0 Hz and Nyquist, x0, x1 those of a block, Kaldi has
    h0 x0 - h1 x1 at 0 Hz instead of h0 x0, and h0 x1 + h1 x0 at Nyquist instead of h1 x1. In time that is an offset
    and an alternating sequence over the n_fft samples of the block.
    """
    n_fft, hop = block_size(len(response))
    signs = 1.0 - 2.0 * (torch.arange(n_fft, device=wave.device) % 2).to(wave.dtype)
    blocks = pad(wave, (0, -len(wave) % hop)).reshape(-1, hop)
    x0, x1 = blocks.sum(1), blocks @ signs[:hop]
    h0, h1 = response.sum(), response @ signs[: len(response)]
    offset = -h1 * x1 / n_fft
    alternating = (h0 * x1 + h1 * x0 - h1 * x1) / n_fft
    errors = offset[:, None] + alternating[:, None] * signs  # (blocks, n_fft)
    total = pad(errors[:, :hop], (0, 0, 0, 1))
    total[1:, : n_fft - hop] += errors[:, hop:]
    total = total.flatten()[:n_out]
    return pad(total, (0, n_out - len(total)))
