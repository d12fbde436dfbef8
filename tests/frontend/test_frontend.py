import dataclasses
import json
import math

import pytest
import torch

from pysid.config import from_plain, to_plain
from pysid.errors import DataError, PysidWarning
from pysid.frontend import (
    VOXCELEB,
    AdaptiveVadConfig,
    CmvnConfig,
    FbankConfig,
    Frontend,
    FrontendConfig,
    Mfcc,
    MfccConfig,
    VadConfig,
    WebrtcVadConfig,
    energy_vad,
    select_frames,
    sliding_cmvn,
    webrtc_vad,
)
from pysid.frontend.silero import SileroVadConfig

CONFIGS = [
    VOXCELEB,
    FrontendConfig(),
    FrontendConfig(features=FbankConfig(use_energy=True, htk_compat=True), vad=VadConfig(), cmvn=CmvnConfig(window=50)),
    FrontendConfig(features=MfccConfig(sample_rate=8000), vad=WebrtcVadConfig(aggressiveness=1)),
    FrontendConfig(vad=AdaptiveVadConfig(range_db=50.0)),
]


def speech_like(*shape):
    """Noise that is loud in every other half second of 16 kHz."""
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    return noise * torch.where(torch.arange(shape[-1]) // 8000 % 2 == 1, 3000.0, 5.0)


def test_it_is_the_chain_of_its_parts():
    wave = speech_like(1, 40000)
    features = Mfcc(VOXCELEB.features)(wave)
    voiced = energy_vad(features[..., 0], config=VOXCELEB.vad)
    expected, n_expected = select_frames(sliding_cmvn(features, config=VOXCELEB.cmvn), voiced)
    selected, n_frames = Frontend(VOXCELEB)(wave)
    assert torch.equal(selected, expected) and torch.equal(n_frames, n_expected)
    assert 80 < n_frames.item() < 130


@pytest.mark.parametrize("config", CONFIGS)
def test_frames_can_be_those_of_the_clean_speech(config):
    frontend, lengths = Frontend(config), [40000, 23456]
    clean = speech_like(2, 40000)
    noisy = clean + 2000 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(1))
    voiced = frontend.voiced(clean, lengths)
    _, found, n_frames = frontend.analyse(clean, lengths)
    assert torch.equal(voiced, found)
    assert all(map(torch.equal, frontend(clean, lengths, voiced), frontend(clean, lengths)))
    expected = select_frames(frontend.analyse(noisy, lengths)[0], voiced, n_frames)
    assert all(map(torch.equal, frontend(noisy, lengths, voiced=voiced), expected))
    if config == VOXCELEB:  # whose own decision would be another
        assert not torch.equal(frontend(noisy, lengths)[1], expected[1])


@pytest.mark.parametrize("config", CONFIGS)
def test_a_padded_batch_gives_each_utterance_what_it_gets_alone(config):
    frontend, lengths = Frontend(config), [40000, 100, 0, 30001, 20000]
    wave = speech_like(5, 40000)
    together, n_frames = frontend(wave, lengths)
    assert together.shape[2] == frontend.dim == config.dim
    for b, length in enumerate(lengths):
        alone, n_alone = frontend(wave[b : b + 1, :length])
        assert n_frames[b] == n_alone[0]
        torch.testing.assert_close(together[b, : n_alone[0]], alone[0, : n_alone[0]], rtol=1e-5, atol=1e-4)
        assert not together[b, n_alone[0] :].any()


def test_the_energy_is_found_where_htk_puts_it():
    wave = speech_like(1, 40000)
    first, last = (
        Frontend(FrontendConfig(features=MfccConfig(htk_compat=htk), vad=VadConfig()))(wave)[1] for htk in (False, True)
    )
    assert torch.equal(first, last)


