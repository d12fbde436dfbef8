"""Voices that need no recording: each speaker a mixture of tones of his own, on and off."""

from collections.abc import Callable

import numpy as np
import pytest

from pysid.training.segmentation.voices import Voices

RATE, STEP_S = 8000, 0.02
HOP = round(RATE * STEP_S)
TONES_HZ = {"anna": 300.0, "ben": 700.0, "carl": 1100.0, "dora": 1700.0, "emil": 2300.0}


def tone(speaker: str, active: np.ndarray) -> np.ndarray:
    """A tone where frames are active, silence elsewhere."""
    wave = 2000 * np.sin(2 * np.pi * TONES_HZ[speaker] / RATE * np.arange(len(active) * HOP))
    return (wave * np.repeat(active, HOP)).astype(np.float32)


def loud(wave: np.ndarray) -> np.ndarray:
    """Where a wave is not silent."""
    return np.square(wave[: len(wave) // HOP * HOP].reshape(-1, HOP)).mean(1) > 100


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
