"""Laws that MFCCs and filter banks share: batches, scale, dither, options."""

import dataclasses
import math

import pytest
import torch

from pysid.frontend import VOXCELEB, Fbank, FbankConfig, Mfcc, MfccConfig

KALDI_FFT = dataclasses.replace(VOXCELEB.features, kaldi_fft=True)
CONFIGS = {
    "voxceleb": VOXCELEB.features,
    "kaldi_fft": KALDI_FFT,
    "snip_edges": MfccConfig(),
    "8 kHz": MfccConfig(sample_rate=8000, snip_edges=False, window_type="hamming", raw_energy=False),
    "400-point FFT": MfccConfig(round_to_power_of_two=False, kaldi_fft=True, snip_edges=False),
    "long window": MfccConfig(window_ms=100.0, snip_edges=False),
    "shift beyond the window": MfccConfig(window_ms=5.0, shift_ms=20.0, n_mels=10, n_ceps=10, snip_edges=False),
    "seeded dither": MfccConfig(dither=1.0, seed=3, snip_edges=False),
    "plain frames": MfccConfig(preemphasis=0.0, remove_dc_offset=False, snip_edges=False),
    "filter bank": FbankConfig(n_mels=40, use_energy=True, snip_edges=False),
    "magnitudes": FbankConfig(use_power=False, use_log=False, htk_compat=True, use_energy=True),
}


def extractor(config):
    return Mfcc(config) if isinstance(config, MfccConfig) else Fbank(config)


def noise(*shape, seed=0, scale=1000.0):
    return (scale * torch.randn(shape, generator=torch.Generator().manual_seed(seed))).round()


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
def test_a_padded_batch_gives_each_utterance_what_it_gets_alone(config):
    module = extractor(config)
    lengths = [9000, 0, 1, 79, 80, 159, 160, 199, 200, 399, 400, 401, 8999, 4321, 25000]
    wave = noise(len(lengths), max(lengths))
    garbage = wave.clone()
    for row, length in zip(garbage, lengths, strict=True):
        row[length:] = math.nan
    together = module(garbage, lengths)
    for b, length in enumerate(lengths):
        n_frames = module.n_frames(length)
        alone = module(wave[b : b + 1, :length])
        assert alone.shape == (1, n_frames, module.dim)
        torch.testing.assert_close(together[b, :n_frames], alone[0], rtol=1e-5, atol=1e-4)
        assert not together[b, n_frames:].any()


def test_long_input_is_worked_on_in_blocks_without_a_seam():
    module, wave = Mfcc(VOXCELEB.features), noise(1, 16000 * 12)  # 1200 frames: three blocks
    part = module(wave[:, 480 * 160 : 560 * 160])
    torch.testing.assert_close(module(wave)[:, 482:558], part[:, 2:-2], rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize(("snip_edges", "n_samples"), [(True, 399), (True, 0), (False, 79), (False, 0)])
def test_too_short_for_a_frame(snip_edges, n_samples):
    module = Mfcc(MfccConfig(snip_edges=snip_edges))
    assert module(torch.ones(1, n_samples)).shape == (1, 0, 13)
    assert module(torch.ones(2, 800), [n_samples, 800])[0].eq(0).all()


def test_an_empty_batch():
    assert Mfcc()(torch.ones(0, 16000)).shape == (0, 98, 13)


@pytest.mark.parametrize("config", [VOXCELEB.features, FbankConfig(use_energy=True)])
def test_doubling_the_wave_adds_log_4_to_energies_only(config):
    module, wave = extractor(config), noise(1, 8000)
    once, twice = module(wave), module(2 * wave)
    n_energies = 1 if isinstance(config, MfccConfig) else module.dim
    added = torch.zeros(module.dim)
    added[:n_energies] = math.log(4)
    torch.testing.assert_close(twice - once, added.expand_as(once), rtol=0, atol=1e-4)


def test_an_offset_is_removed():
    module, wave = Mfcc(VOXCELEB.features), noise(1, 8000)
    torch.testing.assert_close(module(wave + 5000), module(wave), rtol=0, atol=1e-3)


def test_seeded_dither_repeats():
    wave = noise(1, 16000, scale=3.0)
    clean, first, again, other = (
        Mfcc(MfccConfig(dither=dither, seed=seed))(wave) for dither, seed in ((0, 1), (1, 1), (1, 1), (1, 2))
    )
    assert torch.equal(first, again)
    assert not torch.allclose(first, other, atol=1e-2)
    assert not torch.allclose(first, clean, atol=1e-2)


def test_unseeded_dither_is_fresh_but_follows_torchs_seed():
    module, wave = Mfcc(MfccConfig(dither=1.0)), torch.zeros(2, 16000)
    torch.manual_seed(0)
    first, second = module(wave), module(wave)
    torch.manual_seed(0)
    assert torch.equal(module(wave), first)
    assert not torch.allclose(first, second, atol=1e-2)
    assert not torch.allclose(first[0], first[1], atol=1e-2)


@pytest.mark.parametrize("seed", [None, 5])
def test_dither_has_the_standard_deviation_asked_for(seed):
    config = FbankConfig(dither=4.0, seed=seed, use_energy=True, remove_dc_offset=False)
    energy = Fbank(config)(torch.zeros(1, 32000))[..., 0].exp()
    variance = float(energy.mean()) / config.window_samples
    assert abs(variance / 16 - 1) < 0.03
    # Each frame has noise of its own: the energies scatter as those of independent frames do.
    assert abs(float(energy.std() / energy.mean()) / math.sqrt(2 / config.window_samples) - 1) < 0.3


def test_gradients_reach_the_wave():
    for config in (VOXCELEB.features, KALDI_FFT, FbankConfig(use_power=False, use_energy=True)):
        wave = noise(1, 1000).requires_grad_()
        extractor(config)(wave).sum().backward()
        assert wave.grad.isfinite().all() and wave.grad.any()


def test_mixed_precision_leaves_features_alone():
    module, wave = Mfcc(VOXCELEB.features), noise(1, 8000)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(module(wave), module(wave.float()))
        mixed = module(wave)
    assert torch.equal(mixed, module(wave))


def test_integers_are_taken_as_they_are():
    module, wave = Mfcc(VOXCELEB.features), noise(1, 8000)
    assert torch.equal(module(wave.to(torch.int16)), module(wave))


def test_nothing_of_it_is_stored_with_a_model():
    assert not Mfcc(KALDI_FFT).state_dict()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
def test_a_gpu_gives_the_same(config):
    if config.dither:
        pytest.skip("its noise is another one")
    module, wave, lengths = extractor(config), noise(3, 20000), [20000, 100, 12345]
    on_cpu = module(wave, lengths)
    on_gpu = module.cuda()(wave.cuda(), lengths).cpu()
    torch.testing.assert_close(on_gpu, on_cpu, rtol=1e-5, atol=1e-3)


def test_wrong_input():
    with pytest.raises(ValueError, match=r"wave must be \(batch, samples\), got \(16000,\)"):
        Mfcc()(torch.zeros(16000))
    with pytest.raises(ValueError, match=r"lengths must lie in \[0, 100\], got \[101\]"):
        Mfcc()(torch.zeros(1, 100), [101])
    with pytest.raises(ValueError, match="lengths must be 1 whole numbers"):
        Mfcc()(torch.zeros(1, 100), [1, 2])
    with pytest.raises(ValueError, match="n_mels 200 is too large"):
        Fbank(FbankConfig(n_mels=200))
