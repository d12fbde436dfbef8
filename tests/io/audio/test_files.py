import io
import math
import wave as stdlib_wave
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pysid.errors import DataError
from pysid.io.audio.files import AudioInfo, audio_info, iter_blocks, read_audio, write_audio

GOLDEN = sorted((Path(__file__).parents[2] / "golden" / "kaldi" / "audio").glob("*.wav"))
assert GOLDEN, "the audio of the reference is missing"

RATE = 16000
FORMATS = {
    "a.wav": {"subtype": "PCM_16"},
    "a24.wav": {"subtype": "PCM_24"},
    "af.wav": {"subtype": "FLOAT"},
    "big.wav": {"subtype": "PCM_16", "endian": "BIG"},  # RIFX
    "a.flac": {"subtype": "PCM_16"},
    "a.opus": {"format": "OGG", "subtype": "OPUS"},
    "a.ogg": {"format": "OGG", "subtype": "VORBIS"},
    "a.mp3": {},
}
LOSSY = {"a.opus": 600, "a.ogg": 300, "a.mp3": 300}  # int16 steps at the peaks of the signal below


def speech_like(n_samples, seed=0):
    """Noise under a slow envelope over a chirp, int16 integers: hard to code, and no two pieces are equal."""
    rng = np.random.default_rng(seed)
    t = np.arange(n_samples) / RATE
    chirp = np.sin(2 * np.pi * (150 + 40 * t) * t)
    wave = (1 + np.sin(2 * np.pi * 3 * t)) * (4000 * chirp + 300 * rng.standard_normal(n_samples))
    return wave.round().astype(np.float32)


@pytest.fixture(scope="module")
def wave():
    return speech_like(10 * RATE + 7)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, wave):
    folder = tmp_path_factory.mktemp("audio")
    for name, options in FORMATS.items():
        soundfile.write(folder / name, wave / 32768, RATE, **options)
    return folder


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_16_bit_wav_gives_its_integers(path):
    with stdlib_wave.open(str(path)) as file:
        expected = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        info = AudioInfo(file.getframerate(), file.getnframes(), 1)
    samples, rate = read_audio(path)
    assert samples.dtype == np.float32 and samples.flags.c_contiguous
    np.testing.assert_array_equal(samples, expected)
    assert rate == info.sample_rate
    assert audio_info(path) == info


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_at_int16_scale(folder, wave, name):
    samples, rate = read_audio(folder / name)
    assert rate == RATE
    assert audio_info(folder / name) == AudioInfo(RATE, len(wave), 1)
    assert audio_info(folder / name).duration_s == len(wave) / RATE
    # Opus and Vorbis shift phases, so the comparison is of energies there.
    assert abs(np.linalg.norm(samples) / np.linalg.norm(wave) - 1) < (0.05 if name in LOSSY else 1e-6)
    if name not in LOSSY:
        np.testing.assert_array_equal(samples, wave)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("sample_rate", [None, 8000, 44100])
def test_a_piece_equals_the_slice_of_the_whole(folder, name, sample_rate):
    whole, rate = read_audio(folder / name, sample_rate=sample_rate)
    rng = np.random.default_rng(1)
    pieces = [(0.0, 0.001), (0.0, 10.0), (9.9, None), (5.0, math.inf), (3.12345, 3.1236)]
    pieces += [(start, start + length) for start, length in rng.uniform(0, 1, (12, 2)) * [9, 0.9]]
    for start_s, end_s in pieces:
        piece, piece_rate = read_audio(folder / name, sample_rate=sample_rate, start_s=start_s, end_s=end_s)
        stop = len(whole) if end_s is None or end_s == math.inf else int(end_s * rate)
        expected = whole[int(start_s * rate) : stop]
        assert piece_rate == rate
        # MP3 and the resampling filter round in another order.
        tolerance = 0 if sample_rate is None and name != "a.mp3" else 0.01
        np.testing.assert_allclose(piece, expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("sample_rate", [None, 22050])
@pytest.mark.parametrize("block_s", [0.37, 3.0, 100.0])
def test_blocks_join_to_the_whole(folder, name, sample_rate, block_s):
    whole, rate = read_audio(folder / name, sample_rate=sample_rate, start_s=1.5, end_s=8.25)
    blocks = list(iter_blocks(folder / name, block_s, sample_rate=sample_rate, start_s=1.5, end_s=8.25))
    assert {len(block) for block in blocks[:-1]} <= {int(block_s * rate)}
    np.testing.assert_allclose(np.concatenate(blocks), whole, rtol=0, atol=0.01)


def test_resampling_keeps_a_tone_and_removes_what_does_not_fit(tmp_path):
    t = np.arange(44100) / 44100
    soundfile.write(tmp_path / "low.wav", 0.25 * np.sin(2 * np.pi * 1000 * t), 44100, subtype="FLOAT")
    soundfile.write(tmp_path / "high.wav", 0.25 * np.sin(2 * np.pi * 12000 * t), 44100, subtype="FLOAT")
    low, rate = read_audio(tmp_path / "low.wav", sample_rate=16000)
    high, _ = read_audio(tmp_path / "high.wav", sample_rate=16000)
    assert (rate, len(low)) == (16000, 16000)
    expected = 8192 * np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)
    np.testing.assert_allclose(low[100:-100], expected[100:-100], atol=8192 * 0.01)
    assert np.abs(high[100:-100]).max() < 8192 * 0.01


