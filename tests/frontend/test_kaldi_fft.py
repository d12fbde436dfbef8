"""The real proof is in test_kaldi_parity.py, for FFTs of 512 and 256 points; here the rest."""

import math

import numpy as np
import pytest
import torch

from pysid.frontend.kaldi_fft import KaldiFft
from pysid.frontend.plain.kaldi_fft import _c_library_sin_cos

F = np.float32


@pytest.mark.parametrize("n", [2, 4, 6, 8, 10, 16, 30, 32, 64, 200, 240, 256, 400, 512, 1024, 1102, 2048])
def test_power_is_that_of_an_exact_fft(n):
    frames = torch.randn(3, 2, n, generator=torch.Generator().manual_seed(n))
    exact = torch.fft.rfft(frames.double()).abs().square()[..., : n // 2]
    ours = KaldiFft(n)(frames)
    assert ours.shape == (3, 2, n // 2)
    assert (ours - exact).abs().max() < 3e-5 * exact.max()  # 2e-5 for 1102, which has large prime factors


def multiply(a, b):
    return b[0] * a[0] - b[1] * a[1], b[0] * a[1] + b[1] * a[0]


def add_product(a, b, c):
    return c[0] + (b[0] * a[0] - b[1] * a[1]), c[1] + (b[0] * a[1] + b[1] * a[0])


def root_of_unity(n):
    sin, cos = _c_library_sin_cos(F(-2 * math.pi / n))
    return F(cos), F(sin)


def scalar_fft(x):
    """Kaldi's ComplexFftRecursive (matrix/matrix-functions.cc), one scalar at a time."""
    n = len(x)
    if n == 1:
        return x
    p = next(p for p in range(2, n + 1) if n % p == 0)
    q = n // p
    parts = [scalar_fft(x[i::p]) for i in range(p)]
    out = [None] * n
    turn_q = (F(1), F(0))
    for k in range(q):
        turn = turn_q
        for j in range(p):
            total = add_product(turn, parts[1][k], parts[0][k])
            power = turn
            for i in range(2, p):
                power = multiply(turn, power)
                total = add_product(power, parts[i][k], total)
            out[j * q + k] = total
            turn = multiply(root_of_unity(p), turn)
        turn_q = multiply(root_of_unity(n), turn_q)
    return out


def scalar_power(frame):
    """Kaldi's RealFft and ComputePowerSpectrum, one scalar at a time."""
    n = len(frame)
    b = scalar_fft([(frame[i], frame[i + 1]) for i in range(0, n, 2)])
    spectrum = [None] * (n // 2)
    spectrum[0] = (b[0][0] + b[0][1], F(0))
    half, turn = F(0.5), (F(1), F(0))
    for k in range(1, n // 4 + 1):
        turn = multiply(root_of_unity(n), turn)
        m = n // 2 - k
        even = half * (b[k][0] + b[m][0]), half * (b[k][1] - b[m][1])
        odd = half * (b[k][1] + b[m][1]), -half * (b[k][0] - b[m][0])
        spectrum[k] = add_product(odd, turn, even)
        if m != k:
            spectrum[m] = add_product((odd[0], -odd[1]), (-turn[0], turn[1]), (even[0], -even[1]))
    return [re * re + im * im for re, im in spectrum]


@pytest.mark.parametrize("n", [6, 12, 20, 30, 50, 200, 400])
def test_mixed_radix_rounds_as_kaldi_does(n):
    frame = torch.randn(n, generator=torch.Generator().manual_seed(n))
    np.testing.assert_array_equal(KaldiFft(n)(frame[None])[0].numpy(), scalar_power(frame.numpy()))


def test_sines_of_the_c_library():
    """Where the C library rounds otherwise than a correctly rounded sine: found with glibc 2.36."""
    angles = np.linspace(-100, 100, 20001).astype(F)
    sin, cos = _c_library_sin_cos(angles)
    np.testing.assert_allclose(sin, np.sin(angles.astype(np.float64)), rtol=0, atol=2**-24 * 1.2)
    np.testing.assert_allclose(cos, np.cos(angles.astype(np.float64)), rtol=0, atol=2**-24 * 1.2)
