"""A network hears a recording while its samples pass on to other features."""

import numpy as np
import pytest
import torch

from pysid.diarization.local.hearing import Hearing
from pysid.errors import DataError
from pysid.frontend import FbankConfig, Frontend, FrontendConfig
from pysid.segmentation import FrameGrid, Powerset

FEATURES = FbankConfig(n_mels=20, use_energy=True, snip_edges=False)


class Loud:
    """Hears one speaker wherever the first value of a frame, of 10 ms, lies above a level."""

    grid = FrameGrid(0.01, 0.0, 1.0)
    powerset = Powerset(2, 1)
    sample_rate = 16000

    def __init__(self, features, level):
        self.features, self.level = features, level

    def __call__(self, windows):
        frames = windows[:, ::160].abs() if self.features is None else windows[..., 0]
        loud = (frames > self.level).long()
        return torch.nn.functional.one_hot(loud, len(self.powerset)).float().log()


@pytest.fixture
def wave():
    rng = np.random.default_rng(0)
    level = np.repeat([0.001, 1.0, 0.001], 16000)
    return (3000 * level * np.sign(rng.standard_normal(48000))).astype(np.float32)


@pytest.mark.parametrize("features", [None, FEATURES, FbankConfig(n_mels=30, use_energy=True, snip_edges=False)])
def test_blocks_pass_on_as_they_are_and_are_heard(features, wave):
    """Samples, the features that are made anyway, and others, made for the network alone."""
    hearing = Hearing(Loud(features, 100.0 if features is None else 15.0), 0.5, FEATURES, 16000)
    blocks = np.split(wave, [5000, 5001, 30000])
    passed = list(hearing.passing(blocks))
    assert all(a is b for a, b in zip(passed, blocks, strict=True))
    frontend = Frontend(FrontendConfig(features=FEATURES, cmvn=None, vad=None))
    made = frontend.features(torch.from_numpy(wave)[None])
    heard = hearing.finish(made[0])
    assert heard.duration_s == pytest.approx(3.0)
    counts, spoken = np.zeros(heard.n_frames), np.zeros(heard.n_frames)
    for start, active in zip(heard.starts, heard.active.any(-1), strict=True):
        counts[start : start + len(active)] += 1
        spoken[start : start + len(active)] += active
    share = spoken / counts
    assert share[105:195].min() == 1 and share[:95].max() == share[205:].max() == 0


def test_another_rate_is_refused():
    with pytest.raises(DataError, match="segmentation network hears 16000 Hz, the embedding network 8000 Hz"):
        Hearing(Loud(None, 1.0), 0.5, FEATURES, 8000)
