"""Noises that are made up."""

import numpy as np
import pytest

from pysid.augment.made_noise import breaths, bursts, clicks, steady_noise

RATE, N = 8000, 10 * 8000


@pytest.mark.parametrize("make", [steady_noise, bursts, breaths, clicks])
def test_noises_are_finite_and_functions_of_the_generator(make):
    for seed in range(20):
        noise = make(N, RATE, np.random.default_rng(seed))
        assert noise.shape == (N,) and noise.dtype == np.float32 and np.isfinite(noise).all()
        np.testing.assert_array_equal(noise, make(N, RATE, np.random.default_rng(seed)))


def test_steady_noise_has_unit_power():
    assert np.square(steady_noise(N, RATE, np.random.default_rng(0))).mean() == pytest.approx(1, rel=1e-4)


def test_breath_is_a_band_that_swells():
    low = high = 0
    for seed in range(20):
        noise = breaths(N, RATE, np.random.default_rng(seed))
        spectrum = np.abs(np.fft.rfft(noise)) ** 2
        hz = np.fft.rfftfreq(N, 1 / RATE)
        share = spectrum[hz < 400].sum() / spectrum.sum()
        low, high = low + (share > 0.9), high + (share < 0.2)
    assert low > 3 and high > 3 and low + high >= 18  # rumble, or a band higher up


def test_clicks_are_short_and_apart():
    shares = []
    for seed in range(20):
        noise = np.abs(clicks(N, RATE, np.random.default_rng(seed)))
        heard = np.flatnonzero(noise)
        lasting = noise[heard[0] : heard[-1] + 1]
        shares.append(np.mean(lasting > 0.1 * lasting.max()))
        assert heard[-1] - heard[0] < 5.1 * RATE
    assert np.median(shares) < 0.2
