"""Mel-frequency cepstra: the cosine transform of log energies, liftered, with the energy in front or last."""

import math

import pytest
import torch

from pysid.frontend import Fbank, FbankConfig, Mfcc, MfccConfig


@pytest.fixture
def wave():
    return (1000 * torch.randn((1, 4000), generator=torch.Generator().manual_seed(0))).round()


def test_htk_options(wave):
    c0, htk = (
        Mfcc(MfccConfig(use_energy=False))(wave),
        Mfcc(MfccConfig(use_energy=False, htk_compat=True))(wave),
    )
    torch.testing.assert_close(htk, torch.cat([c0[..., 1:], math.sqrt(2) * c0[..., :1]], -1))
    energy, htk = Mfcc(MfccConfig())(wave), Mfcc(MfccConfig(htk_compat=True))(wave)
    torch.testing.assert_close(htk, torch.cat([energy[..., 1:], energy[..., :1]], -1))


@pytest.mark.parametrize("lifter", [0.0, 22.0])
def test_cepstra_are_the_cosine_transform_of_the_log_energies(lifter, wave):
    bank = Fbank(FbankConfig(n_mels=30))(wave)
    cepstra = Mfcc(MfccConfig(n_mels=30, n_ceps=20, lifter=lifter, use_energy=False))(wave)
    places = torch.arange(30) + 0.5
    for k in range(20):
        weight = math.sqrt((2 if k else 1) / 30) * (1 + lifter / 2 * math.sin(math.pi * k / lifter) if lifter else 1)
        expected = weight * (bank * torch.cos(math.pi / 30 * k * places)).sum(-1)
        torch.testing.assert_close(cepstra[..., k], expected, rtol=1e-4, atol=1e-3)


def test_the_energy_takes_the_place_of_c0(wave):
    with_energy, without = (Mfcc(MfccConfig(use_energy=use))(wave) for use in (True, False))
    assert torch.equal(with_energy[..., 1:], without[..., 1:])
    energy = Fbank(FbankConfig(use_energy=True))(wave)[..., :1]
    torch.testing.assert_close(with_energy[..., :1], energy)
    assert (with_energy[..., 0] != without[..., 0]).all()
