"""Files as people have them: joined ones, headers that do not know, odd containers, pipes, channels."""

import io
import os
import shutil
import subprocess
import threading

import numpy as np
import pytest
import soundfile

from pysid.errors import DataError, PysidWarning
from pysid.io.audio.files import audio_info, iter_blocks, read_audio

RATE = 16000
needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
needs_sox = pytest.mark.skipif(shutil.which("sox") is None, reason="sox is not installed")


@pytest.fixture(scope="module")
def wave() -> np.ndarray:
    """Three seconds of a rising tone in a little noise."""
    time = np.arange(3 * RATE) / RATE
    noise = np.random.default_rng(0).normal(scale=0.01, size=len(time))
    return (0.3 * np.sin(2 * np.pi * (200 + 300 * time) * time) + noise).astype(np.float32)


@pytest.fixture
def wav(tmp_path, wave):
    soundfile.write(tmp_path / "m.wav", wave, RATE)
    return tmp_path / "m.wav"


def ffmpeg(*arguments: object) -> None:
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", *map(str, arguments)], check=True)


def coded(wave: np.ndarray, kind: str) -> bytes:
    """A file as libsndfile writes it."""
    stream = io.BytesIO()
    form, subtype = {"mp3": ("MP3", None), "ogg": ("OGG", "VORBIS"), "opus": ("OGG", "OPUS")}[kind]
    soundfile.write(stream, wave, RATE, format=form, subtype=subtype)
    return stream.getvalue()


def alike_in_power(found: np.ndarray, expected: np.ndarray) -> bool:
    """Whether a wave at int16 scale is another one that went through a codec, which may add a lead."""
    ratio = float(np.square(found).sum() / np.square(32768 * expected).sum())
    return abs(len(found) - len(expected)) < 0.2 * RATE and 0.7 < ratio < 1.3


