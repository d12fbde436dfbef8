"""Speech at other speeds."""

import numpy as np
import pytest
import torch

from pysid.augment import (
    SpeedConfig,
    SpeedPerturb,
    change_speed,
    speed_labels,
    speed_name,
)

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
