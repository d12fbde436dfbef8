"""The NumPy forms beside the torch ones: to the last bit wherever no library's sum or logarithm has a say."""

import pkgutil
import subprocess
import sys

import numpy as np
import pytest
import torch

from pysid import augment, frontend
from pysid.frontend import CmvnConfig, Fbank, FbankConfig, Mfcc, MfccConfig, VadConfig
from pysid.frontend.frames import count_frames
from pysid.frontend.framing import overlapping_frames as torch_frames
from pysid.frontend.kaldi_fft import KaldiFft
from pysid.frontend.plain.cmvn import STRETCH, sliding_cmvn
from pysid.frontend.plain.deltas import add_deltas
from pysid.frontend.plain.features import PlainFeatures, overlapping_frames
from pysid.frontend.plain.kaldi_fft import BlockFft, fft_tables
from pysid.frontend.plain.vad import energy_vad


def noise(*shape, seed=0, scale=1000.0):
    return np.random.default_rng(seed).normal(0, scale, shape).astype(np.float32)


@pytest.mark.parametrize("n", [2, 4, 6, 8, 16, 30, 64, 200, 240, 256, 400, 512, 1102, 2048])
def test_spectra_are_those_of_torch(n):
    frames = noise(7, n)
    fft = BlockFft(fft_tables(n), n, 9)
    for part in (frames, frames[:3], frames):  # the memory is used again
        np.testing.assert_array_equal(fft.power(part), KaldiFft(n)(torch.from_numpy(part)).numpy())


@pytest.mark.parametrize("n", [3, 80, 161, 401, 2000])
@pytest.mark.parametrize(
    "config",
    [
        MfccConfig(),
        MfccConfig(snip_edges=False),
        MfccConfig(snip_edges=False, window_ms=60.0, shift_ms=1.0),
        MfccConfig(snip_edges=False, window_ms=4.0, shift_ms=7.0, n_mels=3, n_ceps=3),
    ],
)
def test_frames_are_those_of_torch(config, n):
    wave = noise(n)
    if not count_frames(n, config):
        pytest.skip("too few samples for a frame")
    expected = torch_frames(torch.from_numpy(wave)[None], torch.tensor([n]), config)[0, :, 1:]
    np.testing.assert_array_equal(overlapping_frames(wave, config), expected)


@pytest.mark.parametrize(
    "config",
    [
        MfccConfig(n_mels=30, n_ceps=30, high_hz=7600.0, snip_edges=False, kaldi_fft=True),
        MfccConfig(use_energy=False, htk_compat=True, remove_dc_offset=False),
        MfccConfig(raw_energy=False, window_type="hamming", energy_floor=1e9, preemphasis=0.5),
        MfccConfig(sample_rate=11025, kaldi_fft=True, round_to_power_of_two=False, window_ms=20.0),
        FbankConfig(n_mels=40, use_energy=True, htk_compat=True, kaldi_fft=True),
        FbankConfig(use_log=False, use_power=False, htk_mode=True),
    ],
)
def test_features_are_those_of_torch(config):
    wave = noise(30000)
    module = Mfcc(config) if isinstance(config, MfccConfig) else Fbank(config)
    expected = module(torch.from_numpy(wave)[None])[0].numpy()
    np.testing.assert_allclose(PlainFeatures(config)(wave), expected, rtol=2e-5, atol=5e-5)


def test_features_of_silence_and_of_too_little():
    features = PlainFeatures(MfccConfig())
    assert features(np.zeros(399, np.float32)).shape == (0, 13)
    np.testing.assert_allclose(features(np.zeros(400, np.float32))[0, 0], np.log(np.finfo(np.float32).eps), rtol=1e-6)


def test_dither_is_noise_of_its_own_power():
    wave = np.zeros(160000, np.float32)
    frames = PlainFeatures(MfccConfig(dither=3.0, remove_dc_offset=False, preemphasis=0.0))(wave)
    assert np.exp(frames[:, 0]).mean() / 400 == pytest.approx(9, rel=0.02)
    seeded = PlainFeatures(MfccConfig(dither=1.0, seed=7))
    np.testing.assert_array_equal(seeded(wave), seeded(wave))


@pytest.mark.parametrize(
    "config",
    [
        VadConfig(),
        VadConfig(energy_threshold=5.5, proportion_threshold=0.12, frames_context=2),
        VadConfig(frames_context=30, energy_mean_scale=0.0, energy_threshold=12.0),
    ],
)
@pytest.mark.parametrize("n", [1, 2, 7, 500, 6001])
def test_decisions_are_those_of_torch(config, n):
    energy = 12 + noise(n, seed=n, scale=3.0)
    expected = frontend.energy_vad(torch.from_numpy(energy)[None], None, config)[0].numpy()
    np.testing.assert_array_equal(energy_vad(energy, config), expected)


@pytest.mark.parametrize(
    "config",
    [
        CmvnConfig(),
        CmvnConfig(window=300, center=True),
        CmvnConfig(window=100, center=True, norm_vars=True),
        CmvnConfig(window=20, min_window=50, norm_vars=True),
        CmvnConfig(window=1, center=True, norm_vars=True),
        CmvnConfig(norm_means=False),
    ],
)
@pytest.mark.parametrize("n", [1, 60, 700, STRETCH + 500])
def test_normalised_features_are_those_of_torch(config, n):
    features = noise(n, 5, scale=10.0) + 50
    expected = frontend.sliding_cmvn(torch.from_numpy(features)[None], None, config)[0].numpy()
    np.testing.assert_array_equal(sliding_cmvn(features, config), expected)


@pytest.mark.parametrize(("order", "window"), [(0, 2), (1, 1), (2, 2), (2, 3), (3, 9)])
@pytest.mark.parametrize("n", [1, 4, 300])
def test_deltas_are_those_of_torch(order, window, n):
    features = noise(n, 4, scale=10.0)
    expected = frontend.add_deltas(torch.from_numpy(features)[None], order, window)[0].numpy()
    np.testing.assert_array_equal(add_deltas(features, order, window), expected)


PROGRAMS = ("features", "feature_changes", "feature_copies", "waves", "reverberate", "copies", "sums", "vectors")


def test_short_programs_do_not_load_torch():
    imports = "".join(f"import pysid.kaldi.programs.{name}\n" for name in PROGRAMS)
    code = f"import sys\n{imports}print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize("package", [frontend, augment], ids=["frontend", "augment"])
def test_no_name_hides_a_module(package):
    """A name that is found lazily must not be a module's, too: see `pysid._lazy`."""
    assert not {module.name for module in pkgutil.iter_modules(package.__path__)} & set(package.__all__)
    assert all(hasattr(package, name) for name in package.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        package.nothing  # noqa: B018
