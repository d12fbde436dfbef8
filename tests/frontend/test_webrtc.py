import sys

import numpy as np
import pytest
import torch

from pysid.frontend import WebrtcDetector, WebrtcVadConfig, webrtc_vad


@pytest.fixture(scope="module")
def speech(golden_waves):
    """A second of silence, speech, a second of silence; 16 kHz."""
    silence = torch.zeros(16000)
    return torch.cat([silence, golden_waves("wav_few.scp")["flite_slt_1"][0], silence])


@pytest.mark.parametrize("block_ms", [10, 20, 30])
@pytest.mark.parametrize("aggressiveness", [0, 3])
def test_speech_is_told_from_silence(speech, block_ms, aggressiveness):
    n_frames = len(speech) // 160
    config = WebrtcVadConfig(aggressiveness=aggressiveness, block_ms=block_ms)
    voiced = webrtc_vad(speech, 16000, n_frames, config)
    assert voiced.shape == (n_frames,) and voiced.dtype == torch.bool
    assert not voiced[:95].any()
    assert voiced[100:-100].float().mean() > 0.7
    assert not voiced[-70:].any()  # the hangover is over


def test_a_frame_gets_the_decision_at_its_centre(speech):
    by_10_ms = webrtc_vad(speech, 16000, 700, WebrtcVadConfig(block_ms=30))
    shifted = webrtc_vad(speech, 16000, 699, WebrtcVadConfig(block_ms=30), first_centre_ms=15.0)
    assert torch.equal(by_10_ms[1:], shifted)
    coarse = webrtc_vad(speech, 16000, 233, WebrtcVadConfig(block_ms=30), shift_ms=30.0)
    assert torch.equal(coarse, by_10_ms[0:699:3])
    assert torch.equal(by_10_ms[0:699:3], by_10_ms[2:699:3])  # three frames share a block


@pytest.mark.parametrize("rate", [8000, 32000, 48000])
def test_other_rates(rate):
    assert not webrtc_vad(torch.zeros(rate), rate, 100).any()


def test_more_frames_than_samples():
    assert webrtc_vad(torch.zeros(0), 16000, 3).tolist() == [False] * 3
    assert webrtc_vad(torch.full((100,), 1e6), 16000, 3).shape == (3,)  # clipped to int16, filled up to a block


def test_wrong_options():
    with pytest.raises(ValueError, match="WebRTC's detector takes 8000, 16000, 32000, 48000 Hz, got 22050"):
        webrtc_vad(torch.zeros(100), 22050, 1)
    with pytest.raises(ValueError, match=r"wave must be \(samples,\), got \(1, 100\)"):
        webrtc_vad(torch.zeros(1, 100), 16000, 1)
    with pytest.raises(ValueError, match=r"aggressiveness must lie in \[0, 3\], got 4"):
        WebrtcVadConfig(aggressiveness=4)
    with pytest.raises(ValueError, match="block_ms must be 10, 20 or 30, got 25"):
        WebrtcVadConfig(block_ms=25)


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "webrtcvad", None)
    with pytest.raises(ImportError, match="pip install webrtcvad-wheels"):
        webrtc_vad(torch.zeros(16000), 16000, 100)


@pytest.mark.parametrize("size", [1, 100, 479, 480, 481, 50000])
def test_pieces_give_what_the_whole_gives(speech, size):
    wave = speech[:30000] if size == 1 else speech
    n_frames = len(wave) // 160
    detector = WebrtcDetector(16000)
    for piece in wave.split(size):
        detector.feed(piece.numpy())
    assert torch.equal(detector.finish(n_frames), webrtc_vad(wave, 16000, n_frames))


def test_with_a_level_the_loudness_of_a_recording_does_not_matter(speech):
    wave = speech + torch.from_numpy(np.random.default_rng(0).normal(0, 30, len(speech)))
    quiet, loud = wave / 30, wave * 4
    config = WebrtcVadConfig(aggressiveness=3, level=3000.0)
    n_frames = len(wave) // 160
    expected = webrtc_vad(wave, 16000, n_frames, config)
    assert 0.2 < expected.float().mean() < 0.95
    for other in (quiet, loud):
        assert (webrtc_vad(other, 16000, n_frames, config) == expected).float().mean() > 0.98
    plain = WebrtcVadConfig(aggressiveness=3)
    assert not webrtc_vad(wave / 1000, 16000, n_frames, plain).any()
    assert not webrtc_vad(torch.zeros(16000), 16000, 100, config).any()


def test_pieces_are_brought_to_one_level(speech):
    wave = speech.numpy()
    config = WebrtcVadConfig(aggressiveness=3, level=3000.0)
    detector = WebrtcDetector(16000, config)
    for piece in np.array_split(wave, [5, 700, 40000]):
        detector.feed(piece)
    n_frames = len(wave) // 160
    assert detector.finish(n_frames).equal(webrtc_vad(torch.from_numpy(wave), 16000, n_frames, config))


def test_a_level_must_be_positive():
    with pytest.raises(ValueError, match="level must be positive, got 0"):
        WebrtcVadConfig(level=0)
