import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pysid.errors import PysidWarning
from pysid.frontend import (
    VOXCELEB,
    AdaptiveVadConfig,
    CmvnConfig,
    FbankConfig,
    Frontend,
    FrontendConfig,
    MfccConfig,
    VadConfig,
    WebrtcVadConfig,
    analyse_blocks,
    sliding_cmvn,
    streaming,
)
from pysid.frontend.streaming import RecordingFeatures

CONFIGS = {
    "voxceleb": VOXCELEB,
    "snipped": FrontendConfig(features=MfccConfig(), vad=VadConfig(frames_context=3), cmvn=CmvnConfig()),
    "8 kHz": replace(VOXCELEB, features=MfccConfig(sample_rate=8000, snip_edges=False)),
    "11 kHz": replace(VOXCELEB, features=MfccConfig(sample_rate=11025, snip_edges=False)),
    "odd window": FrontendConfig(features=MfccConfig(window_ms=20.0625, shift_ms=7.0, snip_edges=False)),
    "odd shift": FrontendConfig(features=MfccConfig(window_ms=60.0, shift_ms=1.0625, snip_edges=False)),
    "gaps": FrontendConfig(
        features=MfccConfig(sample_rate=48000, n_mels=5, n_ceps=5, window_ms=1.021, shift_ms=7.0, snip_edges=False),
    ),
    "wide shift": FrontendConfig(
        features=MfccConfig(window_ms=25.0625, shift_ms=20.0, snip_edges=False), vad=VadConfig()
    ),
    "gaps, snipped": FrontendConfig(
        features=MfccConfig(sample_rate=48000, n_mels=5, n_ceps=5, window_ms=1.0, shift_ms=7.0),
    ),
    "filter banks": FrontendConfig(features=FbankConfig(use_energy=True, htk_compat=True), vad=VadConfig()),
    "adaptive": replace(VOXCELEB, vad=AdaptiveVadConfig()),
    "webrtc": replace(VOXCELEB, vad=WebrtcVadConfig(aggressiveness=1)),
    "webrtc, snipped": FrontendConfig(vad=WebrtcVadConfig(block_ms=20)),
    "dither": FrontendConfig(features=MfccConfig(dither=1.0, seed=3, snip_edges=False)),
    "no VAD": FrontendConfig(cmvn=CmvnConfig(window=40, min_window=70, norm_vars=True)),
}


@pytest.fixture(scope="module")
def frontends():
    return {name: Frontend(config) for name, config in CONFIGS.items()}


def speech_like(n_samples, seed=0):
    """Noise of levels that change every third of a second of 16 kHz."""
    rng = np.random.default_rng(seed)
    levels = np.repeat(rng.choice([3.0, 100.0, 3000.0], n_samples // 5000 + 1), 5000)[:n_samples]
    return (rng.standard_normal(n_samples) * levels).astype(np.float32)


def assert_equals_whole(frontend, wave, recording):
    whole = torch.from_numpy(wave)[None]
    normalized, voiced, _ = frontend.analyse(whole)
    assert torch.equal(recording.features, frontend.features(whole)[0])
    assert torch.equal(recording.voiced, voiced[0])
    assert len(recording) == len(voiced[0]) and recording.n_samples == len(wave)
    torch.testing.assert_close(recording.normalized(), normalized[0], rtol=0, atol=1e-5)


@pytest.mark.filterwarnings("ignore::pysid.errors.PysidWarning")  # a few samples of noise may peak below 2
@pytest.mark.parametrize("name", CONFIGS)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_it_equals_the_analysis_of_the_whole_for_any_blocks(frontends, name, data):
    wave = speech_like(data.draw(st.integers(0, 900) | st.integers(0, 40000), label="samples"))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wave)), max_size=8), label="cuts"))
    assert_equals_whole(frontends[name], wave, analyse_blocks(frontends[name], np.split(wave, cuts)))


