"""The modules in torch's own containers and graphs: nn.Sequential, torch.export, torch.compile."""

import shutil

import pytest
import torch
from torch import nn
from torch.export import Dim, export

from pysid.frontend import (
    VOXCELEB,
    AdaptiveVadConfig,
    CmvnConfig,
    Deltas,
    Fbank,
    Frontend,
    FrontendConfig,
    Mfcc,
    MfccConfig,
    SlidingCmvn,
    StftMel,
    add_deltas,
    sliding_cmvn,
)

MODULES = {
    "mfcc": nn.Sequential(Mfcc(VOXCELEB.features), Deltas(), SlidingCmvn(CmvnConfig(window=60, center=True))),
    "kaldi-fft": Mfcc(MfccConfig(kaldi_fft=True)),
    "fbank": Fbank(),
    "stft-mel": StftMel(),
}
WITH_LENGTHS = {
    "voxceleb": Frontend(VOXCELEB),
    "adaptive": Frontend(FrontendConfig(vad=AdaptiveVadConfig(), cmvn=CmvnConfig(norm_vars=True))),
}


def waves(*lengths):
    """A batch of bursts of noise, padded with what must not count, and the lengths."""
    torch.manual_seed(len(lengths))
    wave = torch.randn(len(lengths), max(lengths)) * 1000
    wave *= 0.01 + 0.99 * (torch.arange(wave.shape[1]) // 4000 % 2)
    return wave, torch.tensor(lengths)


def assert_same(found, expected):
    """Equal, but for a graph's zeros behind the last voiced frame."""
    if isinstance(expected, tuple):
        assert found[1].tolist() == expected[1].tolist()
        longest = expected[0].shape[1]
        assert not found[0][:, longest:].any()
        found, expected = found[0][:, :longest], expected[0]
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_sequential_is_one_after_the_other():
    wave, _ = waves(12000, 9000)
    config = CmvnConfig(window=60, center=True)
    expected = sliding_cmvn(add_deltas(Mfcc(VOXCELEB.features)(wave)), config=config)
    torch.testing.assert_close(MODULES["mfcc"](wave), expected)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in ("mfcc", "kaldi-fft") else name for name in MODULES]
)
def test_exported_once_it_takes_any_batch_and_length(name):
    module = MODULES[name]
    exported = export(module, (waves(16000, 16000)[0],), dynamic_shapes=({0: Dim("B"), 1: Dim("S", min=1000)},))
    for wave in (waves(24321, 1, 1)[0], waves(4000)[0]):
        assert_same(exported.module()(wave), module(wave))


@pytest.mark.slow
@pytest.mark.parametrize("name", WITH_LENGTHS)
def test_exported_with_lengths(name):
    module, batch = WITH_LENGTHS[name], Dim("B")
    exported = export(module, waves(16000, 9000), dynamic_shapes=({0: batch, 1: Dim("S", min=1000)}, {0: batch}))
    for wave, lengths in (waves(24321, 12000, 300), waves(16001)):
        assert_same(exported.module()(wave, lengths), module(wave, lengths))


@pytest.mark.slow
@pytest.mark.parametrize("module", [MODULES["mfcc"], WITH_LENGTHS["voxceleb"]], ids=["mfcc", "voxceleb"])
def test_compiled_whole(module):
    compiled = torch.compile(module, backend="aot_eager", fullgraph=True, dynamic=True)
    for lengths in ((16000, 9000), (24321, 12000, 300)):
        wave, counts = waves(*lengths)
        inputs = (wave,) if isinstance(module, nn.Sequential) else (wave, counts)
        assert_same(compiled(*inputs), module(*inputs))


@pytest.mark.slow  # the C++ compiler takes most of it
@pytest.mark.skipif(not shutil.which("g++"), reason="torch.compile needs a C++ compiler")
def test_compiled_to_machine_code():
    module = Mfcc(VOXCELEB.features)
    wave, _ = waves(16000, 9000)
    assert_same(torch.compile(module, dynamic=True)(wave), module(wave))


def test_dither_in_a_graph():
    wave = torch.zeros(2, 16000)
    features = export(Mfcc(MfccConfig(dither=1.0)), (wave,)).module()(wave)
    assert (features.std(1) > 0).all() and not torch.equal(features[0], features[1])
    with pytest.raises(Exception, match="dither with a seed is drawn in blocks"):
        export(Mfcc(MfccConfig(dither=1.0, seed=3)), (wave,))
