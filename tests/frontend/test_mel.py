"""Filters on the mel scale, the cosine transform, and what options may be."""

import numpy as np
import pytest

from pysid.frontend import FbankConfig, MfccConfig
from pysid.frontend.mel import PlpConfig, centre_hz, dct_matrix, lifter_weights, mel_bank


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sample_rate": 0}, "sample_rate must be positive, got 0"),
        ({"sample_rate": 10**9}, "sample_rate must be at most 768000 Hz, got 1000000000"),
        ({"window_ms": 1e300}, r"window_ms and shift_ms must be at most 60000, got 1e\+300 and 10"),
        ({"shift_ms": float("inf")}, "window_ms and shift_ms must be at most 60000, got 25 and inf"),
        ({"window_ms": 0.1}, "window_ms must span 2 samples"),
        ({"shift_ms": 0.0}, "shift_ms must span a sample"),
        ({"window_ms": 25.07, "round_to_power_of_two": False}, "even number of samples, got a window of 401"),
        ({"dither": -1.0}, "dither must not be negative"),
        ({"preemphasis": 1.5}, r"preemphasis must lie in \[0, 1\], got 1.5"),
        ({"window_type": "hann"}, "window_type must be one of hamming, .*blackman, got 'hann'"),
        ({"n_mels": 2, "n_ceps": 2}, "n_mels must be 3 or more, got 2"),
        ({"low_hz": 9000.0}, "0 <= low_hz < high_hz <= 8000 Hz must hold, got low_hz 9000"),
        ({"high_hz": 8001.0}, "high_hz 8001"),
        ({"high_hz": -8000.0}, "high_hz -8000"),
        ({"energy_floor": -1.0}, "energy_floor must not be negative"),
        ({"energy_floor": 1e300}, r"energy_floor must be at most 1e\+30, got 1e\+300"),
        ({"n_ceps": 24}, r"n_ceps must lie in \[1, n_mels=23\], got 24"),
    ],
)
def test_wrong_options(arguments, message):
    with pytest.raises(ValueError, match=message):
        MfccConfig(**arguments)


@pytest.mark.parametrize(
    "config",
    [
        MfccConfig(),
        FbankConfig(n_mels=80),
        MfccConfig(sample_rate=8000, n_mels=23, low_hz=100.0, high_hz=-500.0),
        FbankConfig(n_mels=40, round_to_power_of_two=False),
    ],
)
def test_between_two_centres_the_weights_of_neighbours_add_up_to_one(config):
    bank, centres = mel_bank(config), centre_hz(config)
    assert bank.shape == (config.n_fft // 2, config.n_mels) and (bank >= 0).all()
    hz = np.arange(config.n_fft // 2) * config.sample_rate / config.n_fft
    between = (hz > centres[0]) & (hz < centres[-1])
    np.testing.assert_allclose(bank[between].sum(1), 1, atol=1e-4)
    assert not bank[(hz < config.low_hz) | (hz > config.top_hz)].any()
    mel = 1127 * np.log(1 + np.array([config.low_hz, *centres, config.top_hz]) / 700)
    np.testing.assert_allclose(np.diff(mel), np.diff(mel).mean(), rtol=1e-3)


def test_a_filter_needs_a_bin():
    with pytest.raises(ValueError, match="n_mels 200 is too large: a filter holds none of the 256 FFT bins"):
        mel_bank(FbankConfig(n_mels=200))


def test_the_cosine_transform_is_orthonormal_but_for_the_lifter():
    plain = dct_matrix(23, 23, 0.0).astype(float)
    np.testing.assert_allclose(plain.T @ plain, np.eye(23), atol=1e-6)
    np.testing.assert_allclose(dct_matrix(23, 13, 22.0), plain[:, :13] * lifter_weights(13, 22.0), rtol=1e-6)
    assert lifter_weights(3, 0).tolist() == [1, 1, 1]
    np.testing.assert_allclose(lifter_weights(12, 22.0)[[0, 11]], [1, 12])  # 1 + L/2 in the middle


def test_plp_options():
    assert PlpConfig.from_kaldi({"lpc-order": "14", "cepstral-scale": "2", "compress-factor": "0.5"}) == PlpConfig(
        lpc_order=14, scale=2.0, compress_factor=0.5, kaldi_fft=True
    )
    with pytest.raises(ValueError, match=r"n_ceps must lie in \[1, lpc_order \+ 1 = 13\], got 14"):
        PlpConfig(n_ceps=14)
