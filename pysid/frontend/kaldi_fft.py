"""Kaldi's FFT of real frames, rounding for rounding, as a torch module.

`pysid.frontend.plain.kaldi_fft` says what for, has the tables, and the same arithmetic for NumPy. Every product and sum
stands alone, for a fused multiply-add would round differently.
"""

import math

import numpy as np
import torch
from torch import Tensor, nn

from pysid.frontend.plain.kaldi_fft import fft_tables


class KaldiFft(nn.Module):
    """Power spectrum of real frames with Kaldi's roundings.

    Shape: frames (..., n), float32, n even -> (..., n / 2), the power at n / 2 left out.
    """

    half_turn: Tensor
    order: Tensor

    def __init__(self, n: int) -> None:
        super().__init__()
        self.n = n
        self.is_power_of_two = n & (n - 1) == 0
        for name, table in fft_tables(n).items():
            self.register_buffer(name, torch.from_numpy(table), persistent=False)

    def forward(self, frames: Tensor) -> Tensor:
        """(..., n) float32 frames, windowed -> (..., n / 2) power."""
        # Frames come last, so that every operation runs over many of them at once.
        pairs = frames.reshape(-1, self.n // 2, 2).permute(2, 1, 0).contiguous()[None]  # (1, 2, n / 2, F)
        b = self._split_radix(pairs) if self.is_power_of_two else self._mixed_radix(pairs)[0]
        return self._power(b).T.reshape(*frames.shape[:-1], self.n // 2)

    def _power(self, b: Tensor) -> Tensor:
        """(n / 2, F) power of the real signal from b (2, n / 2, F), the FFT of its pairs of samples."""
        n = b.shape[1]
        re, im = b[:, 1 : n // 2 + 1].unbind()  # bins k
        mirrored_re, mirrored_im = b[:, n - n // 2 :].flip(1).unbind()  # bins n / 2 - k
        even_re, even_im = 0.5 * (re + mirrored_re), 0.5 * (im - mirrored_im)
        odd_re, odd_im = 0.5 * (im + mirrored_im), -0.5 * (re - mirrored_re)
        w_re, w_im = self.half_turn
        turned_re, turned_im = w_re * odd_re - w_im * odd_im, w_re * odd_im + w_im * odd_re
        zero = (b[0, :1] + b[1, :1]).square()
        lower = (even_re + turned_re).square() + (even_im + turned_im).square()
        upper = (even_re - turned_re).square() + (turned_im - even_im).square()
        return torch.cat([zero, lower, upper[: (n - 1) // 2].flip(0)])

    def _split_radix(self, x: Tensor) -> Tensor:
        """(2, m, F) complex FFT of x (1, 2, m, F), m a power of two.

        A block of size m becomes one of m / 2 and two of m / 4. Blocks of one size are worked on together;
        `order` puts the results in place.
        """
        smaller = x[:0, :, : max(x.shape[2] // 2, 1)]  # blocks of half the size of those in x
        while x.shape[2] > 1:
            half, quarters = self._split(x)
            x, smaller = torch.cat([half, smaller]), quarters
        return torch.cat([x, smaller])[self.order, :, 0].transpose(0, 1)

    def _split(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Blocks (K, 2, m, F) to (K, 2, m / 2, F) and (2 K, 2, m / 4, F); to two of size 1 when m is 2."""
        m = x.shape[2]
        low, high = x[:, :, : m // 2], x[:, :, m // 2 :]
        if m == 2:
            return low + high, low - high
        (re1, re2), (im1, im2) = (d.unflatten(1, (2, -1)).unbind(1) for d in (low - high).unbind(1))
        re = torch.stack([re1 + im2, re1 - im2], 1)  # (K, 2 quarters, m / 4, F)
        im = torch.stack([im1 - re2, im1 + re2], 1)
        if m > 4:
            re, im = self._turn(re, im)
        return low + high, torch.stack([re, im], 2).flatten(0, 1)

    def _turn(self, re: Tensor, im: Tensor) -> tuple[Tensor, Tensor]:
        """Turns point n of quarters (K, 2, m / 4, F) by n m-th turns in the first, by 3 n in the second."""
        eighth = re.shape[2] // 2
        cos, minus_sum, difference = getattr(self, f"twiddles_{4 * re.shape[2]}")
        product = (re + im) * cos
        turned_re, turned_im = im * difference + product, re * minus_sum + product
        turned_re[:, :, 0], turned_im[:, :, 0] = re[:, :, 0], im[:, :, 0]
        # An eighth of a turn has a formula of its own, with its own rounding.
        root_half = float(np.float32(math.sqrt(0.5)))
        total = root_half * (re[:, :, eighth] + im[:, :, eighth])
        change = root_half * (im[:, :, eighth] - re[:, :, eighth])
        turned_re[:, 0, eighth], turned_im[:, 0, eighth] = total[:, 0], change[:, 0]
        turned_re[:, 1, eighth], turned_im[:, 1, eighth] = change[:, 1], -total[:, 1]
        return turned_re, turned_im

    def _mixed_radix(self, x: Tensor) -> Tensor:
        """Complex FFT of blocks x (K, 2, m, F): p FFTs of every p-th point, then their weighted sums."""
        m = x.shape[2]
        if m == 1:
            return x
        twiddles = getattr(self, f"twiddles_{m}")  # (p, 2, p, q, 1)
        p = len(twiddles)
        parts = self._mixed_radix(x.unflatten(2, (-1, p)).permute(0, 3, 1, 2, 4).flatten(0, 1)).unflatten(0, (-1, p))
        re, im = (parts[:, 0, i, None].expand(-1, p, -1, -1) for i in range(2))
        for i in range(1, p):
            (w_re, w_im), (x_re, x_im) = twiddles[i], parts[:, i, :, None].unbind(1)
            re, im = re + (x_re * w_re - x_im * w_im), im + (x_re * w_im + x_im * w_re)
        return torch.stack([re, im], 1).flatten(2, 3)
