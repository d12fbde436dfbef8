"""Files as people have them: joined ones, films, any name, claims beyond reason."""

import io
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pysid.errors import DataError, PysidWarning
from pysid.io.audio.files import audio_info, iter_blocks, read_audio
from pysid.io.audio.reader import AudioReader

RATE = 16000
MEETING = Path(__file__).parents[3] / "examples" / "conversation" / "meeting.ogg"
needs_sox = pytest.mark.skipif(shutil.which("sox") is None, reason="sox is not installed")


@pytest.mark.parametrize("kind", ["mp3", "ogg", "opus"])
def test_a_file_joined_of_several_is_read_to_its_end(tmp_path, wave, kind, capfd, coded):
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


@pytest.mark.parametrize("rate", [8000, 16000, 48000])
@pytest.mark.parametrize("more", [1, 43, 100, 311])
def test_the_end_of_opus_is_the_same_read_in_pieces(rate, more):
    coded = io.BytesIO()
    samples = 0.3 * np.random.default_rng(0).standard_normal(rate + more)
    soundfile.write(coded, samples, rate, format="OGG", subtype="OPUS")
    whole, _ = soundfile.read(io.BytesIO(coded.getvalue()), dtype="float32")
    for block in (1, 43, 200):
        with AudioReader(coded) as reader:
            assert reader.n_samples == len(whole)
            start = len(whole) - 10 * block
            found = [reader.read(at, min(at + block, len(whole))) for at in range(start, len(whole), block)]
        np.testing.assert_array_equal(np.concatenate(found), 32768 * whole[start:])
    np.testing.assert_array_equal(np.concatenate(list(iter_blocks(coded, 0.7))), 32768 * whole)


def test_mp3_of_few_bits_is_the_same_read_in_pieces(tmp_path, ffmpeg):
    """Its frames lean on bytes of those before, which a decoder does not have after a seek."""
    path = tmp_path / "a.mp3"
    ffmpeg("-t", 20, "-i", MEETING, "-b:a", "32k", path)
    whole, rate = read_audio(path)
    for block_s in (0.37, 1.0):
        np.testing.assert_allclose(np.concatenate(list(iter_blocks(path, block_s))), whole, atol=0.01)
    with AudioReader(path) as reader:
        for start_s in (17.3, 1.9, 12.04, 0.4, 8.1):
            start, stop = int(start_s * rate), int((start_s + 0.7) * rate)
            np.testing.assert_allclose(reader.read(start, stop), whole[start:stop], atol=0.01)


@pytest.mark.parametrize("kind", ["mp3", "ogg", "opus"])
def test_parts_of_other_rates_are_not_taken_for_one(tmp_path, wave, kind, monkeypatch, coded):
    other = io.BytesIO()
    form, subtype = {"mp3": ("MP3", None), "ogg": ("OGG", "VORBIS"), "opus": ("OGG", "OPUS")}[kind]
    soundfile.write(other, np.stack([wave, wave], 1), 48000, format=form, subtype=subtype)
    (tmp_path / "a.x").write_bytes(coded(wave, kind) + other.getvalue())
    monkeypatch.setenv("PATH", "")
    with pytest.raises(DataError, match=r"a\.x: .*its parts are of 16000 Hz with 1 channels, and of 48000 Hz with 2"):
        read_audio(tmp_path / "a.x")


@pytest.mark.parametrize("kind", ["mp3", "ogg", "opus"])
def test_parts_of_other_rates_are_made_one_by_ffmpeg(wave, kind, ffmpeg, coded):
    other = coded(np.repeat(wave, 2)[: 4 * RATE], kind, 2 * RATE if kind != "opus" else 48000)
    seconds = 3 + 4 * RATE / (2 * RATE if kind != "opus" else 48000)
    found, rate = read_audio(coded(wave, kind) + other)
    assert len(found) / rate == pytest.approx(seconds, abs=0.2)


@needs_sox
def test_gsm_as_telephone_systems_write_it(tmp_path, wav):
    subprocess.run(["sox", wav, "-r", "8000", "-e", "gsm-full-rate", tmp_path / "w49.wav"], check=True)
    whole, rate = read_audio(tmp_path / "w49.wav")
    assert rate == 8000 and abs(len(whole) - 24000) < 400
    np.testing.assert_array_equal(np.concatenate(list(iter_blocks(tmp_path / "w49.wav", 0.3))), whole)
    np.testing.assert_array_equal(read_audio(tmp_path / "w49.wav", start_s=1.5, end_s=2)[0], whole[12000:16000])


def test_mp3_inside_wav(tmp_path, wav, wave, ffmpeg, alike_in_power, monkeypatch):
    ffmpeg("-i", wav, "-c:a", "libmp3lame", tmp_path / "a.wav")  # libsndfile counts more samples than it reads
    found, rate = read_audio(tmp_path / "a.wav")
    assert rate == RATE and alike_in_power(found, wave)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(DataError, match=r"a\.wav: .*it holds MP3.*; ffmpeg, which is not installed, may be able to"):
        read_audio(tmp_path / "a.wav")


def test_videos_by_their_sound(tmp_path, wav, ffmpeg):
    film = tmp_path / "film.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc=duration=3:size=64x64:rate=5", "-i", wav, "-c:a", "aac", "-shortest", film)
    assert abs(len(read_audio(film)[0]) - 3 * RATE) < 3000
    ffmpeg("-i", film, "-an", tmp_path / "mute.mp4")
    with pytest.raises(DataError, match=r"mute\.mp4: MP4, M4A or QuickTime without audio$"):
        read_audio(tmp_path / "mute.mp4")


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


@pytest.mark.parametrize("bits", [33, 35])
def test_headers_that_claim_more_than_there_can_be(tmp_path, wave, bits):
    path = tmp_path / "a.flac"
    soundfile.write(path, wave, RATE)
    data = bytearray(path.read_bytes())
    data[21:26] = ((data[21] & 0xF0) << 32 | 1 << bits).to_bytes(5, "big")
    path.write_bytes(data)
    with pytest.warns(
        PysidWarning, match=rf"its header says {1 << bits} samples, and 48000 are there: all of it is read$"
    ):
        assert audio_info(path).n_samples == 48000
    path.write_bytes(data[:-1])  # which may be a part of so much
    with pytest.raises(DataError, match=r"a\.flac: expected at most 24 hours, got [\d,.]+ by its header; --max-hours"):
        audio_info(path)


def test_a_long_recording_needs_leave(tmp_path, wave):
    soundfile.write(tmp_path / "a.wav", wave, RATE)
    with pytest.raises(DataError, match=r"a\.wav: expected at most 0.0005 hours, got 0\.0008 by its header"):
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
