"""The conversation that ships with the repository: is its reference that of its audio?"""

from itertools import combinations

import numpy as np
import pytest

from pysid.io.audio.files import audio_info, read_audio
from pysid.io.turns.rttm import read_rttm

RATE = 16000


@pytest.fixture(scope="module")
def folder(dev):
    return dev.parent / "conversation"


def test_its_size(folder):
    info = audio_info(folder / "meeting.ogg")
    assert (info.sample_rate, info.n_channels) == (RATE, 1)
    assert 60 < info.duration_s < 90
    assert (folder / "meeting.ogg").stat().st_size < 300_000


def test_its_reference(folder):
    wave, _ = read_audio(folder / "meeting.ogg")
    turns = read_rttm(folder / "meeting.rttm")["meeting"]
    assert {turn.speaker for turn in turns} == {"anna", "ben", "carla", "david"}
    assert all(1 <= turn.segment.duration_s <= 8 for turn in turns)
    overlaps = [(a, b) for a, b in combinations(turns, 2) if b.segment.start_s < a.segment.end_s]
    assert [(a.speaker, b.speaker) for a, b in overlaps] == [("ben", "david")]

    spoken = np.zeros(len(wave), bool)
    for turn in turns:
        start, end = round(turn.segment.start_s * RATE), round(turn.segment.end_s * RATE)
        spoken[start:end] = True
        for edge in (wave[start : start + RATE // 10], wave[end - RATE // 10 : end]):
            assert np.abs(edge).max() > 300  # somebody is heard from the first to the last tenth of a second
    silence = wave[~np.convolve(spoken, np.ones(RATE // 50), "same").astype(bool)]
    assert len(silence) > 8 * RATE
    assert 20 < silence.std() < 60 and np.abs(silence).max() < 300  # the noise of the room, and nothing else
