"""Audio that is decoded by ffmpeg. Without the program, what its absence says is all there is to test."""

import shutil
import subprocess

import numpy as np
import pytest
import soundfile

from pysid.errors import DataError, PysidWarning
from pysid.io.audio.files import audio_info, iter_blocks, read_audio

RATE = 16000

needs_program = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")


@pytest.fixture
def m4a(tmp_path):
    """Three seconds of a tone that grows, in stereo: the left channel alone."""
    time = np.arange(3 * RATE) / RATE
    tone = 0.1 * time * np.sin(2 * np.pi * 440 * time)
    soundfile.write(tmp_path / "a.wav", np.stack([tone, 0 * tone], 1), RATE)
    path = tmp_path / "a.m4a"
    encode = ["-c:a", "aac", "-b:a", "96k", "-movflags", "+faststart", path]
    subprocess.run(["ffmpeg", "-v", "error", "-i", tmp_path / "a.wav", *encode], check=True)
    return path


@needs_program
def test_reads_what_was_encoded(m4a):
    wave, rate = read_audio(m4a)
    info = audio_info(m4a)
    assert (rate, info.sample_rate, info.n_channels, info.n_samples) == (RATE, RATE, 2, len(wave))
    wave, _ = read_audio(m4a, channel=0)
    original = 32768 * soundfile.read(m4a.with_suffix(".wav"))[0]
    assert 0 <= len(wave) - len(original) < 2048  # the last block of AAC is filled up
    assert np.sqrt(np.mean((wave[: len(original)] - original[:, 0]) ** 2)) < 0.02 * original.max()
    assert np.abs(read_audio(m4a, channel=1)[0]).max() < 0.02 * original.max()


@needs_program
@pytest.mark.parametrize("rate", [RATE, 8000])
def test_a_piece_is_the_slice_of_the_whole(m4a, rate):
    whole, _ = read_audio(m4a, sample_rate=rate)
    piece, _ = read_audio(m4a, sample_rate=rate, start_s=1.25, end_s=2.5)
    tolerance = 0 if rate == RATE else 0.01  # sums of a resampler in another order
    np.testing.assert_allclose(piece, whole[int(1.25 * rate) : int(2.5 * rate)], rtol=0, atol=tolerance)
    blocks = list(iter_blocks(m4a, 0.7, sample_rate=rate))
    np.testing.assert_allclose(np.concatenate(blocks), whole, rtol=0, atol=tolerance)


@needs_program
@pytest.mark.parametrize("name", ["-y.m4a", "-.m4a", "http:a.m4a", "concat:a|b.m4a", "a b%03d.M4A", "pipe:0.m4a"])
def test_a_name_is_nothing_but_a_name(m4a, tmp_path, monkeypatch, name):
    m4a.rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert len(read_audio(name)[0]) >= 3 * RATE
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, "a.wav"])


@needs_program
@pytest.mark.parametrize("content", ["#EXTM3U\n#EXTINF:3,\na.wav\n", "ffconcat version 1.0\nfile a.wav\n", "text"])
def test_a_playlist_is_not_followed(m4a, content):
    m4a.write_text(content)
    with pytest.raises(DataError, match=r"a\.m4a: expected an audio file, got text$"):
        read_audio(m4a)


