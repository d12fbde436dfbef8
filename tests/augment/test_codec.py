"""The telephone: its band, its companding and its 8 kHz."""

import numpy as np
import pytest
import torch

from pysid import _torchaudio
from pysid.augment import Telephone, TelephoneConfig
from pysid.augment.codec import band_pass, mu_law

RATE = 16000


def tone(hz, rate=RATE):
    return torch.from_numpy(1000 * np.sin(2 * np.pi * hz * np.arange(rate) / rate)).float()[None]


def power(wave):
    return float(wave[0, 1000:-1000].square().mean())


def test_the_filters_are_those_of_butterworth():
    for order in (1.0, 4.0):
        for hz in (100, 300, 1000, 3400, 3900):
            kept = power(band_pass(tone(hz, 8000), 8000, *np.array([[300.0], [3400.0], [order]]))) / 500000
            expected = 1 / (1 + (300 / hz) ** (2 * order)) / (1 + (hz / 3400) ** (2 * order))
            assert kept == pytest.approx(expected, rel=0.02, abs=1e-4), (order, hz)
    low = band_pass(tone(50, 8000), 8000, *np.array([[0.0], [3400.0], [8.0]]))
    np.testing.assert_allclose(low[0, 1000:-1000], tone(50, 8000)[0, 1000:-1000], atol=5)


def test_each_row_has_a_band_of_its_own():
    waves = torch.cat([tone(200, 8000), tone(200, 8000)])
    narrow = band_pass(waves, 8000, np.array([400.0, 0.0]), np.array([3000.0, 4000.0]), np.array([8.0, 8.0]))
    assert power(narrow[:1]) < 10 and power(narrow[1:]) == pytest.approx(500000, rel=0.02)


def test_mu_law_has_256_steps_and_a_steady_snr(signal):
    for rms in (30.0, 300.0, 3000.0):
        wave = torch.from_numpy(signal(20000, rms))
        coarse = mu_law(wave)
        assert len(coarse.unique()) <= 256
        assert 10 * torch.log10(wave.square().mean() / (coarse - wave).square().mean()) > 23


def test_nothing_is_left_above_4_khz():
    telephone = Telephone(TelephoneConfig(probability=1.0))
    for hz, kept in ((1000, True), (2500, True), (5500, False), (7000, False)):
        heard = power(telephone(tone(hz), rng=np.random.default_rng(0)))
        assert heard > 250000 if kept else heard < 50, hz
    spectrum = torch.fft.rfft(telephone(torch.randn(1, RATE) * 1000, rng=np.random.default_rng(1))[0, 1000:-1000]).abs()
    assert spectrum[-len(spectrum) // 3 :].mean() < 0.01 * spectrum[len(spectrum) // 8 : len(spectrum) // 3].mean()


def test_a_wide_band_is_what_a_recording_at_8_khz_has(signal):
    wave = torch.from_numpy(signal(8001, 1000.0))[None]
    wide = TelephoneConfig(
        probability=1.0, low_hz=(0.0, 0.0), high_hz=(4000.0, 4000.0), order=(900.0, 900.0), mu_law=False
    )
    resample = _torchaudio.functional.resample
    expected = resample(resample(wave, RATE, 8000), 8000, RATE)[:, :8001]
    heard = Telephone(wide)(wave, rng=np.random.default_rng(0))
    assert heard.shape == wave.shape
    assert (heard - expected)[:, 500:-500].abs().max() < 30
    at_its_own_rate = Telephone(wide, 8000)(wave, rng=np.random.default_rng(0))
    torch.testing.assert_close(at_its_own_rate[:, 500:-500], wave[:, 500:-500], atol=30, rtol=0)


def test_draws_utterances_and_keeps_padding(signal, rng):
    wave = torch.from_numpy(np.stack([signal(2000) for _ in range(40)]))
    result = Telephone(TelephoneConfig(probability=0.5))(wave, [1500] * 40, rng)
    changed = [not torch.equal(a[:1500], b[:1500]) for a, b in zip(result, wave, strict=True)]
    assert 10 < sum(changed) < 30
    assert not result[:, 1500:].any()


def test_a_batch_is_its_rows_one_by_one(signal):
    wave = torch.from_numpy(np.stack([signal(4000) for _ in range(6)]))
    telephone = Telephone(TelephoneConfig(probability=0.7))
    draws = telephone.draw(6, np.random.default_rng(2))
    whole = telephone.apply_drawn(wave, None, draws)
    for i in range(6):
        one = telephone.apply_drawn(wave[i : i + 1], None, draws[i : i + 1])[0]
        # A sample at the border of two steps of mu-law may fall to either side.
        assert (one - whole[i]).abs().mean() < 1


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"probability": 1.1}, r"probability must lie in \[0, 1\]"),
        (
            {"low_hz": (400.0, 300.0)},
            r"low_hz must be a lowest and a highest number within \[0, 4000\], got 400.0 and 300.0",
        ),
        ({"low_hz": (0.0, 3000.0)}, r"low_hz must lie below high_hz, got \(0.0, 3000.0\) and \(3000.0, 4000.0\)"),
        ({"low_hz": (float("-inf"), 300.0)}, "low_hz must be a lowest and a highest number"),
        ({"high_hz": (3000.0, 4001.0)}, r"high_hz must be .* within \[0, 4000\], got 3000.0 and 4001.0"),
        ({"order": (0.0, 2.0)}, r"order must be .* within \[0.5, 1000\], got 0.0 and 2.0"),
        ({"order": (1.0, float("inf"))}, r"order must be .* within \[0.5, 1000\], got 1.0 and inf"),
    ],
)
def test_refusals(wrong, message):
    with pytest.raises(ValueError, match=message):
        TelephoneConfig(**wrong)


def test_a_rate_below_that_of_telephones_is_refused():
    with pytest.raises(ValueError, match="sample_rate must not be lower, got 6000"):
        Telephone(sample_rate=6000)
