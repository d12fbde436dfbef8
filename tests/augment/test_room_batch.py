"""Rooms and noises for a batch: as one by one, and as the program for one wave."""

import numpy as np
import pytest
import torch

from pysid.augment import Noise, add_up, corrupt, reverberate

RATE = 16000


class TestBatch:
    def test_equals_one_by_one(self, signal, response):
        lengths, response_lengths = [8000, 300, 5000, 1], [600, 2500, 1, 700]
        waves = [signal(n) for n in lengths]
        rooms = [response(n, peak=min(40, n - 1)) for n in response_lengths]
        noises = [
            add_up([Noise(signal(4000), 5.0, 10)], n + r - 1) for n, r in zip(lengths, response_lengths, strict=True)
        ]
        batch = corrupt(
            stack(waves, garbage=77.0),
            lengths,
            RATE,
            response=stack(rooms, garbage=1e5),
            response_lengths=response_lengths,
            noise=stack(noises),
        )
        for i, (wave, room, noise) in enumerate(zip(waves, rooms, noises, strict=True)):
            alone = corrupt(stack([wave]), None, RATE, response=stack([room]), noise=stack([noise]))[0]
            np.testing.assert_allclose(batch[i, : len(wave)], alone, rtol=0, atol=1e-5 * float(alone.abs().max()))
            assert not batch[i, len(wave) :].any()

    def test_a_response_of_zeros_leaves_zeros(self, signal):
        result = corrupt(stack([signal(100)]), None, RATE, response=torch.zeros(1, 30))
        assert not result.any()


def stack(waves, garbage=0.0):
    batch = torch.full((len(waves), max(map(len, waves))), garbage)
    for row, wave in zip(batch, waves, strict=True):
        row[: len(wave)] = torch.from_numpy(np.asarray(wave, np.float32))
    return batch


class TestOneWaveAndBatch:
    """The program for one wave is in NumPy, the batch in torch: they agree far below a step of int16."""

    @pytest.mark.parametrize("shift_output", [True, False])
    @pytest.mark.parametrize(("n", "n_response"), [(16000, 4000), (500, 3000), (1, 7), (9000, 1)])
    def test_room_and_noise(self, n, n_response, shift_output, signal, response):
        wave, h, noise = signal(n), response(n_response, peak=n_response // 3), signal(n)
        one = reverberate(wave, RATE, h, [noise], [6.0], [0.0], shift_output=shift_output, duration_s=n / RATE)
        batch = corrupt(
            torch.from_numpy(wave)[None],
            None,
            RATE,
            response=torch.from_numpy(h)[None],
            noise=torch.from_numpy(add_up([Noise(noise, 6.0)], n + n_response - 1))[None],
            shift_output=shift_output,
        )
        assert len(one) == n
        np.testing.assert_allclose(one, batch[0], rtol=0, atol=1e-5 * np.abs(one).max())

    @pytest.mark.parametrize("options", [{"volume": 0.3}, {"normalize_output": False}, {}])
    def test_noise_alone(self, options, signal):
        wave, noise = signal(3000), signal(2000)
        one = reverberate(wave, RATE, None, [noise], [3.0], [0.05], **options)
        placed = torch.from_numpy(add_up([Noise(noise, 3.0, 800)], 3000))[None]
        batch = corrupt(torch.from_numpy(wave)[None], None, RATE, noise=placed, **options)
        np.testing.assert_allclose(one, batch[0], rtol=1e-6, atol=1e-3)