def test_channels(tmp_path):
    left = speech_like(4000, seed=1)
    right = np.rint(0.5 * left + 0.5 * speech_like(4000, seed=2))
    write_audio(tmp_path / "a.wav", np.stack([left, right], axis=1), 8000)
    assert audio_info(tmp_path / "a.wav") == AudioInfo(8000, 4000, 2)
    np.testing.assert_array_equal(read_audio(tmp_path / "a.wav", channel=0)[0], left)
    np.testing.assert_array_equal(read_audio(tmp_path / "a.wav", channel=1)[0], right)
    np.testing.assert_array_equal(read_audio(tmp_path / "a.wav")[0], (left + right) / 2)
    with pytest.raises(DataError, match=r"a.wav: expected a channel of the file \(0 to 1\), got 2$"):
        read_audio(tmp_path / "a.wav", channel=2)
    with pytest.raises(DataError, match=r"a.wav: expected a channel of the file \(0 to 1\), got -1$"):
        read_audio(tmp_path / "a.wav", channel=-1)


def test_a_stream_is_read_like_a_file(folder):
    for name in ("a.wav", "a.opus"):
        stream = io.BytesIO((folder / name).read_bytes())
        np.testing.assert_array_equal(read_audio(stream, start_s=4)[0], read_audio(folder / name, start_s=4)[0])


@pytest.mark.parametrize("ending", [".wav", ".flac", ".WAV"])
def test_written_audio_is_rounded_and_clipped(tmp_path, ending):
    path = tmp_path / f"a{ending}"
    write_audio(path, np.array([0.4, 0.6, -0.6, 1e6, -1e6, 32767.4, -2.5]), RATE)
    assert soundfile.info(path).subtype == "PCM_16"
    np.testing.assert_array_equal(read_audio(path)[0], [0, 1, -1, 32767, -32768, 32767, -2])


def test_what_cannot_be_written(tmp_path):
    with pytest.raises(DataError, match=r"a.mp3: expected a name that ends in .wav or .flac$"):
        write_audio(tmp_path / "a.mp3", np.ones(9), RATE)
    with pytest.raises(DataError, match=r"a.wav: expected finite samples to write, got NaN or infinity$"):
        write_audio(tmp_path / "a.wav", np.array([1.0, np.nan]), RATE)
    assert list(tmp_path.iterdir()) == []


def test_a_low_level_is_not_taken_for_a_wrong_scale(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, speech_like(800) / 32768**2, RATE, subtype="FLOAT")
    assert 0 < np.abs(read_audio(path)[0]).max() < 2  # pytest makes errors of warnings
    write_audio(path, np.zeros(800), RATE)
    assert not read_audio(path)[0].any()


def test_wrong_arguments(folder):
    with pytest.raises(ValueError, match="sample_rate must be at least 1 Hz, got 0"):
        read_audio(folder / "a.wav", sample_rate=0)
    with pytest.raises(ValueError, match="block_s must hold at least one sample, got 0"):
        next(iter_blocks(folder / "a.wav", 0))


def test_a_stream_is_read_from_its_start_each_time(tmp_path):
    write_audio(tmp_path / "a.wav", np.arange(100), 8000)
    stream = io.BytesIO((tmp_path / "a.wav").read_bytes())
    assert audio_info(stream).n_samples == 100
    for _ in range(2):
        np.testing.assert_array_equal(read_audio(stream)[0], np.arange(100))
