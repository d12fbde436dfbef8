"""Speech-like signals, and the reference files of Kaldi."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

GOLDEN = Path(__file__).parents[1] / "golden" / "kaldi"


@pytest.fixture(scope="session")
def golden_wave():
    """Reads a reference file: (S,) float32 at int16 scale."""

    def read(path):
        return soundfile.read(GOLDEN / path, dtype="int16")[0].astype(np.float32)

    return read


@pytest.fixture
def rng():
    return np.random.default_rng(5)


@pytest.fixture
def signal(rng):
    """Makes n samples of coloured noise of about a given root mean square."""

    def make(n, rms=1000.0):
        white = rng.standard_normal(n + 1)
        return (rms * (white[1:] + 0.8 * white[:-1]) / np.sqrt(1.64)).astype(np.float32)

    return make


@pytest.fixture
def response(rng):
    """Makes a room response of n samples: a direct sound and a decaying tail."""

    def make(n, peak=40, decay=400.0):
        wave = 3000 * rng.standard_normal(n) * np.exp(-np.arange(n) / decay)
        wave[:peak] = 0
        wave[peak] = 30000
        return wave.astype(np.float32)

    return make