@pytest.mark.parametrize("kind", ["mp3", "ogg", "opus"])
def test_a_file_joined_of_several_is_read_to_its_end(tmp_path, wave, kind, capfd):
    parts = [coded(part, kind) for part in (wave, wave[: RATE // 2], -wave)]
    path = tmp_path / f"joined.{kind}"
    path.write_bytes(b"".join(parts))
    each = [read_audio(io.BytesIO(part))[0] for part in parts]
    found, _ = read_audio(path)
    np.testing.assert_array_equal(found, np.concatenate(each))
    assert audio_info(path).n_samples == len(found)
    np.testing.assert_allclose(np.concatenate(list(iter_blocks(path, 0.37))), found, atol=0.01)
    piece, _ = read_audio(path, start_s=2.9, end_s=3.7)
    np.testing.assert_allclose(piece, found[int(2.9 * RATE) : int(3.7 * RATE)], atol=1)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("kind", ["mp3", "ogg", "opus"])
def test_parts_of_other_rates_are_not_taken_for_one(tmp_path, wave, kind, monkeypatch):
    other = io.BytesIO()
    form, subtype = {"mp3": ("MP3", None), "ogg": ("OGG", "VORBIS"), "opus": ("OGG", "OPUS")}[kind]
    soundfile.write(other, np.stack([wave, wave], 1), 48000, format=form, subtype=subtype)
    (tmp_path / "a.x").write_bytes(coded(wave, kind) + other.getvalue())
    monkeypatch.setenv("PATH", "")
    with pytest.raises(DataError, match=r"a\.x: .*its parts are of 16000 Hz with 1 channels, and of 48000 Hz with 2"):
        read_audio(tmp_path / "a.x")


@needs_ffmpeg
def test_mp3_without_a_count_of_its_frames(tmp_path, wav, wave):
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


def test_mp3_with_dirt_before_its_first_frame(tmp_path, wave, capfd):
    data = coded(wave, "mp3")
    tag = b"ID3\3\0\0\0\0\1\0" + bytes(128)
    expected, _ = read_audio(io.BytesIO(data))
    for dirt in (tag, tag + bytes(417), tag + tag):
        (tmp_path / "a.mp3").write_bytes(dirt + data + b"TAG" + bytes(125))
        np.testing.assert_array_equal(read_audio(tmp_path / "a.mp3")[0], expected)


@needs_ffmpeg
@pytest.mark.parametrize("rate", [16000, 44100])
def test_flac_of_unknown_length(tmp_path, wav, rate):
    ffmpeg("-i", wav, "-ar", rate, tmp_path / "a.wav")
    command = ["ffmpeg", "-nostdin", "-v", "error", "-i", tmp_path / "a.wav", "-f", "flac", "-"]
    data = subprocess.run(command, check=True, capture_output=True).stdout
    (tmp_path / "p.flac").write_bytes(data)
    np.testing.assert_array_equal(read_audio(tmp_path / "p.flac")[0], read_audio(tmp_path / "a.wav")[0])
    (tmp_path / "p.flac").write_bytes(data[:-3000])
    with pytest.raises(DataError, match=r"p\.flac: (broken or cut off|.*broken or cut off)"):
        read_audio(tmp_path / "p.flac")


@pytest.mark.parametrize("claimed", ["0", "file", "file less 8", "odd"])
def test_wav_whose_size_is_wrong(wav, wave, claimed):
    data = bytearray(wav.read_bytes())
    there = len(data) - 44
    size = {"0": 0, "file": len(data), "file less 8": len(data) - 8, "odd": there - 1}[claimed]
    data[40:44] = size.to_bytes(4, "little")
    wav.write_bytes(data)
    if claimed == "odd":
        assert len(read_audio(wav)[0]) == len(wave) - 1
        return
    with pytest.warns(PysidWarning, match=rf"m\.wav: its header says {size} bytes of samples.*: all of it is read$"):
        assert len(read_audio(wav)[0]) == len(wave)


@needs_sox
def test_gsm_as_telephone_systems_write_it(tmp_path, wav):
    subprocess.run(["sox", wav, "-r", "8000", "-e", "gsm-full-rate", tmp_path / "w49.wav"], check=True)
    whole, rate = read_audio(tmp_path / "w49.wav")
    assert rate == 8000 and abs(len(whole) - 24000) < 400
    np.testing.assert_array_equal(np.concatenate(list(iter_blocks(tmp_path / "w49.wav", 0.3))), whole)
    np.testing.assert_array_equal(read_audio(tmp_path / "w49.wav", start_s=1.5, end_s=2)[0], whole[12000:16000])


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


@needs_ffmpeg
@pytest.mark.parametrize("kind", CODECS)
def test_what_a_file_is_tells_its_content_and_not_its_name(tmp_path, wav, wave, kind):
    form, codec = CODECS[kind]
    rate = 22050 if kind == "adpcm" else RATE if kind not in ("ac3", "ts") else 48000
    try:
        ffmpeg("-i", wav, "-ar", rate, "-f", form, "-c:a", codec, "-b:a", "96k", tmp_path / "x.mp3")
    except subprocess.CalledProcessError:
        pytest.skip(f"this ffmpeg does not write {codec}")
    found, _ = read_audio(tmp_path / "x.mp3", sample_rate=RATE)
    assert alike_in_power(found, wave)


@needs_ffmpeg
def test_videos_by_their_sound(tmp_path, wav):
    film = tmp_path / "film.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc=duration=3:size=64x64:rate=5", "-i", wav, "-c:a", "aac", "-shortest", film)
    assert abs(len(read_audio(film)[0]) - 3 * RATE) < 3000
    ffmpeg("-i", film, "-an", tmp_path / "mute.mp4")
    with pytest.raises(DataError, match=r"mute\.mp4: MP4, M4A or QuickTime without audio$"):
        read_audio(tmp_path / "mute.mp4")


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


@pytest.mark.parametrize("name", [b"ren\xe9.wav", "m\u00e4rz \u4f1a\u8b70.wav".encode(), b"a\nb\x1b[31m.wav", b"x.raw"])
def test_any_name_that_a_file_can_have(tmp_path, wav, name):
    path = os.fsdecode(os.path.join(os.fsencode(tmp_path), name))
    shutil.copy(wav, path)
    np.testing.assert_array_equal(read_audio(path)[0], read_audio(wav)[0])


def test_names_that_no_file_can_have(tmp_path):
    with pytest.raises(DataError, match=r"cannot read the file: .*null"):
        read_audio(f"{tmp_path}/a\0b.wav")
    with pytest.raises(DataError, match="cannot read the file: File name too long"):
        read_audio(tmp_path / ("x" * 300))


def test_pipes(tmp_path, wav):
    expected, _ = read_audio(wav)
    read_end, write_end = os.pipe()
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)

    def fill(place: object) -> None:
        with open(place, "wb") as pipe:  # type: ignore[arg-type]
            pipe.write(wav.read_bytes())

    for place, path in ((write_end, f"/dev/fd/{read_end}"), (fifo, fifo)):
        writer = threading.Thread(target=fill, args=(place,))
        writer.start()
        np.testing.assert_array_equal(read_audio(path)[0], expected)
        writer.join()
    os.close(read_end)


def test_a_pipe_without_end_or_without_a_writer(tmp_path, monkeypatch):
    with pytest.raises(DataError, match=r"/dev/zero: expected a file or a pipe, got a device$"):
        read_audio("/dev/zero")
    monkeypatch.setattr("pysid.io.files.PATIENCE_S", 0.05)
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(DataError, match=r"fifo: expected somebody to write to this pipe, nobody did in 0.05 s$"):
        read_audio(tmp_path / "fifo")


def test_a_stream_that_cannot_seek(wav):
    class Pipe(io.RawIOBase):
        data = io.BytesIO(wav.read_bytes())

        def read(self, size: int = -1) -> bytes:
            return self.data.read(size)

    np.testing.assert_array_equal(read_audio(Pipe())[0], read_audio(wav)[0])  # type: ignore[arg-type]


@pytest.mark.parametrize("bits", [33, 35])
def test_headers_that_claim_more_than_there_can_be(tmp_path, wave, bits):
    path = tmp_path / "a.flac"
    soundfile.write(path, wave, RATE)
    data = bytearray(path.read_bytes())
    data[21:26] = ((data[21] & 0xF0) << 32 | 1 << bits).to_bytes(5, "big")
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"a\.flac: expected at most 24 hours, got [\d,.]+ by its header; --max-hours"):
        audio_info(path)


def test_a_long_recording_needs_leave(tmp_path, wave):
    soundfile.write(tmp_path / "a.wav", wave, RATE)
    with pytest.raises(DataError, match=r"a\.wav: expected at most 0.0005 hours, got 0.0 by its header"):
        read_audio(tmp_path / "a.wav", max_hours=0.0005)
    assert len(read_audio(tmp_path / "a.wav", max_hours=0.001)[0]) == len(wave)


@pytest.mark.parametrize("value", [1e38, -1e30, 1e6])
def test_samples_beyond_any_scale(tmp_path, wave, value):
    loud = wave.copy()
    loud[1000] = value
    soundfile.write(tmp_path / "a.wav", loud, RATE, subtype="FLOAT")
    with pytest.raises(
        DataError, match=rf"a\.wav: expected a full scale of 1, got {value:g} at sample 1000".replace("+", r"\+")
    ):
        read_audio(tmp_path / "a.wav")


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


def test_silence_in_all_channels(tmp_path, wave):
    assert not read_audio(write_channels(tmp_path / "a.wav", 0 * wave, 0 * wave))[0].any()
