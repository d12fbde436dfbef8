"""Kaldi's FFT of real frames, rounding for rounding.

Kaldi's FFT is less exact than the usual ones: it multiplies its twiddle factors up in float32. Where there
is little power at high frequencies the error shows, up to 5e-3 in the MFCCs of speech and 2e-2 in those of
a tone. This module repeats the arithmetic in Kaldi's order; the MFCCs are then within 1e-4 of Kaldi's, but
take four times as long.

The arithmetic is written once, for arrays of NumPy and of torch: `pysid.frontend.kaldi_fft` is the torch module.

Sources: Kaldi matrix/srfft.cc (powers of two: split radix, after H. Malvar, "Signal Processing with Lapped
Transforms", 1992) and matrix/matrix-functions.cc (other sizes: mixed radix).

Every product and sum stands alone, for a fused multiply-add would round differently.
"""

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

Complex = tuple[np.float32, np.float32]  # real, imaginary
Array = Any  # of NumPy or of torch


def fft_tables(n: int) -> dict[str, np.ndarray]:
    """What `power_spectrum` of frames of n samples, an even number, looks up."""
    tables = {"half_turn": _powers(_root_of_unity(n), n // 4)}
    if _is_power_of_two(n):
        tables["order"] = _split_radix_order(n // 2)
        sizes = (2**i for i in range(3, (n // 2).bit_length()))
        return tables | {f"twiddles_{m}": _split_radix_twiddles(m) for m in sizes}
    return tables | {f"twiddles_{m}": _mixed_radix_twiddles(m, p) for m, p in _mixed_radix_sizes(n // 2)}


def power_spectrum(frames: Array, tables: Mapping[str, Array], xp: Any) -> Array:
    """Power spectrum of real frames with Kaldi's roundings.

    Args:
        frames: (..., n) float32, n even.
        tables: `fft_tables(n)`, as arrays of the frames' kind.
        xp: their library, `numpy` or `torch`.
    Returns:
        (..., n / 2), the power at n / 2 left out.
    """
    n = frames.shape[-1]
    rows = frames.reshape(-1, n)
    # Frames come last, so that every operation runs over many of them at once.
    pairs = xp.stack([rows[:, ::2].T, rows[:, 1::2].T])[None]  # (1, 2, n / 2, F)
    b = _split_radix(pairs, tables, xp) if _is_power_of_two(n) else _mixed_radix(pairs, tables, xp)[0]
    return _power(b, tables["half_turn"], xp).T.reshape(*frames.shape[:-1], n // 2)


def _is_power_of_two(n: int) -> bool:
    return n & (n - 1) == 0


def _power(b: Array, half_turn: Array, xp: Any) -> Array:
    """(n / 2, F) power of the real signal from b (2, n / 2, F), the FFT of its pairs of samples."""
    n = b.shape[1]
    re, im = b[:, 1 : n // 2 + 1]  # bins k
    mirrored_re, mirrored_im = xp.flip(b[:, n - n // 2 :], (1,))  # bins n / 2 - k
    even_re, even_im = 0.5 * (re + mirrored_re), 0.5 * (im - mirrored_im)
    odd_re, odd_im = 0.5 * (im + mirrored_im), -0.5 * (re - mirrored_re)
    w_re, w_im = half_turn
    turned_re, turned_im = w_re * odd_re - w_im * odd_im, w_re * odd_im + w_im * odd_re
    zero = xp.square(b[0, :1] + b[1, :1])
    lower = xp.square(even_re + turned_re) + xp.square(even_im + turned_im)
    upper = xp.square(even_re - turned_re) + xp.square(turned_im - even_im)
    return xp.concatenate([zero, lower, xp.flip(upper[: (n - 1) // 2], (0,))])


def _split_radix(x: Array, tables: Mapping[str, Array], xp: Any) -> Array:
    """(2, m, F) complex FFT of x (1, 2, m, F), m a power of two.

    A block of size m becomes one of m / 2 and two of m / 4. Blocks of one size are worked on together;
    `order` puts the results in place.
    """
    smaller = x[:0, :, : max(x.shape[2] // 2, 1)]  # blocks of half the size of those in x
    while x.shape[2] > 1:
        half, quarters = _split(x, tables, xp)
        x, smaller = xp.concatenate([half, smaller]), quarters
    return xp.moveaxis(xp.concatenate([x, smaller])[tables["order"], :, 0], 1, 0)


def _split(x: Array, tables: Mapping[str, Array], xp: Any) -> tuple[Array, Array]:
    """Blocks (K, 2, m, F) to (K, 2, m / 2, F) and (2 K, 2, m / 4, F); to two of size 1 when m is 2."""
    n_blocks, _, m, n_frames = x.shape
    low, high = x[:, :, : m // 2], x[:, :, m // 2 :]
    if m == 2:
        return low + high, low - high
    difference = (low - high).reshape(n_blocks, 2, 2, m // 4, n_frames)
    re1, re2, im1, im2 = difference[:, 0, 0], difference[:, 0, 1], difference[:, 1, 0], difference[:, 1, 1]
    re = xp.stack([re1 + im2, re1 - im2], 1)  # (K, 2 quarters, m / 4, F)
    im = xp.stack([im1 - re2, im1 + re2], 1)
    if m > 4:
        re, im = _turn(re, im, tables[f"twiddles_{m}"])
    return low + high, xp.stack([re, im], 2).reshape(2 * n_blocks, 2, m // 4, n_frames)


def _turn(re: Array, im: Array, twiddles: Array) -> tuple[Array, Array]:
    """Turns point n of quarters (K, 2, m / 4, F) by n m-th turns in the first, by 3 n in the second."""
    eighth = re.shape[2] // 2
    cos, minus_sum, difference = twiddles
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


def _mixed_radix(x: Array, tables: Mapping[str, Array], xp: Any) -> Array:
    """Complex FFT of blocks x (K, 2, m, F): p FFTs of every p-th point, then their weighted sums."""
    n_blocks, _, m, n_frames = x.shape
    if m == 1:
        return x
    twiddles = tables[f"twiddles_{m}"]  # (p, 2, p, q, 1)
    p = len(twiddles)
    q = m // p
    every_pth = xp.moveaxis(x.reshape(n_blocks, 2, q, p, n_frames), 3, 1)  # (K, p, 2, q, F)
    parts = _mixed_radix(every_pth.reshape(n_blocks * p, 2, q, n_frames), tables, xp)
    parts = parts.reshape(n_blocks, p, 2, q, n_frames)
    re, im = parts[:, 0, 0, None], parts[:, 0, 1, None]
    for i in range(1, p):
        w_re, w_im = twiddles[i]
        x_re, x_im = parts[:, i, 0, None], parts[:, i, 1, None]
        re, im = re + (x_re * w_re - x_im * w_im), im + (x_re * w_im + x_im * w_re)
    return xp.stack([re, im], 1).reshape(n_blocks, 2, m, n_frames)


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
