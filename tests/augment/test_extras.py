"""Speed, telephones, SpecAugment."""

import numpy as np
import pytest
import torch

from pysid.augment import (
    SpecAugment,
    SpecAugmentConfig,
    SpeedConfig,
    SpeedPerturb,
    Telephone,
    TelephoneConfig,
    change_speed,
    speed_labels,
    speed_name,
)
from pysid.augment.codec import band_pass, mu_law

RATE = 16000


def tone(hz, n=RATE):
    return torch.from_numpy(1000 * np.sin(2 * np.pi * hz * np.arange(n) / RATE)).float()[None]


def strongest_hz(wave):
    return float(np.abs(np.fft.rfft(wave)).argmax() * RATE / len(wave))


class TestSpeed:
    @pytest.mark.parametrize("factor", [0.9, 1.1, 1.25])
    def test_pitch_and_length(self, factor):
        faster, lengths = change_speed(tone(500), factor=factor)
        assert lengths.tolist() == [faster.shape[1]] == [-(-RATE * 100 // round(factor * 100))]
        assert strongest_hz(faster[0]) == pytest.approx(500 * factor, abs=1.5)

    def test_batch_equals_one_by_one(self, signal):
        perturb, lengths = SpeedPerturb(), [4000, 1500, 3999, 2000, 10]
        batch = torch.full((5, 4000), 9.0)
        for row, n in zip(batch, lengths, strict=True):
            row[:n] = torch.from_numpy(signal(n))
        wave, counts, speed = perturb(batch, lengths, np.random.default_rng(1))
        assert len(set(speed.tolist())) == 3
        for i, n in enumerate(lengths):
            alone, (count,) = change_speed(batch[i : i + 1, :n], factor=perturb.config.factors[speed[i]])
            assert count == counts[i] == alone.shape[1]
            np.testing.assert_allclose(wave[i, :count], alone[0], rtol=0, atol=1e-5 * float(alone.abs().max()))
            assert not wave[i, count:].any()

    def test_new_speeds_are_new_speakers(self):
        labels = speed_labels(torch.tensor([4, 4, 4]), torch.tensor([0, 1, 2]), (1.0, 0.9, 1.1), 5)
        assert labels.tolist() == [4, 9, 14]
        assert speed_name("A-1", 1.1) == "sp1.1-A-1"

    def test_refusals(self):
        with pytest.raises(ValueError, match=r"a speed must lie in \[0\.1, 10\], got 0"):
            SpeedConfig(factors=(0.0,))
        with pytest.raises(ValueError, match="expected different factors"):
            SpeedConfig(factors=(1.1, 1.1))


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


class TestSpecAugment:
    def test_masks_are_within_their_widths_and_the_utterance(self, rng):
        config = SpecAugmentConfig(n_time_masks=1, max_time_frames=20, n_band_masks=1, max_bands=4)
        features = torch.ones(200, 90, 30)
        lengths = [50] * 200
        hidden = SpecAugment(config)(features, lengths, rng) == 0
        in_time, in_band = hidden.all(2), hidden.all(1)
        assert in_time.sum(1).max() == 10  # a fifth of 50, and not 20
        assert not in_time[:, 50:].any()
        assert in_band.sum(1).max() == 4
        assert in_time[:, 0].any() and in_time[:, 49].any() and in_band[:, 0].any() and in_band[:, 29].any()
        assert torch.equal(hidden, in_time[:, :, None] | in_band[:, None])

    def test_batch_equals_one_by_one(self, rng):
        features = torch.randn(5, 80, 30)
        together = SpecAugment()(features, [80, 10, 60, 0, 33], np.random.default_rng(2))
        one = np.random.default_rng(2)
        for i, n in enumerate([80, 10, 60, 0, 33]):
            assert torch.equal(together[i, :n], SpecAugment()(features[i : i + 1, :n], None, one)[0])

    def test_refusals(self):
        with pytest.raises(ValueError, match="must not be negative"):
            SpecAugmentConfig(max_bands=-1)
        with pytest.raises(ValueError, match=r"max_time_share must lie in \[0, 1\]"):
            SpecAugmentConfig(max_time_share=2.0)
