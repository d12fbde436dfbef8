"""Several channels made one."""

import os

import numpy as np
import pytest
import soundfile

from pysid.errors import PysidWarning
from pysid.io.audio import reader
from pysid.io.audio.channels import choose_mix
from pysid.io.audio.files import read_audio

RATE = 16000


def write_channels(path, *channels):
    soundfile.write(path, np.stack(channels, 1), RATE)
    return path


def test_opposite_channels_do_not_cancel(tmp_path, wave):
    path = write_channels(tmp_path / "a.wav", wave, -wave)
    with pytest.warns(PysidWarning, match=r"a\.wav: its channels cancel each other out: channel 0 is taken$"):
        found, _ = read_audio(path)
    np.testing.assert_array_equal(found, read_audio(path, channel=0)[0])


def test_a_silent_channel_does_not_count(tmp_path, wave):
    path = write_channels(tmp_path / "a.wav", 0 * wave, wave)
    np.testing.assert_array_equal(read_audio(path)[0], read_audio(path, channel=1)[0])


def test_channels_of_different_things(tmp_path, wave):
    path = write_channels(tmp_path / "a.wav", wave, np.roll(wave[::-1], 777))
    with pytest.warns(PysidWarning, match=r"a\.wav: its channels hold different things: their mean is taken; choose"):
        found, _ = read_audio(path)
    mean = (read_audio(path, channel=0)[0] + read_audio(path, channel=1)[0]) / 2
    np.testing.assert_allclose(found, mean, atol=0.01)
    with pytest.warns(PysidWarning, match="hold different things"):
        other, _ = read_audio(write_channels(tmp_path / "b.wav", np.roll(wave[::-1], 777), wave))
    np.testing.assert_allclose(found, other, atol=0.01)  # the order of channels does not matter


def test_pieces_of_a_file_share_one_look_at_its_channels(tmp_path, wave, monkeypatch):
    path = write_channels(tmp_path / "a.wav", wave, -wave)
    looks = []
    monkeypatch.setattr(reader, "choose_mix", lambda *given: looks.append(1) or choose_mix(*given))
    for start_s in (0.0, 1.0, 2.0):
        with pytest.warns(PysidWarning, match="cancel each other out"):
            found, _ = read_audio(path, start_s=start_s, end_s=start_s + 0.5)
        np.testing.assert_array_equal(found, read_audio(path, channel=0, start_s=start_s, end_s=start_s + 0.5)[0])
    assert len(looks) == 1
    write_channels(path, wave, 0.9 * wave)
    os.utime(path, ns=(1, 1))  # as if it were written at another time
    assert np.abs(read_audio(path)[0]).max() > 1 and len(looks) == 2


def test_silence_in_all_channels(tmp_path, wave):
    assert not read_audio(write_channels(tmp_path / "a.wav", 0 * wave, 0 * wave))[0].any()


def test_a_constant_offset_is_no_sound(tmp_path, wave):
    wave = 0.5 * wave
    offset = 0 * wave + 0.3
    call = write_channels(tmp_path / "call.wav", wave + offset, np.roll(wave[::-1], 777) + offset)
    with pytest.warns(PysidWarning, match="hold different things"):
        read_audio(call)
    crossed = write_channels(tmp_path / "crossed.wav", wave + offset, offset - wave)
    with pytest.warns(PysidWarning, match="cancel each other out: channel 0 is taken$"):
        read_audio(crossed)
    dead = write_channels(tmp_path / "dead.wav", offset, wave)
    np.testing.assert_array_equal(read_audio(dead)[0], read_audio(dead, channel=1)[0])
    assert np.ptp(read_audio(write_channels(tmp_path / "none.wav", offset, 2 * offset))[0]) == 0
