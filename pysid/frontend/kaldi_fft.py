"""Kaldi's FFT of real frames, rounding for rounding, as a torch module; see `pysid.frontend.plain.kaldi_fft`."""

import torch
from torch import Tensor, nn

from pysid.frontend.plain.kaldi_fft import fft_tables, power_spectrum


class KaldiFft(nn.Module):
    """Power spectrum of real frames with Kaldi's roundings.

    Shape: frames (..., n), float32, n even -> (..., n / 2), the power at n / 2 left out.
    """

    def __init__(self, n: int) -> None:
        super().__init__()
        self.n = n
        for name, table in fft_tables(n).items():
            self.register_buffer(name, torch.from_numpy(table), persistent=False)

    def forward(self, frames: Tensor) -> Tensor:
        power: Tensor = power_spectrum(frames, dict(self.named_buffers()), torch)
        return power
