"""Kaldi's FFT of real frames, rounding for rounding.

Kaldi's FFT is less exact than the usual ones: it multiplies its twiddle factors up in float32. Where there
is little power at high frequencies the error shows, up to 5e-3 in the MFCCs of speech and 2e-2 in those of
a tone. This module repeats the arithmetic in Kaldi's order; the MFCCs are then within 1e-4 of Kaldi's, but
take longer.

`BlockFft` is for the CPU; `pysid.frontend.kaldi_fft` has the same in torch, for gradients and for other devices.

Sources: Kaldi matrix/srfft.cc (powers of two: split radix, after H. Malvar, "Signal Processing with Lapped
Transforms", 1992) and matrix/matrix-functions.cc (other sizes: mixed radix).

Every product and sum stands alone, for a fused multiply-add would round differently.
"""

import itertools
import math
from collections.abc import Iterator, Mapping

import numpy as np

Complex = tuple[np.float32, np.float32]  # real, imaginary


def fft_tables(n: int) -> dict[str, np.ndarray]:
    """What an FFT of n samples, an even number, looks up."""
    tables = {"half_turn": _powers(_root_of_unity(n), n // 4)}
    if _is_power_of_two(n):
        tables["order"] = _split_radix_order(n // 2)
        sizes = (2**i for i in range(3, (n // 2).bit_length()))
        return tables | {f"twiddles_{m}": _split_radix_twiddles(m) for m in sizes}
    return tables | {f"twiddles_{m}": _mixed_radix_twiddles(m, p) for m, p in _mixed_radix_sizes(n // 2)}


class BlockFft:
    """Power spectra of blocks of real frames, in memory that all blocks share; of one thread at a time.

    Args:
        tables: `fft_tables(n)`.
        n: samples of a frame, an even number.
        most: the most frames in a block.
    """

    def __init__(self, tables: Mapping[str, np.ndarray], n: int, most: int) -> None:
        self._tables = tables
        self._n = n
        self._is_power_of_two = _is_power_of_two(n)
        if not self._is_power_of_two:
            return
        # Blocks of each size that the split-radix FFT comes to: one of size m gives one of m / 2 and two of m / 4.
        self._counts = {n // 2: 1}
        for m in (2**i for i in reversed(range(1, (n // 2).bit_length()))):
            halves, quarters = (1, 2) if m > 2 else (2, 0)
            self._counts[m // 2] = self._counts.get(m // 2, 0) + halves * self._counts[m]
            if quarters:
                self._counts[m // 4] = self._counts.get(m // 4, 0) + quarters * self._counts[m]
        self._memory = {m: np.empty(2 * m * count * most, np.float32) for m, count in self._counts.items()}
        widest = max((m * count for m, count in self._counts.items() if m > 1), default=0) * most
        self._differences, self._quarters = np.empty(widest, np.float32), np.empty(widest, np.float32)
        self._products = np.empty(widest // 2, np.float32)

    def power(self, frames: np.ndarray) -> np.ndarray:
        """(F, n / 2) power spectra of frames (F, n) float32, the power at n / 2 left out."""
        # Frames come last, so that every operation runs over many of them at once.
        if self._is_power_of_two:
            b = self._split_radix(frames)
        else:
            b = _mixed_radix(np.stack([frames[:, ::2].T, frames[:, 1::2].T])[None], self._tables)[0]
        return _power(b, self._tables["half_turn"])

    def _split_radix(self, frames: np.ndarray) -> np.ndarray:
        """(2, n / 2, F) complex FFT of the pairs of samples of frames (F, n).

        Blocks of one size are worked on together; `order` puts the results in place.
        """
        n_frames, size = len(frames), self._n // 2
        blocks = {
            m: memory[: 2 * m * self._counts[m] * n_frames].reshape(-1, 2, m, n_frames)
            for m, memory in self._memory.items()
        }
        blocks[size][0, 0], blocks[size][0, 1] = frames[:, ::2].T, frames[:, 1::2].T
        m = size
        while m > 1:
            x = blocks[m]
            low, high = x[:, :, : m // 2], x[:, :, m // 2 :]
            np.add(low, high, out=blocks[m // 2][: len(x)])
            if m == 2:
                np.subtract(low, high, out=blocks[1][-len(x) :])
            else:
                first = self._counts[m // 2]
                self._split(low, high, blocks[m // 4][first : first + 2 * len(x)])
            m //= 2
        return blocks[1][self._tables["order"], :, 0].swapaxes(0, 1)

    def _split(self, low: np.ndarray, high: np.ndarray, out: np.ndarray) -> None:
        """Quarters out (2 K, 2, m / 4, F) of blocks (K, 2, m, F) given as their halves."""
        n_blocks, _, half, n_frames = low.shape
        shape, size = (n_blocks, 2, 2, half // 2, n_frames), 2 * low[:, 0].size
        differences = self._differences[:size].reshape(low.shape)
        np.subtract(low, high, out=differences)
        (re1, re2), (im1, im2) = differences.reshape(shape).transpose(1, 2, 0, 3, 4)
        turned = out.reshape(shape)  # (K, quarter, real or imaginary, m / 4, F)
        quarters = self._quarters[:size].reshape(shape) if half > 2 else turned
        np.add(re1, im2, out=quarters[:, 0, 0])
        np.subtract(re1, im2, out=quarters[:, 1, 0])
        np.subtract(im1, re2, out=quarters[:, 0, 1])
        np.add(im1, re2, out=quarters[:, 1, 1])
        if half > 2:
            product = self._products[: size // 2].reshape(n_blocks, 2, half // 2, n_frames)
            _turn(quarters, self._tables[f"twiddles_{2 * half}"], turned, product)


def _turn(quarters: np.ndarray, twiddles: np.ndarray, out: np.ndarray, product: np.ndarray) -> None:
    """Turns point n of quarters (K, 2, 2, m / 4, F) by n m-th turns in the first, by 3 n in the second."""
    re, im, turned_re, turned_im = quarters[:, :, 0], quarters[:, :, 1], out[:, :, 0], out[:, :, 1]
    cos, minus_sum, difference = twiddles
    np.add(re, im, out=product)
    product *= cos
    np.multiply(im, difference, out=turned_re)
    turned_re += product
    np.multiply(re, minus_sum, out=turned_im)
    turned_im += product
    turned_re[:, :, 0], turned_im[:, :, 0] = re[:, :, 0], im[:, :, 0]
    # An eighth of a turn has a formula of its own, with its own rounding.
    eighth = re.shape[2] // 2
    root_half = np.float32(math.sqrt(0.5))
    total = root_half * (re[:, :, eighth] + im[:, :, eighth])
    change = root_half * (im[:, :, eighth] - re[:, :, eighth])
    turned_re[:, 0, eighth], turned_im[:, 0, eighth] = total[:, 0], change[:, 0]
    turned_re[:, 1, eighth], turned_im[:, 1, eighth] = change[:, 1], -total[:, 1]


def _power(b: np.ndarray, half_turn: np.ndarray) -> np.ndarray:
    """(F, n / 2) power of the real signal from b (2, n / 2, F), the FFT of its pairs of samples."""
    n = b.shape[1]
    re, im = b[:, 1 : n // 2 + 1]  # bins k
    mirrored_re, mirrored_im = b[:, n - n // 2 :][:, ::-1]  # bins n / 2 - k
    half = np.float32(0.5)
    even_re, even_im = half * (re + mirrored_re), half * (im - mirrored_im)
    odd_re, odd_im = half * (im + mirrored_im), -half * (re - mirrored_re)
    w_re, w_im = half_turn
    turned_re, turned_im = w_re * odd_re - w_im * odd_im, w_re * odd_im + w_im * odd_re
    power = np.empty(b.shape[1:], np.float32)
    power[0] = np.square(b[0, 0] + b[1, 0])
    power[1 : n // 2 + 1] = np.square(even_re + turned_re) + np.square(even_im + turned_im)
    upper = np.square(even_re - turned_re) + np.square(turned_im - even_im)
    power[n // 2 + 1 :] = upper[: (n - 1) // 2][::-1]
    return power.T


def _mixed_radix(x: np.ndarray, tables: Mapping[str, np.ndarray]) -> np.ndarray:
    """Complex FFT of blocks x (K, 2, m, F): p FFTs of every p-th point, then their weighted sums."""
    n_blocks, _, m, n_frames = x.shape
    if m == 1:
        return x
    twiddles = tables[f"twiddles_{m}"]  # (p, 2, p, q, 1)
    p = len(twiddles)
    q = m // p
    every_pth = np.moveaxis(x.reshape(n_blocks, 2, q, p, n_frames), 3, 1)  # (K, p, 2, q, F)
    parts = _mixed_radix(every_pth.reshape(-1, 2, q, n_frames), tables).reshape(n_blocks, p, 2, q, n_frames)
    re, im = parts[:, 0, 0, None], parts[:, 0, 1, None]
    for i in range(1, p):
        (w_re, w_im), x_re, x_im = twiddles[i], parts[:, i, 0, None], parts[:, i, 1, None]
        re, im = re + (x_re * w_re - x_im * w_im), im + (x_re * w_im + x_im * w_re)
    return np.stack([re, im], 1).reshape(n_blocks, 2, m, n_frames)


def _is_power_of_two(n: int) -> bool:
    return n & (n - 1) == 0


def _split_radix_order(n: int) -> np.ndarray:
    """(n,) where `_split_radix` leaves each bin: blocks come out of order, and bins are bit-reversed."""
    starts, smaller, m = np.array([0]), np.array([], np.int64), n
    while m > 1:
        quarters = starts + 1 if m == 2 else np.stack([starts + m // 2, starts + 3 * m // 4], 1).ravel()
        starts, smaller, m = np.concatenate([starts, smaller]), quarters, m // 2
    where = np.empty(n, np.int64)
    where[np.concatenate([starts, smaller])] = np.arange(n)
    n_bits = n.bit_length() - 1
    return where[[int(f"{i:0{n_bits}b}"[::-1], 2) if n_bits else 0 for i in range(n)]]


def _split_radix_twiddles(m: int) -> np.ndarray:
    """(3, 2, m / 4, 1): cos, -(sin + cos) and sin - cos of n and of 3 n m-th turns, n < m / 4."""
    n = np.arange(m // 4)
    angles = (np.stack([n, 3 * n]) * (2 * math.pi) / m).astype(np.float32)
    sin, cos = _c_library_sin_cos(angles)
    return np.stack([cos, -(sin + cos), sin - cos])[..., None]


def _mixed_radix_sizes(m: int) -> Iterator[tuple[int, int]]:
    """The sizes of FFT that one of m points calls for, each with its smallest prime factor."""
    while m > 1:
        p = next(p for p in range(2, m + 1) if m % p == 0)
        yield m, p
        m //= p


def _mixed_radix_twiddles(m: int, p: int) -> np.ndarray:
    """(p, 2, p, m / p, 1): at [i, :, j, k] the power i (j m / p + k) of the m-th root of unity."""
    root_m, root_p = _root_of_unity(m), _root_of_unity(p)
    table = np.zeros((p, 2, p, m // p, 1), np.float32)
    turn_k: Complex = (np.float32(1), np.float32(0))
    for k in range(m // p):
        turn_jk = turn_k
        for j in range(p):
            turn_ijk = turn_jk
            for i in range(1, p):
                table[i, :, j, k, 0] = turn_ijk
                turn_ijk = _multiply(turn_jk, turn_ijk)
            turn_jk = _multiply(root_p, turn_jk)
        turn_k = _multiply(root_m, turn_k)
    return table


def _powers(root: Complex, n: int) -> np.ndarray:
    """(2, n, 1) real and imaginary parts of root, root^2 ... root^n, each a product with the one before."""
    powers = itertools.accumulate(itertools.repeat(root, n), lambda power, root: _multiply(root, power))
    return np.array(list(powers), np.float32).reshape(n, 2).T[:, :, None].copy()


def _root_of_unity(n: int) -> Complex:
    """exp(-2 pi i / n) of an angle rounded to float32."""
    sin, cos = _c_library_sin_cos(np.float32(-2 * math.pi / n))
    return np.float32(cos), np.float32(sin)


def _multiply(a: Complex, b: Complex) -> Complex:
    return b[0] * a[0] - b[1] * a[1], b[0] * a[1] + b[1] * a[0]


def _c_library_sin_cos(angle: np.ndarray | np.float32) -> tuple[np.ndarray, np.ndarray]:
    """sinf and cosf as in glibc since 2.28, for |angle| < 120.

    NumPy's and torch's differ from it in the last bit here and there, which is enough to be seen.
    Source: glibc sysdeps/ieee754/flt-32/{s_sinf.c,s_cosf.c,sincosf_poly.h}.
    """
    x = np.asarray(angle, np.float64)
    quadrant = np.rint(x * (2 / math.pi)).astype(np.int64)
    x = x - quadrant * (math.pi / 2)
    x2 = x * x
    sin = (x + x * x2 * _SIN[0]) + (x * x2 * x2) * (_SIN[1] + x2 * _SIN[2])
    cos = ((1 + x2 * _COS[0]) + x2 * x2 * _COS[1]) + (x2 * x2 * x2) * (_COS[2] + x2 * _COS[3])
    odd = quadrant % 2 == 1
    sine = np.where(odd, cos, sin) * np.where(quadrant & 2, -1, 1)
    cosine = np.where(odd, sin, cos) * np.where((quadrant + 1) & 2, -1, 1)
    return sine.astype(np.float32), cosine.astype(np.float32)


_SIN = [float.fromhex(c) for c in ("-0x1.555545995a603p-3", "0x1.1107605230bc4p-7", "-0x1.994eb3774cf24p-13")]
_COS = [
    float.fromhex(c)
    for c in (
        "-0x1.ffffffd0c621cp-2",
        "0x1.55553e1068f19p-5",
        "-0x1.6c087e89a359dp-10",
        "0x1.99343027bf8c3p-16",
    )
]
