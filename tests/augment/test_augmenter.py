"""The augmenter draws by weights and applies what it drew to batches."""

from collections import Counter

import numpy as np
import pytest
import torch

from pysid.augment import (
    AugmentConfig,
    Augmenter,
    BabbleAugment,
    Corruption,
    MadeNoiseAugment,
    MusicAugment,
    NoiseAugment,
    ReverbAugment,
    reverberate,
)
from pysid.config import from_plain, to_plain

RATE = 16000


class TestAugmenter:
    def test_probability_and_weights(self, banks, rng):
        policies = (ReverbAugment(weight=2.0), NoiseAugment(), MusicAugment(weight=0.0), BabbleAugment())
        augmenter = Augmenter(AugmentConfig(probability=0.8, policies=policies), **banks)
        counts = Counter(augmenter.draw(10, rng).kind for _ in range(2000))
        expected = {"clean": 0.2, "reverb": 0.4, "noise": 0.2, "babble": 0.2}
        assert {kind: n / 2000 for kind, n in counts.items()} == pytest.approx(expected, abs=0.04)

    def test_seed_reproduces_and_matters(self, banks, signal):
        augmenter = Augmenter(AugmentConfig(probability=1.0), **banks)
        wave = torch.from_numpy(np.stack([signal(3000) for _ in range(6)]))
        first, again, other = (augmenter(wave, None, np.random.default_rng(seed)) for seed in (1, 1, 2))
        assert torch.equal(first, again)
        assert not torch.equal(first, other)

    def test_batch_equals_one_by_one(self, banks, signal):
        augmenter = Augmenter(AugmentConfig(probability=0.9), **banks)
        lengths = [7000, 2000, 5000, 300, 6500, 6999, 4000, 1, 800, 2500, 5500, 50]
        batch = torch.full((len(lengths), 7000), 55.0)
        for row, n in zip(batch, lengths, strict=True):
            row[:n] = torch.from_numpy(signal(n))
        together = augmenter(batch, lengths, np.random.default_rng(3))
        rng = np.random.default_rng(3)
        for i, n in enumerate(lengths):
            alone = augmenter(batch[i : i + 1, :n], None, rng)[0]
            np.testing.assert_allclose(together[i, :n], alone, rtol=0, atol=1e-5 * float(alone.abs().max()))
            assert not together[i, n:].any()

    def test_gives_what_reverberate_gives(self, banks, signal, rng):
        wave = signal(6000)
        augmenter = Augmenter(AugmentConfig(probability=1.0, policies=(NoiseAugment(),)), **banks)
        ours = augmenter(torch.from_numpy(wave)[None], None, np.random.default_rng(4))[0]
        rng = np.random.default_rng(4)
        rng.random(), rng.choice(1, p=[1.0])  # whether and what
        noises = NoiseAugment().draw(banks["noises"], 6000, rng)
        whole = [next(w for w in banks["noises"].waves if w[0] == noise.samples[:][0]) for noise in noises]
        places = [noise.start / RATE for noise in noises]
        theirs = reverberate(wave, RATE, None, whole, [noise.snr_db for noise in noises], places)
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-2)

    def test_power_is_preserved(self, banks, signal, rng):
        wave = torch.from_numpy(np.stack([signal(20000) for _ in range(8)]))
        policies = (NoiseAugment(), MusicAugment(), BabbleAugment())
        harder = Augmenter(AugmentConfig(probability=1.0, policies=policies), **banks)(wave, None, rng)
        np.testing.assert_allclose(harder.square().mean(1), wave.square().mean(1), rtol=1e-4)
        assert not any(map(torch.equal, harder, wave))

    def test_room_and_noise_together(self, banks, signal):
        wave = signal(3000)
        room, noise = banks["responses"].draw(np.random.default_rng(0)), signal(500)
        mixture = Corruption("both", response=room, noise=noise / 1000)
        ours = Augmenter(AugmentConfig(), **banks).render(torch.from_numpy(wave)[None], None, [mixture])[0]
        snr_db = -10 * np.log10(np.mean((noise / 1000.0) ** 2))
        theirs = reverberate(wave, RATE, room, [noise], [snr_db], [0.0])
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=0.05)

    def test_noise_in_rooms(self, banks, signal):
        policies = (ReverbAugment(weight=0.0), NoiseAugment(), MadeNoiseAugment())
        config = AugmentConfig(probability=0.8, policies=policies, room_probability=0.5)
        augmenter = Augmenter(config, **banks)
        rng = np.random.default_rng(5)
        drawn = [augmenter.draw(400, rng) for _ in range(1000)]
        assert {c.kind for c in drawn} == {"clean", "noise", "made"}
        noisy = [c for c in drawn if c.noise is not None]
        assert np.mean([c.response is not None for c in noisy]) == pytest.approx(0.5, abs=0.06)
        assert all(c.response is None for c in drawn if c.noise is None)
        # Some of the group in rooms have noise too, others have not: each is as it is alone.
        some = [
            Corruption(),
            next(c for c in noisy if c.response is not None),
            Corruption("reverb", augmenter._room(rng)),
        ]
        wave = torch.from_numpy(np.stack([signal(400) for _ in some]))
        together = augmenter.render(wave, None, some)
        for row, own, corruption in zip(together, wave, some, strict=True):
            alone = augmenter.render(own[None], None, [corruption])[0]
            np.testing.assert_allclose(row, alone, rtol=0, atol=1e-5 * float(alone.abs().max()))

    def test_made_noise_has_its_level(self, signal, rng):
        wave = torch.from_numpy(signal(16000))[None]
        config = AugmentConfig(probability=1.0, policies=(MadeNoiseAugment(snrs_db=(6.0,)),))
        noise = Augmenter(config).draw(16000, rng).noise
        assert 10 * np.log10(np.mean(noise**2)) == pytest.approx(-6.0, abs=0.01)
        assert not torch.equal(Augmenter(config)(wave, None, rng), wave)

    def test_refusals(self, banks):
        with pytest.raises(
            ValueError, match=r"the policy 'babble' needs recordings: Augmenter\(\.\.\., speech=\.\.\.\)"
        ):
            Augmenter(AugmentConfig(), **{**banks, "speech": None})
        with pytest.raises(ValueError, match="expected responses at 8000 Hz, got 16000 Hz"):
            Augmenter(AugmentConfig(), 8000, **banks)

    def test_config_survives_plain_text(self):
        config = AugmentConfig(probability=0.3, policies=(MusicAugment(counts=(1, 2)), ReverbAugment(weight=3.0)))
        assert from_plain(AugmentConfig, to_plain(config), "a.yaml") == config
