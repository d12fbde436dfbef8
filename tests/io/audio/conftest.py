"""A wave, and how files are made of it."""

import io
import shutil
import subprocess
from collections.abc import Callable

import numpy as np
import pytest
import soundfile

RATE = 16000
FORMS = {"mp3": ("MP3", None), "ogg": ("OGG", "VORBIS"), "opus": ("OGG", "OPUS")}


@pytest.fixture(scope="session")
def wave() -> np.ndarray:
    """Three seconds of a rising tone in a little noise, at 16 kHz."""
    time = np.arange(3 * RATE) / RATE
    noise = np.random.default_rng(0).normal(scale=0.01, size=len(time))
    return (0.3 * np.sin(2 * np.pi * (200 + 300 * time) * time) + noise).astype(np.float32)


@pytest.fixture
def wav(tmp_path, wave):
    """A WAV file of it."""
    soundfile.write(tmp_path / "m.wav", wave, RATE)
    return tmp_path / "m.wav"


@pytest.fixture
def ffmpeg() -> Callable[..., bytes]:
    """Runs ffmpeg; returns what it prints."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")

    def run(*arguments: object) -> bytes:
        command = ["ffmpeg", "-nostdin", "-v", "error", "-y", *map(str, arguments)]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout

    return run


@pytest.fixture(scope="session")
def coded() -> Callable[..., bytes]:
    """A file of a kind, as libsndfile writes it."""

    def write(wave: np.ndarray, kind: str, rate: int = RATE) -> bytes:
        stream = io.BytesIO()
        form, subtype = FORMS[kind]
        soundfile.write(stream, wave, rate, format=form, subtype=subtype)
        return stream.getvalue()

    return write


@pytest.fixture(scope="session")
def alike_in_power() -> Callable[[np.ndarray, np.ndarray], bool]:
    """Whether a wave at int16 scale is another one that went through a codec, which may add a lead."""

    def alike(found: np.ndarray, expected: np.ndarray) -> bool:
        ratio = float(np.square(found).sum() / np.square(32768 * expected).sum())
        return abs(len(found) - len(expected)) < 0.2 * RATE and 0.7 < ratio < 1.3

    return alike
