"""Utterances that are corrupted in blocks: as if they were whole."""

import numpy as np
import pytest
import torch

from pysid.augment import MemoryBank, MusicAugment, NoiseAugment
from pysid.augment import noise as noise_module
from pysid.augment.long_wave import corrupted_blocks
from pysid.augment.noise import add_up
from pysid.augment.room_batch import corrupt

RATE = 16000
N = 50_000


@pytest.fixture
def wave(signal):
    return signal(N)


def in_blocks(wave, size, response=None, noises=()):
    def read():
        return (wave[at : at + size] for at in range(0, len(wave), size))

    return np.concatenate(list(corrupted_blocks(read, len(wave), response, noises, RATE)))


@pytest.fixture(params=[3000, 16_385, N])
def small_blocks(request, monkeypatch):
    """Blocks of several sizes, within one recording and over all of it."""
    monkeypatch.setattr("pysid.augment.long_wave.BLOCK_SAMPLES", request.param)
    monkeypatch.setattr("pysid.augment.banks.BLOCK_SAMPLES", request.param)
    monkeypatch.setattr(noise_module, "BLOCK_SAMPLES", request.param)
    return request.param


@pytest.mark.parametrize("policy", [NoiseAugment(interval_s=0.1), MusicAugment(start="random")])
def test_noises(wave, signal, small_blocks, policy):
    bank = MemoryBank([signal(4000), signal(12_000)], RATE)
    noises = policy.draw(bank, N, np.random.default_rng(1))
    expected = corrupt(torch.from_numpy(wave)[None], None, RATE, noise=torch.from_numpy(add_up(noises, N))[None])[0]
    np.testing.assert_allclose(in_blocks(wave, 7001, noises=noises), expected, rtol=0, atol=0.02)


@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize("n_response", [1, 300, 4000])
def test_rooms(wave, signal, response, small_blocks, n_response, noisy):
    room = response(n_response, peak=min(40, n_response - 1))
    bank = MemoryBank([signal(12_000)], RATE)
    noises = NoiseAugment(snrs_db=(5.0,)).draw(bank, N, np.random.default_rng(1)) if noisy else []
    whole = corrupt(
        torch.from_numpy(wave)[None],
        None,
        RATE,
        response=torch.from_numpy(room)[None],
        response_lengths=[n_response],
        noise=torch.from_numpy(add_up(noises, N))[None] if noisy else None,
    )[0]
    np.testing.assert_allclose(in_blocks(wave, 7001, room, noises), whole, rtol=0, atol=0.5)


def test_what_is_silent_or_clean(wave, response):
    np.testing.assert_allclose(in_blocks(wave, 999), wave, rtol=1e-6)
    assert not in_blocks(np.zeros(5000, np.float32), 999, response(100)).any()
