"""MP3 files whose headers do not know how many frames there are."""

import io

import numpy as np

from pysid.io.audio.files import read_audio
from pysid.io.audio.mpeg import has_frames, sections
from pysid.io.audio.pieces import Bytes

RATE = 16000


def test_mp3_without_a_count_of_its_frames(tmp_path, wav, wave, ffmpeg, alike_in_power):
    picture = tmp_path / "cover.png"
    ffmpeg("-f", "lavfi", "-i", "color=red:size=600x600", "-frames:v", 1, picture)
    ffmpeg("-i", wav, "-write_xing", 0, tmp_path / "a.mp3")
    cover = ["-i", picture, "-map", 0, "-map", 1, "-c:v", "copy", "-disposition:v", "attached_pic"]
    ffmpeg("-i", wav, *cover, "-write_xing", 0, tmp_path / "b.mp3")
    ffmpeg("-i", wav, *cover, tmp_path / "c.mp3")
    ffmpeg("-i", wav, "-q:a", 9, "-write_xing", 0, tmp_path / "d.mp3")
    for name in "abcd":
        found, _ = read_audio(tmp_path / f"{name}.mp3")
        assert alike_in_power(found, wave), name


def test_mp3_with_dirt_before_its_first_frame(tmp_path, wave, capfd, coded):
    data = coded(wave, "mp3")
    tag = b"ID3\3\0\0\0\0\1\0" + bytes(128)
    expected, _ = read_audio(io.BytesIO(data))
    for dirt in (tag, tag + bytes(417), tag + tag):
        (tmp_path / "a.mp3").write_bytes(dirt + data + b"TAG" + bytes(125))
        np.testing.assert_array_equal(read_audio(tmp_path / "a.mp3")[0], expected)


def test_mp3_cut_out_of_a_stream(wave, coded):
    data = coded(wave, "mp3")
    expected, _ = read_audio(io.BytesIO(data))
    for dirt in (b"U" * 100, bytes(3000), b"icy-name: radio\r\n\r\n", b"\xff\xe2" + bytes(30)):
        np.testing.assert_array_equal(read_audio(io.BytesIO(dirt + data))[0], expected)
    rest, _ = read_audio(io.BytesIO(data[100:]))
    assert abs(len(expected) - len(rest)) < 4000  # what the encoder added is told in the frame that is missing
    noise = np.random.default_rng(0).bytes(1 << 16)
    assert not has_frames(Bytes(io.BytesIO(noise))) and not has_frames(Bytes(io.BytesIO(b"")))


def test_frames_are_counted(wave, coded):
    """A second at 16 kHz is 27.8 frames of 576 samples, and the encoder adds its delay."""
    data = coded(wave[:RATE], "mp3")
    (section,) = sections(Bytes(io.BytesIO(data)))
    assert (section.start, section.stop) == (0, len(data)) and section.header.rate == RATE and section.header.is_mono
    assert section.n_frames == section.claimed and 28 <= section.n_frames <= 32 and not section.is_torn
    first, second = sections(Bytes(io.BytesIO(data + data[:-7])))
    assert first.stop == second.start == len(data) and second.n_frames == first.n_frames - 1 and second.is_torn


def test_no_frames():
    assert sections(Bytes(io.BytesIO(b""))) == []
    assert sections(Bytes(io.BytesIO(b"RIFF" + bytes(range(256)) * 20))) == []
