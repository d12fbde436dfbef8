"""Voices that need no recording: each speaker a mixture of tones of his own, on and off."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from pysid.frontend import FbankConfig
from pysid.segmentation import FrameGrid, Powerset
from pysid.training.segmentation.surroundings import SurroundingsConfig
from pysid.training.segmentation.voices import Voices

RATE, STEP_S = 8000, 0.02
HOP = round(RATE * STEP_S)
TONES_HZ = {"anna": 300.0, "ben": 700.0, "carl": 1100.0, "dora": 1700.0, "emil": 2300.0}


def tone(speaker: str, active: np.ndarray) -> np.ndarray:
    """A tone where frames are active, silence elsewhere."""
    wave = 2000 * np.sin(2 * np.pi * TONES_HZ[speaker] / RATE * np.arange(len(active) * HOP))
    return (wave * np.repeat(active, HOP)).astype(np.float32)


def loud(waves: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Where waves are not silent."""
    return [np.square(wave[: len(wave) // HOP * HOP].reshape(-1, HOP)).mean(1) > 100 for wave in waves]


@pytest.fixture(scope="session")
def make_voices() -> Callable[..., Voices]:
    def make(speakers=tuple(TONES_HZ), n_clips=3) -> Voices:
        rng = np.random.default_rng(0)
        waves, owners = [], []
        for speaker in speakers:
            for _ in range(n_clips):
                active = np.zeros(250, bool)
                active[20:230] = True
                active[100 : 100 + rng.integers(60, 80)] = False
                waves.append(tone(speaker, active))
                owners.append(speaker)
        return Voices([f"c{i}" for i in range(len(waves))], owners, lambda i: [waves[i]], loud, RATE, STEP_S)

    return make


@pytest.fixture(scope="session")
def voices(make_voices) -> Voices:
    return make_voices()


POWERSET = Powerset(3, 2)
FEATURES = FbankConfig(sample_rate=RATE, n_mels=8, high_hz=3800.0, use_energy=True, snip_edges=False)


class Nobody:
    """A teacher that hears nobody, in frames of 25 ms; `features` and the like as of a `SegmentationNetwork`."""

    powerset, sample_rate, features = POWERSET, RATE, None

    def __init__(self, window_s=2.0):
        self.grid = FrameGrid(0.025, 0.01, window_s)

    def __call__(self, windows):
        said = torch.full((len(windows), windows.shape[1] // 200, 7), 0.02)
        said[..., 0] = 0.88
        return said.log()


NOTHING = SurroundingsConfig(
    steady_probability=0.0,
    burst_probability=0.0,
    sound_probability=0.0,
    music_probability=0.0,
    babble_probability=0.0,
    telephone_probability=0.0,
    low_pass_probability=0.0,
    tilt_probability=0.0,
)


RATE = 8000


@pytest.fixture
def meeting(tmp_path) -> Path:
    """Two recordings of 4 and 1 s, whose samples tell the time in hundredths of a second."""
    lines = []
    for name, seconds in (("a", 4.0), ("b", 1.0)):
        wave = (np.arange(round(seconds * RATE)) * 100 // RATE).astype(np.int16)
        soundfile.write(tmp_path / f"{name}.wav", wave, RATE)
        lines.append(f"{name} {tmp_path / name}.wav\n")
    (tmp_path / "wav.scp").write_text("".join(lines))
    turns = [("a", 0.0, 1.0, "x"), ("a", 0.5, 2.5, "y"), ("b", 0.2, 0.4, "x")]
    (tmp_path / "ref.rttm").write_text(
        "".join(f"SPEAKER {r} 1 {start} {length} <NA> <NA> {who} <NA> <NA>\n" for r, start, length, who in turns)
    )
    return tmp_path
