"""Clips of single speakers, and what is cut out of them."""

from pathlib import Path

import numpy as np
import pytest

from pysid.data.corpus import Corpus
from pysid.errors import DataError
from pysid.training.segmentation.habits import Said
from pysid.training.segmentation.voices import Voices, webrtc_speech

from .conftest import HOP, RATE, STEP_S, loud, tone


def test_clips_know_their_speech(voices):
    assert voices.speakers == ["anna", "ben", "carl", "dora", "emil"]
    assert [len(voices.clips[s]) for s in voices.speakers] == [3] * 5
    assert not voices.speech[0][:20].any() and voices.speech[0][20:100].all() and not voices.speech[0][105:155].any()
    assert voices.levels[0] == pytest.approx(2000 / np.sqrt(2), rel=1e-3)
    n = len(voices.speech[0]) * HOP
    looped = voices.looped(0, 2 * n + 5, np.random.default_rng(3))
    np.testing.assert_array_equal(looped[n:], looped[: n + 5])
    first = -int(np.random.default_rng(3).integers(n)) % n
    clip = np.roll(looped[:n], first)  # from its beginning
    assert np.square(clip[20 * HOP : 100 * HOP]).mean() == pytest.approx(1.0, rel=1e-3)


def test_long_clips_are_listened_to_piece_by_piece(voices, make_voices, monkeypatch):
    monkeypatch.setattr("pysid.training.segmentation.voices.LONGEST_S", 0.5)
    again = make_voices()
    assert again.levels == pytest.approx(voices.levels)
    for ours, whole in zip(again.speech, voices.speech, strict=True):
        np.testing.assert_array_equal(ours, whole)


@pytest.mark.parametrize("seed", range(20))
def test_a_track_is_loud_where_it_is_said_to_be(voices, seed):
    said = [Said(0, -1.0, 1.5, False), Said(0, 3.0, 4.5, False), Said(0, 6.0, 20.0, True)]
    wave, active = voices.track("ben", said, [1.0, 1.0, 0.1], 400, np.random.default_rng(seed))
    assert wave.shape == (400 * HOP,) and active.shape == (400,)
    spoken = np.square(wave.reshape(-1, HOP)).mean(1) > 1e-3
    assert not (spoken & ~active).any()  # all that is heard is known
    # Pauses of up to 0.8 s are part of the turn; there is no longer silence within what counts as speech.
    edges = np.flatnonzero(np.diff(np.r_[0, (active & ~spoken).astype(int), 0]))
    assert max(edges[1::2] - edges[::2], default=0) <= 41
    assert not active[225:260].any()
    quiet = np.square(wave.reshape(-1, HOP)).mean(1)[active][-20:].max()
    assert quiet < 0.02  # the gain of the last turn


def test_only_the_speakers_own_clips_are_heard(voices):
    said = [Said(0, 0.0, 6.0, False)]
    wave, _ = voices.track("dora", said, [1.0], 300, np.random.default_rng(0))
    spectrum = np.abs(np.fft.rfft(wave))
    assert np.fft.rfftfreq(len(wave), 1 / RATE)[spectrum.argmax()] == pytest.approx(1700, abs=2)
    assert spectrum[round(300 * len(wave) / RATE)] < spectrum.max() / 100


def test_speakers_are_drawn_without_repetition(voices):
    rng = np.random.default_rng(0)
    assert all(len(set(voices.draw(3, rng))) == 3 for _ in range(20))
    assert sorted(voices.draw(9, rng)) == voices.speakers
    assert voices.draw(0, rng) == []


def test_clips_without_speech_are_left_out():
    waves = [np.zeros(HOP * 100, np.float32), tone("anna", np.ones(100, bool)), tone("anna", np.arange(100) < 30)]
    voices = Voices(["a", "b", "c"], ["x", "y", "y"], lambda i: [waves[i]], loud, RATE, STEP_S)
    assert voices.clips == {"y": [1]}
    with pytest.raises(DataError, match=r"expected clips with 0\.8 s of speech, got none among 1"):
        Voices(["a"], ["x"], lambda i: [waves[i]], loud, RATE, STEP_S)


def test_voices_of_data_directories(dev: Path, tmp_path: Path):
    corpus = Corpus.read(dev)
    voices = Voices.of_corpora([corpus], webrtc_speech(16000, 0.02), 16000, 0.02)
    assert len(voices.speakers) == 6 and len(voices.speech) == 36
    assert 0.6 < np.mean(np.concatenate(voices.speech)) < 1.0
    (tmp_path / "wav.scp").write_text(f"a {dev / 'audio/alicia-0.ogg'}\n")
    with pytest.raises(DataError, match=r"utt2spk: expected the speakers of the clips, got no such file"):
        Voices.of_corpora([Corpus.read(tmp_path)], loud, 16000, 0.02)
    (tmp_path / "wav.scp").write_text(f"a {tmp_path}/missing.ogg\n")
    (tmp_path / "utt2spk").write_text("a anna\n")
    with pytest.raises(DataError, match=r"missing\.ogg"):
        Voices.of_corpora([Corpus.read(tmp_path)], loud, 16000, 0.02)


def test_a_clip_that_cannot_be_read_is_left_out(said):
    wave = tone("anna", np.ones(100, bool))

    def read(i):
        if i == 1:
            raise DataError("b: broken")
        return [wave]

    voices = Voices(list("abcd"), list("xyxx"), read, loud, RATE, STEP_S)
    assert voices.clips == {"x": [0, 2, 3]} and len(voices.speech[1]) == 0
    listed = ["voices: training without 1 of 4 recordings, which cannot be read:", "  b: broken"]
    assert said.readouterr().err.splitlines()[-2:] == listed
    with pytest.raises(DataError, match=r"voices: expected to read at least 75% .*, but 1 of 3 cannot be read"):
        Voices(list("abc"), list("xyx"), read, loud, RATE, STEP_S)
