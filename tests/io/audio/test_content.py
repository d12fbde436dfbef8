"""What a file is tells its content and not its name."""

import subprocess

import pytest

from pysid.errors import DataError
from pysid.io.audio.content import after_id3
from pysid.io.audio.files import read_audio

RATE = 16000


CODECS = {
    "webm": ("webm", "libopus"),
    "mkv": ("matroska", "flac"),
    "mov": ("mov", "aac"),
    "m4a": ("mp4", "aac"),
    "aac": ("adts", "aac"),
    "wma": ("asf", "wmav2"),
    "ac3": ("ac3", "ac3"),
    "oga": ("ogg", "flac"),
    "wv": ("wv", "wavpack"),
    "ts": ("mpegts", "mp2"),
    "avi": ("avi", "pcm_s16le"),
    "adpcm": ("wav", "adpcm_swf"),
}


@pytest.mark.parametrize("kind", CODECS)
def test_what_a_file_is_tells_its_content_and_not_its_name(tmp_path, wav, wave, kind, ffmpeg, alike_in_power):
    form, codec = CODECS[kind]
    rate = 22050 if kind == "adpcm" else RATE if kind not in ("ac3", "ts") else 48000
    try:
        ffmpeg("-i", wav, "-ar", rate, "-f", form, "-c:a", codec, "-b:a", "96k", tmp_path / "x.mp3")
    except subprocess.CalledProcessError:
        pytest.skip(f"this ffmpeg does not write {codec}")
    found, _ = read_audio(tmp_path / "x.mp3", sample_rate=RATE)
    assert alike_in_power(found, wave)


def test_films_of_camcorders(tmp_path, wav, wave, ffmpeg, alike_in_power):
    coded = ("-ar", 48000, "-c:a", "ac3", "-f", "mpegts")
    ffmpeg("-i", wav, *coded, "-mpegts_m2ts_mode", 1, tmp_path / "a.mts")
    ffmpeg("-i", wav, *coded, tmp_path / "a.ts")
    (tmp_path / "b.ts").write_bytes((tmp_path / "a.ts").read_bytes()[100:])  # begins within a packet
    picture = ("-f", "lavfi", "-i", "testsrc=duration=3:size=320x240:rate=25", "-c:v", "mpeg2video")
    ffmpeg("-i", wav, *picture, "-ar", 48000, "-c:a", "pcm_s16le", tmp_path / "a.mxf")
    for name in ("a.mts", "b.ts", "a.mxf"):
        assert alike_in_power(read_audio(tmp_path / name, sample_rate=RATE)[0], wave), name


@pytest.mark.parametrize(
    ("content", "called"),
    [(b"%PDF-1.7 ...", "a PDF document"), (b"PK\3\4abc", "a ZIP archive"), (b"\x89PNG\r\n", "a picture")],
)
def test_what_is_no_sound_is_called_by_its_name(tmp_path, content, called):
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(DataError, match=rf"a\.wav: expected an audio file, got {called}$"):
        read_audio(tmp_path / "a.wav")


def test_a_raw_file_has_no_header(tmp_path, wave):
    (tmp_path / "a.raw").write_bytes((20000 * wave).astype("<i2").tobytes())
    with pytest.raises(DataError, match=r"a\.raw: expected an audio file, got something unknown$"):
        read_audio(tmp_path / "a.raw")


def test_tags_before_the_content():
    assert after_id3(b"ID3\3\0\0\0\0\2\1" + bytes(300)) == 10 + 257
    assert after_id3(b"ID3\4\0\x10\0\0\0\1") == 10 + 1 + 10, "a footer"
    assert after_id3(b"ID3\3\0\0\0\0\x80\1") == after_id3(b"ID3") == after_id3(b"fLaC" + bytes(20)) == 0
