"""The telephone: its band and its companding."""

import numpy as np
import pytest
import torch

from pysid.augment import (
    Telephone,
    TelephoneConfig,
)
from pysid.augment.codec import band_pass, mu_law

RATE = 16000


def tone(hz, n=RATE):
    return torch.from_numpy(1000 * np.sin(2 * np.pi * hz * np.arange(n) / RATE)).float()[None]


class TestTelephone:
    def test_band(self):
        for hz, kept in [(100, False), (500, True), (3000, True), (4000, False)]:
            power = float(band_pass(tone(hz), RATE, 300.0, 3400.0)[0, 1000:-1000].square().mean())
            assert power == pytest.approx(500000, rel=0.02) if kept else power < 50, hz
        low = band_pass(tone(100), RATE, 0.0, 3400.0)
        np.testing.assert_allclose(low[0, 1000:-1000], tone(100)[0, 1000:-1000], atol=5)

    def test_mu_law_has_256_steps_and_a_steady_snr(self, signal):
        for rms in (30.0, 300.0, 3000.0):
            wave = torch.from_numpy(signal(20000, rms))
            coarse = mu_law(wave)
            assert len(coarse.unique()) <= 256
            assert 10 * torch.log10(wave.square().mean() / (coarse - wave).square().mean()) > 23

    def test_draws_utterances_and_keeps_padding(self, signal, rng):
        wave = torch.from_numpy(np.stack([signal(2000) for _ in range(40)]))
        result = Telephone(TelephoneConfig(probability=0.5, high_hz=(3400.0, 4000.0)))(wave, [1500] * 40, rng)
        changed = [not torch.equal(a[:1500], b[:1500]) for a, b in zip(result, wave, strict=True)]
        assert 10 < sum(changed) < 30
        assert not result[:, 1500:].any()

    def test_refusals(self):
        with pytest.raises(ValueError, match="high_hz must lie below 4000 Hz, got 4000"):
            Telephone(TelephoneConfig(high_hz=(4000.0,)), 8000)
        with pytest.raises(ValueError, match="expected 0 <= low_hz < high_hz"):
            TelephoneConfig(low_hz=3400.0)
