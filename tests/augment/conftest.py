"""Speech-like signals, banks of them, and the reference files of Kaldi."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from pysid.augment import MemoryBank, ResponseSet
from pysid.augment.block_convolution import block_size
from pysid.io.audio.files import write_audio

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


@pytest.fixture(scope="session")
def kaldis_block_convolution():
    """Convolves as Kaldi's signal.cc does, written down from it step by step."""

    def convolve(wave, response):
        """FFTbasedBlockConvolveSignals spelled out with spectra packed as SplitRadixRealFft packs them."""
        n_fft, hop = block_size(len(response))
        n_out = len(wave) + len(response) - 1
        result = np.zeros(n_out + 2 * n_fft)
        filter_ = np.fft.rfft(response, n_fft)
        for at in range(0, n_out, hop):
            block = np.fft.rfft(wave[at : at + hop], n_fft)
            first = complex(filter_[0].real, filter_[-1].real) * complex(block[0].real, block[-1].real)
            product = filter_ * block
            product[0], product[-1] = first.real, first.imag
            result[at : at + n_fft] += np.fft.irfft(product, n_fft)
        return result[:n_out]

    return convolve


RATE = 16000


@pytest.fixture
def banks(signal, response):
    noises = MemoryBank([signal(n, rms=n / 9) for n in (4000, 12000, 700)], RATE)
    music = MemoryBank([signal(n) for n in (9000, 40000)], RATE)
    speech = MemoryBank([signal(n) for n in (5000, 6000, 30000)], RATE)
    return {
        "noises": noises,
        "music": music,
        "speech": speech,
        "responses": ResponseSet.of_waves([response(900)], RATE),
    }


RAMP = np.arange(1000, dtype=np.int16)


@pytest.fixture
def two_recordings(tmp_path):
    """Two recordings, at 16 and at 8 kHz, and a wav.scp."""
    write_audio(tmp_path / "a.wav", RAMP, 16000)
    write_audio(tmp_path / "b.wav", 100 * np.sin(np.arange(800) / 9), 8000)
    (tmp_path / "wav.scp").write_text("a a.wav\nb b.wav\n")
    return tmp_path
