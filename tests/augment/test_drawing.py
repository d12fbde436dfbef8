"""Random modules without a generator: in nn.Sequential, in evaluation mode, exported and compiled."""

import numpy as np
import pytest
import torch
from torch import nn

from pysid.augment import (
    AugmentConfig,
    Augmenter,
    MemoryBank,
    NoiseAugment,
    SpecAugment,
    SpeedConfig,
    SpeedPerturb,
    Telephone,
    TelephoneConfig,
)
from pysid.frontend import Mfcc


@pytest.fixture(scope="module")
def chain():
    noises = MemoryBank([np.random.default_rng(0).normal(size=8000) * 1000], 16000)
    augmenter = Augmenter(AugmentConfig(probability=1.0, policies=(NoiseAugment(),)), noises=noises)
    return nn.Sequential(augmenter, Telephone(TelephoneConfig(probability=1.0)), Mfcc(), SpecAugment())


@pytest.fixture(scope="module")
def wave():
    return torch.from_numpy(np.random.default_rng(1).normal(size=(2, 16000)).astype(np.float32) * 1000)


def drawn(module, wave):
    torch.manual_seed(7)
    return module(wave)


def test_training_mode_draws_and_follows_torchs_seed(chain, wave):
    chain.train()
    once = drawn(chain, wave)
    assert not torch.equal(once, chain[2](wave)) and not torch.equal(once, chain(wave))
    assert torch.equal(drawn(chain, wave), once)


def test_evaluation_mode_changes_nothing_unless_it_is_given_a_generator(chain, wave):
    chain.eval()
    assert torch.equal(chain(wave), chain[2](wave))
    for module in (chain[0], chain[1]):
        assert not torch.equal(module(wave, None, np.random.default_rng(0)), wave)


@pytest.mark.slow
def test_exported_in_evaluation_mode_nothing_is_left_of_them(chain, wave):
    chain.eval()
    exported = torch.export.export(chain, (wave,))
    torch.testing.assert_close(exported.module()(wave), chain[2](wave), rtol=1e-4, atol=1e-4)


@pytest.mark.slow
def test_compiled_they_draw_the_same(chain, wave):
    chain.train()
    compiled = torch.compile(chain, backend="eager")
    torch.testing.assert_close(drawn(compiled, wave), drawn(chain, wave), rtol=1e-4, atol=1e-3)
    assert not torch.equal(compiled(wave), compiled(wave))  # what was drawn is not part of the graph


def test_speeds(wave):
    perturb = SpeedPerturb(SpeedConfig(factors=(0.5, 1.0)))
    torch.manual_seed(0)
    assert len({int(perturb(wave)[1][0]) for _ in range(20)}) == 2
    same, lengths, speed = perturb.eval()(wave)
    assert torch.equal(same, wave) and lengths.tolist() == [16000, 16000] and speed.tolist() == [1, 1]
    with pytest.raises(ValueError, match=r"in evaluation mode speeds stay 1.0, which is not among \(0.9,\)"):
        SpeedPerturb(SpeedConfig(factors=(0.9,))).eval()(wave)