def test_webrtc_is_asked_about_each_utterance(golden_waves):
    wave = golden_waves("wav_few.scp")["flite_slt_1"]
    config = FrontendConfig(features=MfccConfig(), vad=WebrtcVadConfig())
    n_frames = 1 + (wave.shape[1] - 400) // 160
    expected = webrtc_vad(wave[0], 16000, n_frames, first_centre_ms=12.5)
    features, voiced, counts = Frontend(config).analyse(wave)
    assert torch.equal(voiced[0], expected) and counts.tolist() == [n_frames]
    assert features.shape == (1, n_frames, 13)
    assert Frontend(config)(wave)[1].item() == expected.sum()


def test_without_vad_all_frames_are_kept():
    features, n_frames = Frontend(FrontendConfig(cmvn=CmvnConfig()))(speech_like(2, 16000), [16000, 8000])
    assert features.shape == (2, 98, 13) and n_frames.tolist() == [98, 48]


def test_a_wave_at_the_wrong_scale_warns():
    with pytest.warns(PysidWarning, match="int16 scale"):
        Frontend(VOXCELEB)(torch.sin(torch.arange(16000.0))[None])
    Frontend(VOXCELEB, scaled=True)(torch.sin(torch.arange(16000.0))[None])


@pytest.mark.parametrize("config", CONFIGS)
def test_configurations_survive_json(config):
    assert from_plain(FrontendConfig, json.loads(json.dumps(to_plain(config))), "a") == config


def test_what_a_dictionary_leaves_out_keeps_its_default():
    assert from_plain(FrontendConfig, {}, "a") == FrontendConfig()
    config = from_plain(FrontendConfig, {"features": {"kind": "fbank", "n_mels": 80}, "cmvn": {"window": 300}}, "a")
    assert config == FrontendConfig(features=FbankConfig(n_mels=80), cmvn=CmvnConfig(window=300))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"features": {"n_mel": 30}}, "conf.yaml: unknown key 'features.n_mel'"),
        ({"features": {"kind": "plp"}}, "conf.yaml: 'features.kind' must be one of mfcc, fbank, stft-mel, got 'plp'"),
        ({"features": {"kind": "fbank", "n_ceps": 30}}, "unknown key 'features.n_ceps'"),
        ({"vad": {"frames_context": "two"}}, "'vad.frames_context' must be a whole number"),
        ({"cmnv": None}, "conf.yaml: unknown key 'cmnv'"),
        ({"vad": 3}, "conf.yaml: 'vad' must be a group of settings, got 3"),
    ],
)
def test_wrong_dictionaries(values, message):
    with pytest.raises(DataError, match=message):
        from_plain(FrontendConfig, values, "conf.yaml")


def test_nothing_is_raised_above_full_scale():
    with pytest.raises(ValueError, match=r"least_dbfs must be 0, which is full scale, or less, got 1e\+300"):
        FrontendConfig(features=MfccConfig(), least_dbfs=1e300)


def test_an_energy_vad_needs_an_energy():
    with pytest.raises(ValueError, match="an energy VAD needs filter banks with use_energy"):
        FrontendConfig(features=FbankConfig(), vad=VadConfig())


def test_the_voxceleb_recipe():
    c = VOXCELEB
    assert (c.features.n_mels, c.features.n_ceps, c.features.low_hz, c.features.high_hz) == (
        30,
        30,
        20.0,
        7600.0,
    )
    assert not c.features.snip_edges and c.features.dither == 0
    assert dataclasses.astuple(c.vad)[1:] == (5.5, 0.5, 2, 0.12)
    assert (c.cmvn.window, c.cmvn.center, c.cmvn.norm_vars) == (300, True, False)
    assert math.isclose(Frontend(c).features.config.first_centre_ms, 5.0)


@pytest.mark.parametrize("vad", [WebrtcVadConfig(), SileroVadConfig()])
def test_detectors_for_few_rates(vad):
    with pytest.raises(ValueError, match=f"the VAD {vad.kind} takes 8000, 16000.* Hz, got 22050"):
        FrontendConfig(features=MfccConfig(sample_rate=22050), vad=vad)
