"""Noises, channels and colours of mixed windows."""

from dataclasses import replace

import numpy as np
import pytest

from pysid.augment.banks import MemoryBank
from pysid.training.segmentation.surroundings import Colour, Surroundings, SurroundingsConfig

from .conftest import NOTHING, RATE


def surroundings(config, sounds=None, music=None):
    return Surroundings(config, sounds, music, 4 * RATE, RATE, seed=0)


@pytest.mark.parametrize("kind", ["sound", "music", "babble", "steady"])
def test_noises_have_the_level_that_is_asked_for(kind):
    bank = MemoryBank([np.random.default_rng(1).normal(0, 300, 8 * RATE).astype(np.int16)], RATE)
    levels = {"steady_snr_db": (10.0, 10.0), "sound_snr_db": (10.0, 10.0), "babble_snr_db": (10.0, 10.0)}
    config = replace(NOTHING, quiet=0.0, loud_probability=0.0, **levels, **{f"{kind}_probability": 1.0})
    made = surroundings(config, bank, bank)
    voices = [np.random.default_rng(i).normal(0, 1, 4 * RATE) for i in range(4)]
    powers_db = [
        10 * np.log10(np.square(made.noise(lambda: voices, np.random.default_rng(s))).mean()) for s in range(20)
    ]
    assert max(powers_db) == pytest.approx(-10, abs=1.0)
    assert np.median(powers_db) == pytest.approx(-10, abs=4.0)  # some begin later than the window


def test_a_telephone_keeps_its_band():
    made = surroundings(replace(NOTHING, telephone_probability=1.0))
    gains = made.channel(np.random.default_rng(0))
    at = {hz: float(gains[np.abs(made.hz - hz).argmin()]) for hz in (50, 1000, 3900)}
    assert at[50] < 0.02 and at[1000] == pytest.approx(1, abs=0.02) and at[3900] < 0.1
    assert surroundings(NOTHING).channel(np.random.default_rng(0)) is None


def test_colour_brings_spectra_together():
    hz = np.fft.rfftfreq(4 * RATE, 1 / RATE)
    rng = np.random.default_rng(0)
    flat = [np.fft.rfft(rng.normal(size=4 * RATE)) for _ in range(4)]
    tilted = flat[0] * (1 + hz / 500)
    colour = Colour(hz, flat)
    mended = tilted * colour.gains(tilted, 1.0)

    def slope(x):
        return np.log(np.abs(x[8000:15000]).mean() / np.abs(x[500:3000]).mean())

    assert abs(slope(mended)) < 0.15 * slope(tilted)
    np.testing.assert_allclose(colour.gains(tilted, 0.0), 1.0, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steady_snr_db": (3.0, 1.0)}, "steady_snr_db must be a lowest and a highest number"),
        ({"tilt_probability": -0.1}, r"tilt_probability must lie in \[0, 1\]"),
        ({"quiet_snr_db": (3.0, float("inf"))}, r"quiet_snr_db must be .* within \[-200, 200\], got 3.0 and inf"),
        ({"tilt_db": -1.0}, r"tilt_db must lie in \[0, 200\], got -1.0"),
        ({"sound_probability": 0.9, "music_probability": 0.2}, "add up to more than 1"),
    ],
)
def test_wrong_surroundings(options, message):
    with pytest.raises(ValueError, match=message):
        SurroundingsConfig(**options)