@needs_program
def test_cut_off_or_broken(m4a):
    whole = m4a.read_bytes()
    m4a.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"^[^\n]*a\.m4a: MP4, .*, broken or cut off: ffmpeg says: [^\n]*$"):
        read_audio(m4a)
    m4a.write_bytes(whole[: len(whole) // 2] + bytes(300) + whole[len(whole) // 2 + 300 :])
    with pytest.raises(DataError, match="broken or cut off"):
        read_audio(m4a)


def test_missing_and_empty(tmp_path):
    with pytest.raises(DataError, match=r"no\.m4a: cannot read the file: No such file or directory$"):
        read_audio(tmp_path / "no.m4a")
    (tmp_path / "a.m4a").touch()
    with pytest.raises(DataError, match=r"a\.m4a: expected audio, got an empty file$"):
        read_audio(tmp_path / "a.m4a")


def test_without_the_program(tmp_path, monkeypatch):
    (tmp_path / "a.m4a").write_bytes(b"\0\0\0\x1cftypM4A something")
    monkeypatch.setenv("PATH", "")
    expected = r"a\.m4a: seems to be MP4, .*, which needs the program ffmpeg to decode; install it, or .*$"
    with pytest.raises(DataError, match=expected):
        read_audio(tmp_path / "a.m4a")
    with pytest.raises(DataError, match=expected):
        audio_info(tmp_path / "a.m4a")


@needs_program
@pytest.mark.parametrize(
    "options",
    [
        ["-f", "webm", "-c:a", "libopus", "-ar", "48000"],
        ["-f", "matroska", "-c:a", "aac"],
        ["-f", "avi", "-c:a", "mp3"],
        ["-f", "asf", "-c:a", "wmav2"],
        ["-f", "ogg", "-c:a", "libspeex"],
        ["-f", "ogg", "-c:a", "flac"],
        ["-f", "ipod", "-c:a", "aac", "-movflags", "+faststart"],
    ],
)
def test_what_was_cut_off_is_never_taken_for_the_whole(tmp_path, wav, ffmpeg, options):
    ffmpeg("-i", wav, *options, tmp_path / "a")
    data = (tmp_path / "a").read_bytes()
    for share in (0.5, 0.77, 0.95):
        with pytest.raises(DataError, match="cut off"):
            read_audio(data[: int(share * len(data))])


@needs_program
def test_what_cannot_be_decoded_is_said(m4a, tmp_path, monkeypatch):
    program = tmp_path / "ffmpeg"
    line = "[aac @ 0x5] [error] a frame is missing"
    program.write_text(f'#!/bin/sh\n{shutil.which("ffmpeg")} "$@" && echo "{line}" >&2\n')
    program.chmod(0o755)
    monkeypatch.setattr("pysid.io.audio.ffmpeg.find_program", lambda: program)
    said = r"a\.m4a: MP4, M4A or QuickTime: ffmpeg says: a frame is missing; what it could decode is read$"
    with pytest.warns(PysidWarning, match=said):
        assert len(read_audio(m4a)[0]) >= 3 * RATE


@needs_program
def test_the_first_of_several_audio_streams_is_taken_with_a_warning(tmp_path, wav, ffmpeg, recwarn):
    comment = "comment=[error] no error\n[error] nor this: truncated"
    ffmpeg("-i", wav, "-metadata", comment, "-c:a", "pcm_s16le", tmp_path / "one.mkv")
    expected, _ = read_audio(wav)
    np.testing.assert_array_equal(read_audio(tmp_path / "one.mkv")[0], expected)
    assert not recwarn.list
    tone = ("-f", "lavfi", "-i", "sine=duration=3")
    ffmpeg("-i", wav, *tone, "-map", 0, "-map", 1, "-c:a", "pcm_s16le", tmp_path / "two.mkv")
    said = r"mkv: WebM or Matroska with 2 audio streams: the first is taken; ffmpeg -map 0:a:1 takes the second out"
    with pytest.warns(PysidWarning, match=said):
        found, _ = read_audio(tmp_path / "two.mkv")
    np.testing.assert_array_equal(found, expected)


@needs_program
def test_no_more_is_decoded_than_is_allowed(m4a, monkeypatch):
    monkeypatch.setattr("pysid.io.audio.reader.DECODED_MORE_S", 1.0)
    with pytest.raises(DataError, match=r"expected at most 0.0003 hours, got more; --max-hours allows more"):
        read_audio(m4a, max_hours=0.0003)
    monkeypatch.setattr("pysid.io.audio.reader.DECODED_MORE_S", -0.1)
    assert len(read_audio(m4a, max_hours=0.0006)[0]) <= 2.5 * RATE  # ffmpeg itself stops
