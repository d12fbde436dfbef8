"""Silero's detector: how it is fed and asked, with a double of its package; and itself where that is installed."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from pysid.errors import DataError
from pysid.frontend import (
    VOXCELEB,
    Frontend,
    FrontendConfig,
    SileroDetector,
    SileroVadConfig,
    analyse_blocks,
    silero_vad,
)


class Network:
    """Loud blocks are speech, with a memory: the probability is the mean of this block's and of the last one's."""

    def __init__(self) -> None:
        self.n_resets = 0
        self.reset_states()

    def reset_states(self):
        self.n_resets += 1
        self.last = 0.0

    def __call__(self, block, sample_rate):
        assert block.shape == ({16000: 512, 8000: 256}[sample_rate],) and block.dtype == torch.float32
        assert block.abs().max() <= 1
        own = float(block.abs().max() > 0.1)
        value, self.last = (own + self.last) / 2, own
        return torch.tensor([[value]])


def get_speech_timestamps(audio, model, threshold=0.5, sampling_rate=16000, speech_pad_ms=30, **others):
    """Without rules on lengths: a stretch for each run of blocks at the threshold or above it, padded."""
    assert set(others) == {"neg_threshold", "min_speech_duration_ms", "min_silence_duration_ms"}
    size, pad = {16000: 512, 8000: 256}[sampling_rate], speech_pad_ms * sampling_rate // 1000
    model.reset_states()
    speech = [float(model(audio[i : i + size], sampling_rate)) >= threshold for i in range(0, len(audio), size)]
    edges = np.flatnonzero(np.diff(speech, prepend=False, append=False)) * size
    pairs = zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
    return [{"start": max(0, a - pad), "end": min(len(audio), b + pad)} for a, b in pairs]


@pytest.fixture
def package(monkeypatch):
    double = SimpleNamespace(load_silero_vad=lambda onnx: Network(), get_speech_timestamps=get_speech_timestamps)
    monkeypatch.setitem(sys.modules, "silero_vad", double)
    return double


def bursts(rate=16000):
    """Quiet, loud from 1 to 2 s, quiet to the end at 3 s and a bit."""
    wave = torch.zeros(3 * rate + 7)
    wave[rate : 2 * rate] = 10000.0 * torch.sign(torch.sin(torch.arange(rate, dtype=torch.float32)))
    return wave


@pytest.mark.parametrize("rate", [8000, 16000])
def test_frames_get_what_is_said_of_their_centre(package, rate):
    config = SileroVadConfig(threshold=0.5, speech_pad_ms=0)
    voiced = silero_vad(bursts(rate), rate, 300, config)
    # A block of 32 ms counts if it is loud anywhere, and so does the one after it.
    assert voiced.shape == (300,) and voiced.dtype == torch.bool
    assert not voiced[:98].any() and voiced[101:200].all() and not voiced[207:].any()
    padded = silero_vad(bursts(rate), rate, 300, SileroVadConfig(speech_pad_ms=100))
    assert int(padded.sum()) == int(voiced.sum()) + 20
    strict = silero_vad(bursts(rate), rate, 300, SileroVadConfig(threshold=0.8, speech_pad_ms=0))
    assert int(strict.sum()) < int(voiced.sum())
    shifted = silero_vad(bursts(rate), rate, 299, config, first_centre_ms=15.0)
    assert torch.equal(shifted, voiced[1:])


@pytest.mark.parametrize("size", [1, 100, 511, 512, 513, 20000])
def test_pieces_give_what_the_whole_gives(package, size):
    wave = bursts()[15000:18000] if size == 1 else bursts()
    detector = SileroDetector(16000)
    for piece in wave.split(size):
        detector.feed(piece.numpy())
    assert torch.equal(detector.finish(len(wave) // 160), silero_vad(wave, 16000, len(wave) // 160))


def test_recordings_do_not_know_of_each_other(package):
    one, other = SileroDetector(16000), SileroDetector(16000)
    for piece in bursts().split(700):
        one.feed(piece.numpy())
        other.feed(torch.zeros(700).numpy())
    assert torch.equal(one.finish(300), silero_vad(bursts(), 16000, 300)) and not other.finish(300).any()


def test_a_network_is_loaded_once(package, monkeypatch):
    loaded = []

    def load(onnx):
        loaded.append(Network())
        return loaded[-1]

    monkeypatch.setattr(package, "load_silero_vad", load)
    config = FrontendConfig(features=VOXCELEB.features, vad=SileroVadConfig())
    frontend = Frontend(config)
    wave = torch.stack([bursts(), bursts().roll(8000), bursts()])
    _, voiced, _ = frontend.analyse(wave)
    assert torch.equal(voiced[0], voiced[2]) and not torch.equal(voiced[0], voiced[1])
    analyse_blocks(frontend, [bursts().numpy()])
    assert len(loaded) == 1 and loaded[0].n_resets >= 4
    one, other = SileroDetector(16000), SileroDetector(16000)  # both at work
    assert len(loaded) == 2
    one.finish(0), one.finish(0), other.finish(0)  # asked again, it gives back no network twice
    SileroDetector(16000), SileroDetector(16000)
    assert len(loaded) == 2


def test_more_frames_than_samples(package):
    assert silero_vad(torch.zeros(0), 16000, 3).tolist() == [False] * 3
    assert silero_vad(torch.full((100,), 30000.0), 16000, 3).tolist() == [True, False, False]


def test_the_front_end_asks_it(package):
    config = FrontendConfig(features=VOXCELEB.features, vad=SileroVadConfig())
    wave = bursts()
    _, voiced, _ = Frontend(config).analyse(wave[None])
    assert torch.equal(voiced[0], silero_vad(wave, 16000, voiced.shape[1], first_centre_ms=5.0))
    streamed = analyse_blocks(Frontend(config), (piece.numpy() for piece in wave.split(5000)))
    assert torch.equal(streamed.voiced, voiced[0]) and 0 < int(voiced.sum()) < voiced.shape[1]


def test_threads_and_warnings_stay_as_they_are(package, monkeypatch, recwarn):
    def load(onnx):
        torch.set_num_threads(2 if before == 1 else 1)
        import warnings

        warnings.warn("for its authors", stacklevel=1)
        return Network()

    before = torch.get_num_threads()
    monkeypatch.setattr(package, "load_silero_vad", load)
    SileroDetector(16000)
    assert torch.get_num_threads() == before and not len(recwarn)


def test_wrong_options(package):
    with pytest.raises(ValueError, match=r"Silero's detector takes 8000 or 16000 Hz, got 22050"):
        SileroDetector(22050)
    with pytest.raises(ValueError, match=r"wave must be \(samples,\), got \(1, 100\)"):
        SileroDetector(16000).feed(np.zeros((1, 100)))
    for name in ("threshold", "neg_threshold"):
        with pytest.raises(ValueError, match=rf"{name} must lie in \[0, 1\], got 2"):
            SileroVadConfig(**{name: 2})
    for name in ("min_speech_duration_ms", "min_silence_duration_ms", "speech_pad_ms"):
        with pytest.raises(ValueError, match=f"{name} must not be negative, got -1"):
            SileroVadConfig(**{name: -1})


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "silero_vad", None)
    with pytest.raises(DataError, match="--vad silero needs the package silero-vad: pip install silero-vad"):
        SileroDetector(16000)


def test_the_package_itself_tells_speech_from_silence_and_noise(golden_waves):
    silero = pytest.importorskip("silero_vad")
    speech = golden_waves("wav_few.scp")["flite_slt_1"][0].float()
    noise = torch.from_numpy(np.random.default_rng(0).normal(0, 300, 16000).astype(np.float32))
    wave = torch.cat([noise, speech, torch.zeros(16000)])
    voiced = silero_vad(wave, 16000, len(wave) // 160)
    assert not voiced[:90].any() and voiced[100:-100].float().mean() > 0.6 and not voiced[-80:].any()
    # Its own function, on all of the samples at once, says the same.
    parts = silero.get_speech_timestamps(wave / 32768, silero.load_silero_vad())
    centres = (torch.arange(len(wave) // 160) * 160 + 80).double()
    expected = sum(((x["start"] <= centres) & (centres < x["end"])).int() for x in parts) > 0
    assert (voiced == expected).float().mean() > 0.995
