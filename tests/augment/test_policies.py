"""Policies draw by Kaldi's rules."""

from collections import Counter

import numpy as np
import pytest

from pysid.augment import (
    AugmentConfig,
    BabbleAugment,
    MemoryBank,
    MusicAugment,
    NoiseAugment,
)

RATE = 16000


class TestPolicies:
    def test_noises_follow_one_another_an_interval_apart(self, banks, rng):
        bank = banks["noises"]
        noises = NoiseAugment(interval_s=0.5).draw(bank, 60000, rng)
        lengths = {bank.power(i): bank.n_samples(i) for i in range(len(bank))}
        ends = [noise.start + lengths[noise.power] for noise in noises]
        assert noises[0].start == 0
        assert [noise.start for noise in noises[1:]] == [end + 8000 for end in ends[:-1]]
        assert ends[-1] + 8000 >= 60000
        assert {noise.snr_db for noise in NoiseAugment().draw(bank, 3000000, rng)} == {15.0, 10.0, 5.0, 0.0}
        assert all(noise.start + len(noise.samples) <= 60000 for noise in noises)

    def test_a_noise_that_is_cut_has_its_whole_power(self, signal, rng):
        wave = np.concatenate([signal(1000, rms=10), signal(1000, rms=1000)])
        (noise,) = NoiseAugment().draw(MemoryBank([wave], RATE), 500, rng)
        assert len(noise.samples) == 500
        assert noise.power == pytest.approx(np.mean(wave.astype(float) ** 2))

    def test_music_is_one_recording_from_its_beginning(self, banks, rng):
        (noise,) = MusicAugment().draw(banks["music"], 50000, rng)
        assert any(np.array_equal(noise.samples[:], np.resize(wave, 50000)) for wave in banks["music"].waves)
        assert (noise.start, noise.snr_db in (15, 10, 8, 5)) == (0, True)

    def test_random_start(self, banks, rng):
        (noise,) = MusicAugment(start="random").draw(banks["music"], 50, rng)
        assert not any(np.array_equal(noise.samples[:], wave[:50]) for wave in banks["music"].waves)
        assert any(noise.samples[:].tobytes() in wave.tobytes() for wave in banks["music"].waves)

    def test_babble_is_three_to_seven_speakers(self, banks, rng):
        draws = [BabbleAugment().draw(banks["speech"], 100, rng) for _ in range(300)]
        counts = Counter(len(noises) for noises in draws)
        assert set(counts) == {3, 4, 5, 6, 7}
        assert min(counts.values()) > 30
        assert {noise.snr_db for noises in draws for noise in noises} == {20, 17, 15, 13}

    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda: NoiseAugment(weight=-1), "weight must be"),
            (lambda: NoiseAugment(snrs_db=()), r"expected snrs_db as numbers within \[-200, 200\], at least one"),
            (lambda: MusicAugment(snrs_db=(5.0, float("inf"))), "expected snrs_db as numbers within"),
            (lambda: NoiseAugment(interval_s=-0.1), "interval_s must be a number of at least 0, got -0.1"),
            (lambda: NoiseAugment(interval_s=float("inf")), "interval_s must be a number of at least 0, got inf"),
            (lambda: BabbleAugment(counts=(0, 3)), "expected counts of at least 1"),
            (lambda: AugmentConfig(probability=1.5), r"probability must lie in \[0, 1\]"),
            (lambda: AugmentConfig(policies=()), "expected a policy with a weight above 0"),
            (lambda: AugmentConfig(room_probability=-0.1), r"room_probability must lie in \[0, 1\]"),
            (
                lambda: AugmentConfig(room_probability=0.5, policies=(NoiseAugment(),)),
                'room_probability needs a policy of the kind "reverb"',
            ),
        ],
    )
    def test_refusals(self, make, message):
        with pytest.raises(ValueError, match=message):
            make()
