"""What the network reads of a long recording: the same, and little of it in memory."""

import tracemalloc

import numpy as np
import pytest
import torch

from pysid.frontend import (
    VOXCELEB,
    AdaptiveVadConfig,
    CmvnConfig,
    FbankConfig,
    Frontend,
    FrontendConfig,
    WebrtcVadConfig,
    long_recording,
    streaming,
)
from pysid.frontend.long_recording import network_input
from pysid.frontend.streaming import CPU_FRAMES

CONFIGS = {
    "voxceleb": VOXCELEB,
    "energy last": FrontendConfig(
        features=FbankConfig(use_energy=True, htk_compat=True), vad=VOXCELEB.vad, cmvn=CmvnConfig(norm_vars=True)
    ),
    "adaptive": FrontendConfig(vad=AdaptiveVadConfig()),
    "webrtc": FrontendConfig(features=FbankConfig(n_mels=5), vad=WebrtcVadConfig(), cmvn=CmvnConfig()),
    "all frames": FrontendConfig(),
}
N = (CPU_FRAMES + 700) * 160


@pytest.fixture(scope="module")
def wave():
    """Noise of levels that change every third of a second, of more than one block of frames."""
    rng = np.random.default_rng(0)
    levels = np.repeat(rng.choice([3.0, 100.0, 3000.0], N // 5000 + 1), 5000)[:N]
    return (rng.standard_normal(N) * levels).astype(np.float32)


@pytest.mark.parametrize("name", CONFIGS)
def test_it_is_what_the_frontend_gives(wave, name):
    frontend = Frontend(CONFIGS[name])
    with torch.inference_mode():
        expected, n_frames = frontend(torch.from_numpy(wave)[None])
    rows = network_input(frontend, np.split(wave, [1000, 400_000, 1_000_000]))
    assert rows.shape == tuple(expected[0].shape) and len(rows) == int(n_frames) > 1000
    np.testing.assert_allclose(rows.read(0, len(rows)), expected[0], rtol=0, atol=1e-5)


def test_frames_may_be_chosen(wave):
    frontend = Frontend(VOXCELEB)
    voiced = np.arange(frontend.features.n_frames(len(wave))) % 3 == 0
    expected, _ = frontend(torch.from_numpy(wave)[None], voiced=torch.from_numpy(voiced)[None])
    rows = network_input(frontend, [wave], voiced)
    np.testing.assert_allclose(rows.read(0, len(rows)), expected[0], rtol=0, atol=1e-5)
    with pytest.raises(ValueError, match=f"expected {len(voiced)} decisions about frames, got 7"):
        network_input(frontend, [wave], voiced[:7])


def test_memory_does_not_grow_with_the_features(wave, monkeypatch):
    for module in (streaming, long_recording):
        monkeypatch.setattr(module, "CPU_FRAMES", 512)
    frontend = Frontend(FrontendConfig(features=FbankConfig(n_mels=40), cmvn=CmvnConfig()))
    highest = []
    for n_times in (1, 4):
        tracemalloc.start()
        try:
            rows = network_input(frontend, (block.copy() for _ in range(n_times) for block in np.split(wave, 20)))
            highest.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert highest[1] - highest[0] < 0.2 * 4 * 40 * len(rows)


def test_nothing_at_all():
    assert network_input(Frontend(VOXCELEB), []).shape == (0, 30)