@pytest.mark.filterwarnings("ignore::pysid.errors.PysidWarning")
@pytest.mark.parametrize("name", CONFIGS)
def test_the_shortest_recordings(frontends, name):
    c = CONFIGS[name].features
    for size in (c.shift_samples // 2, c.window_samples // 2, c.window_samples):
        for n_samples in (size - 1, size, size + 1):
            wave = speech_like(n_samples)
            assert_equals_whole(frontends[name], wave, analyse_blocks(frontends[name], [wave]))


@pytest.mark.filterwarnings("ignore::pysid.errors.PysidWarning")
@pytest.mark.parametrize("name", ["voxceleb", "snipped", "odd window", "odd shift", "gaps", "wide shift"])
def test_it_may_end_anywhere_after_a_cut(frontends, name, monkeypatch):
    monkeypatch.setattr(streaming, "CPU_FRAMES", 3)
    c = CONFIGS[name].features
    first = 6 * c.shift_samples
    just_enough = first + c.shift_samples // 2  # for one frame more
    for n_samples in [*range(first, first + c.window_samples, 13), just_enough - 1, just_enough, just_enough + 1]:
        wave = speech_like(n_samples)
        recording = analyse_blocks(frontends[name], np.split(wave, [100, 250]))
        whole = frontends[name].features(torch.from_numpy(wave)[None])[0]
        torch.testing.assert_close(recording.features, whole, rtol=1e-5, atol=1e-3)  # blocks of 3 round otherwise


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("size", [1009, 16000, 200_000])
def test_it_equals_the_analysis_of_the_whole_where_that_is_cut_within(frontends, name, size, monkeypatch):
    monkeypatch.setattr(streaming, "CPU_FRAMES", 512)
    wave = speech_like(480_000)
    blocks = (wave[at : at + size] for at in range(0, len(wave), size))
    assert_equals_whole(frontends[name], wave, analyse_blocks(frontends[name], blocks))


@pytest.mark.parametrize("name", ["voxceleb", "webrtc"])
def test_blocks_of_one_sample(frontends, name):
    wave = speech_like(2000)
    assert_equals_whole(frontends[name], wave, analyse_blocks(frontends[name], wave[:, None]))


@pytest.mark.parametrize(
    "config",
    [
        CmvnConfig(window=30, center=True),
        CmvnConfig(window=31, center=True, norm_vars=True),
        CmvnConfig(window=20, min_window=5),
        CmvnConfig(window=20, min_window=60, norm_vars=True),
        CmvnConfig(window=500, center=True),
        CmvnConfig(norm_means=False),
    ],
)
@pytest.mark.parametrize("n_frames", [1, 25, 59, 60, 200, 450])
def test_any_piece_is_normalized_as_within_the_whole(config, n_frames, monkeypatch):
    monkeypatch.setattr(streaming, "CPU_FRAMES", 64)
    features = 20 + 10 * torch.randn(n_frames, 4, generator=torch.Generator().manual_seed(1))
    recording = RecordingFeatures(features, torch.ones(n_frames).bool(), 0, FrontendConfig(cmvn=config))
    expected = sliding_cmvn(features[None], config=config)[0]
    for start in {0, 1, n_frames // 2, max(0, n_frames - 7), n_frames}:
        for end in {start, min(start + 1, n_frames), min(start + 90, n_frames), n_frames}:
            torch.testing.assert_close(recording.normalized(start, end), expected[start:end], rtol=0, atol=1e-5)


def test_without_cmvn_features_are_left_alone():
    recording = analyse_blocks(Frontend(FrontendConfig()), [speech_like(16000)])
    assert torch.equal(recording.normalized(3, 50), recording.features[3:50])
    assert recording.voiced.all()


def test_the_waveform_is_not_held(monkeypatch):
    monkeypatch.setattr(streaming, "CPU_FRAMES", 1024)
    block, n_blocks = speech_like(16000), 300
    frontend = Frontend(FrontendConfig(features=FbankConfig(n_mels=3), vad=WebrtcVadConfig()))
    tracemalloc.start()
    try:
        recording = analyse_blocks(frontend, (block.copy() for _ in range(n_blocks)))
        _, highest = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(recording) == 29998
    assert highest < 0.4 * n_blocks * block.nbytes


def test_blocks_are_taken_as_they_come():
    taken = []

    def blocks():
        for i in range(5):
            taken.append(i)
            yield speech_like(1000)

    assert len(analyse_blocks(Frontend(FrontendConfig()), blocks())) == 29 and taken == [0, 1, 2, 3, 4]


def test_times():
    recording = analyse_blocks(Frontend(CONFIGS["11 kHz"]), [speech_like(22050)])
    assert (recording.shift_s, recording.duration_s) == (110 / 11025, 2.0)


def test_nothing_at_all():
    recording = analyse_blocks(Frontend(VOXCELEB), [])
    assert recording.features.shape == (0, 30) and recording.voiced.shape == (0,) and recording.duration_s == 0
    assert recording.normalized().shape == (0, 30)


def test_a_wave_at_the_wrong_scale_warns():
    quiet = np.sin(np.arange(16000)).astype(np.float32)
    with pytest.warns(PysidWarning, match="wave peaks at 1; Kaldi features expect int16 scale"):
        analyse_blocks(Frontend(VOXCELEB), [quiet])
    analyse_blocks(Frontend(VOXCELEB), [quiet, -2 * quiet - 1])
    analyse_blocks(Frontend(VOXCELEB, scaled=True), [quiet])
    analyse_blocks(Frontend(replace(VOXCELEB, least_dbfs=-30.0), scaled=True), [quiet])  # which is held as a whole


def test_wrong_arguments():
    with pytest.raises(ValueError, match=r"a block must be \(samples,\), got \(1, 100\)"):
        analyse_blocks(Frontend(VOXCELEB), [np.zeros((1, 100), np.float32)])
    recording = analyse_blocks(Frontend(VOXCELEB), [speech_like(1600)])
    for start, end in ((-1, 5), (5, 4), (0, 11)):
        with pytest.raises(ValueError, match=r"expected 0 <= start <= end <= 10 frames"):
            recording.normalized(start, end)
