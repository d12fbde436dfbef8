import pytest
import torch

from pysid.frontend import VadConfig, energy_vad


def voiced(energies, **options):
    return energy_vad(torch.tensor([energies]), config=VadConfig(**options))[0].int().tolist()


def test_threshold_follows_the_mean():
    # mean 8, so the threshold is 5 + 0.5 * 8 = 9; a frame must exceed it
    assert voiced([0.0, 9.0, 15.0, 8.0]) == [0, 0, 1, 0]
    assert voiced([0.0, 9.0, 15.0, 8.0], energy_mean_scale=0.0) == [0, 1, 1, 1]
    assert voiced([0.0, 9.0, 15.0, 8.0], energy_threshold=-4.0) == [0, 1, 1, 1]


def test_neighbours_have_a_say_and_are_fewer_at_the_ends():
    options = {"energy_threshold": 5.0, "energy_mean_scale": 0.0, "frames_context": 1}
    energies = [9.0, 0.0, 0.0, 9.0, 9.0, 0.0, 9.0]
    assert voiced(energies, **options, proportion_threshold=0.5) == [1, 0, 0, 1, 1, 1, 1]
    assert voiced(energies, **options, proportion_threshold=0.3) == [1, 1, 1, 1, 1, 1, 1]
    assert voiced(energies, **options, proportion_threshold=0.9) == [0, 0, 0, 0, 0, 0, 0]


def test_a_share_of_exactly_the_threshold_is_enough_in_float32():
    options = {"energy_threshold": 5.0, "energy_mean_scale": 0.0, "frames_context": 2}
    middle = [9.0, 9.0, 9.0, 0.0, 0.0]
    assert voiced(middle, **options, proportion_threshold=0.6)[2] == 1  # 0.6 * 5 is 3 in float32, as in Kaldi
    assert voiced(middle, **options, proportion_threshold=0.61)[2] == 0


def test_a_padded_batch_gives_each_utterance_what_it_gets_alone():
    generator = torch.Generator().manual_seed(0)
    lengths = [50, 0, 1, 2, 33]
    energies = 15 + 5 * torch.randn(5, 50, generator=generator)
    config = VadConfig(energy_threshold=7.0, frames_context=3)
    padded = energies.clone()
    for row, n in zip(padded, lengths, strict=True):
        row[n:] = torch.nan
    together = energy_vad(padded, lengths, config)
    for b, n in enumerate(lengths):
        assert torch.equal(together[b, :n], energy_vad(energies[b : b + 1, :n], config=config)[0])
        assert not together[b, n:].any()
    assert 0 < together.sum() < sum(lengths)


def test_wrong_options():
    with pytest.raises(ValueError, match=r"proportion_threshold must lie within \(0, 1\), got 1.0"):
        VadConfig(proportion_threshold=1.0)
    with pytest.raises(ValueError, match="frames_context must not be negative, got -1"):
        VadConfig(frames_context=-1)
    with pytest.raises(ValueError, match="energy_mean_scale must not be negative"):
        VadConfig(energy_mean_scale=-0.5)
    with pytest.raises(ValueError, match=r"log_energy must be \(batch, frames\), got \(3,\)"):
        energy_vad(torch.zeros(3))
