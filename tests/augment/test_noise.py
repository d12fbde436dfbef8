"""Noises: as loud as asked for, and where asked for."""

import numpy as np
import pytest

from pysid.augment import Noise, add_up, reverberate
from pysid.augment.noise import mean_square

RATE = 16000


class TestNoise:
    @pytest.mark.parametrize("snr_db", [-5.0, 0.0, 15.0])
    @pytest.mark.parametrize("n_noise", [8000, 2500, 20000])
    def test_snr_is_that_of_the_whole_noise(self, snr_db, n_noise, signal):
        wave, noise = signal(8000), signal(n_noise, rms=37.0)
        mixed = reverberate(wave, RATE, None, [noise], [snr_db], [0.0], normalize_output=False)
        heard = (mixed - wave)[:n_noise]
        gain = (heard @ noise[:8000]) / (noise[:8000] @ noise[:8000])
        np.testing.assert_allclose(heard, gain * noise[:8000], rtol=0, atol=0.01)
        measured_db = 10 * np.log10(mean_square(wave) / mean_square(gain * noise))
        assert measured_db == pytest.approx(snr_db, abs=1e-3)

    def test_power_of_the_mixture_is_that_of_the_speech(self, signal):
        wave = signal(8000)
        mixed = reverberate(wave, RATE, None, [signal(9000)], [0.0], [0.1])
        assert mean_square(mixed) == pytest.approx(mean_square(wave), rel=1e-5)

    def test_starts_where_asked_and_past_the_end_is_not_heard(self, signal):
        wave, noise = signal(8000), signal(500)
        options = {"normalize_output": False}
        mixed = reverberate(wave, RATE, None, [noise, noise], [3.0, 3.0], [0.25, 9.0], **options)
        (heard,) = np.nonzero(mixed - wave)
        assert (heard[0], heard[-1]) == (4000, 4499)

    def test_a_silent_noise_adds_nothing(self, signal):
        wave = signal(1000)
        np.testing.assert_array_equal(reverberate(wave, RATE, None, [np.zeros(400)], [0.0], [0.0]), wave)

    def test_noises_add_up(self, signal):
        noises = [Noise(signal(300), 10.0, 50), Noise(signal(900), 5.0)]
        together = add_up(noises, 700)
        np.testing.assert_allclose(together, add_up(noises[:1], 700) + add_up(noises[1:], 700), atol=1e-6)
