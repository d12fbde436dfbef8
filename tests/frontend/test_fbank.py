"""Log-mel filter banks: which filter hears what, and their floor."""

import math

import numpy as np
import torch

from pysid.frontend import Fbank, FbankConfig, Mfcc, MfccConfig


def test_a_tone_lands_in_the_filter_of_its_frequency():
    config = FbankConfig(n_mels=40)
    wave = 1000 * torch.sin(2 * math.pi * 1000 / 16000 * torch.arange(16000))[None]
    mel = 1127 * math.log(1 + 1000 / 700)
    low, high = (1127 * math.log(1 + hz / 700) for hz in (20, 8000))
    nearest = round((mel - low) / (high - low) * 41) - 1  # filters are centred on 1/41, 2/41 ... of the way
    assert (Fbank(config)(wave)[0].argmax(1) == nearest).all()


def test_silence_gives_the_floor():
    features = Fbank(FbankConfig(use_energy=True))(torch.zeros(1, 1600))
    torch.testing.assert_close(features, torch.full_like(features, math.log(np.finfo(np.float32).eps)))
    floored = Mfcc(MfccConfig(energy_floor=1.0))(torch.zeros(1, 1600))
    assert not floored[..., 0].any()


def test_htk_mode_has_a_floor_of_one_and_leaves_out_the_first_bin_of_the_first_filter():
    quiet = Fbank(FbankConfig(htk_mode=True))(torch.zeros(1, 1600))
    assert not quiet.any()  # a floor of 1.0 before the logarithm
    bank, htk_bank = Fbank(FbankConfig()).bank, Fbank(FbankConfig(htk_mode=True)).bank
    changed = (bank != htk_bank).nonzero().tolist()
    assert changed == [[2, 0], [3, 0]]  # the first bin of the first filter: its real and its imaginary part


def test_the_energy_comes_first_or_last():
    wave = (1000 * torch.randn((1, 4000), generator=torch.Generator().manual_seed(0))).round()
    plain = Fbank(FbankConfig())(wave)
    first, last = (Fbank(FbankConfig(use_energy=True, htk_compat=htk))(wave) for htk in (False, True))
    assert torch.equal(first[..., 1:], plain) and torch.equal(last[..., :-1], plain)
    assert torch.equal(first[..., 0], last[..., -1])


def test_the_logarithm_and_the_square_can_be_left_out():
    wave = (1000 * torch.randn((1, 4000), generator=torch.Generator().manual_seed(0))).round()
    torch.testing.assert_close(Fbank(FbankConfig(use_log=False))(wave).log(), Fbank(FbankConfig())(wave))
    once, twice = (Fbank(FbankConfig(use_log=False, use_power=False))(x) for x in (wave, 2 * wave))
    torch.testing.assert_close(twice, 2 * once)
