"""Audio that is not what it should be: one line that names the file, what was expected and what came."""

import numpy as np
import pytest
import soundfile

from pysid.errors import DataError
from pysid.io.audio.files import audio_info, iter_blocks, read_audio

RATE = 16000


@pytest.fixture
def noise():
    return np.random.default_rng(0).uniform(-0.5, 0.5, 3 * RATE).astype(np.float32)


def message(path, **options):
    with pytest.raises(DataError) as caught:
        read_audio(path, **options)
    text = str(caught.value)
    assert text.startswith(f"{path}: ") and "\n" not in text
    return text.removeprefix(f"{path}: ")


def test_missing(tmp_path):
    assert message(tmp_path / "no.wav") == "cannot read the file: No such file or directory"
    assert message(tmp_path) == "cannot read the file: Is a directory"
    with pytest.raises(DataError, match=r"no\.wav: cannot read the file"):
        audio_info(tmp_path / "no.wav")


def test_empty(tmp_path):
    (tmp_path / "a.wav").touch()
    assert message(tmp_path / "a.wav") == "expected audio, got an empty file"


def test_not_audio(tmp_path):
    (tmp_path / "a.wav").write_text("utt1 audio/utt1.wav\n")
    assert message(tmp_path / "a.wav") == "expected an audio file, got text"


def test_no_samples(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(0), RATE)
    assert message(tmp_path / "a.wav") == "expected audio, got a WAV file with 0 samples"


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.aiff", "AIFF"), ("a.au", "AU"), ("a.w64", "W64"), ("a.rf64", "RF64"), ("a.sph", "NIST")],
)
@pytest.mark.parametrize("share", [0.2, 0.9])
def test_cut_off_pcm(tmp_path, noise, name, kind, share):
    path = tmp_path / name
    soundfile.write(path, noise, RATE, format=kind, subtype="PCM_16")
    assert len(read_audio(path)[0]) == len(noise)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    assert message(path).startswith("cut off: expected ")


def test_cut_off_wav(tmp_path, noise):
    path = tmp_path / "a.wav"
    soundfile.write(path, noise, RATE)
    data = path.read_bytes()
    for size in (45, 46, 1000, 50_001, len(data) - 1):
        path.write_bytes(data[:size])
        assert message(path) == f"cut off: expected 96000 bytes of samples, got {size - 44}"
    for size in (4, 20, 40):
        path.write_bytes(data[:size])
        assert message(path).startswith(("expected an audio file, got ", "WAV, broken or cut off: "))


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFFFFF - 36])
def test_a_wav_of_unknown_length_is_read_to_its_end(tmp_path, noise, size):
    path = tmp_path / "a.wav"
    soundfile.write(path, noise, RATE)
    data = bytearray(path.read_bytes())
    data[4:8] = min(size + 36, 0xFFFFFFFF).to_bytes(4, "little")
    data[40:44] = size.to_bytes(4, "little")
    path.write_bytes(data)
    assert len(read_audio(path)[0]) == len(noise)


@pytest.mark.parametrize("subtype", ["OPUS", "VORBIS"])
def test_cut_off_ogg(tmp_path, noise, subtype):
    path = tmp_path / "a.ogg"
    soundfile.write(path, noise, RATE, format="OGG", subtype=subtype)
    data = path.read_bytes()
    pages = [i for i in range(len(data)) if data[i : i + 5] == b"OggS\0"]
    assert len(pages) >= 3
    for size in (pages[-1] + 5, pages[-1] + 26, pages[-1] + 40, len(data) - 1):
        path.write_bytes(data[:size])
        assert message(path).startswith("cut off: expected a last Ogg page of at least ")
    path.write_bytes(data[: len(data) // 50])
    assert message(path).startswith(("cut off: ", "expected an audio file, got something else"))


def test_cut_off_flac(tmp_path, noise):
    path = tmp_path / "a.flac"
    soundfile.write(path, noise, RATE)
    whole = read_audio(path)[0]
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    assert message(path) == "broken or cut off: flac decoder lost sync."
    np.testing.assert_array_equal(read_audio(path, end_s=0.5)[0], whole[:8000])  # what is there, is there


def test_cut_off_mp3(tmp_path, noise, capfd):
    path = tmp_path / "a.mp3"
    soundfile.write(path, noise, RATE)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    assert message(path).startswith("cut off: expected 48000 samples, got ")


@pytest.mark.parametrize(("value", "shown"), [(np.nan, "nan"), (np.inf, "inf"), (-np.inf, "-inf")])
def test_not_finite(tmp_path, noise, value, shown):
    path = tmp_path / "a.wav"
    noise[20_000] = value
    soundfile.write(path, noise, RATE, subtype="FLOAT")
    assert message(path) == f"expected finite samples, got {shown} at sample 20000"
    assert message(path, start_s=1) == f"expected finite samples, got {shown} at sample 20000"
    assert len(read_audio(path, end_s=1)[0]) == RATE
    blocks = iter_blocks(path, 1.0)
    assert len(next(blocks)) == RATE
    with pytest.raises(DataError, match="at sample 20000"):
        next(blocks)


def test_a_piece_that_is_not_there(tmp_path, noise):
    path = tmp_path / "a.wav"
    soundfile.write(path, noise, RATE)
    assert message(path, start_s=3.0) == "expected a piece of its 3 s, got the piece from 3 s to the end"
    assert message(path, start_s=4, end_s=5) == "expected a piece of its 3 s, got the piece from 4 s to 5 s"
    assert message(path, start_s=1, end_s=3.5) == "expected a piece of its 3 s, got the piece from 1 s to 3.5 s"
    assert message(path, start_s=2, end_s=1) == "expected 0 <= start < end, got the piece from 2 s to 1 s"
    assert message(path, start_s=1, end_s=1) == "expected 0 <= start < end, got the piece from 1 s to 1 s"
    assert message(path, start_s=-1) == "expected 0 <= start < end, got the piece from -1 s to the end"
    with pytest.raises(DataError, match="expected a piece of its 3 s"):
        next(iter_blocks(path, 1.0, start_s=3))


def test_an_end_just_behind_the_end_is_cut_as_in_kaldi(tmp_path, noise):
    path = tmp_path / "a.wav"
    soundfile.write(path, noise, RATE)
    assert len(read_audio(path, start_s=2.0, end_s=3.4999)[0]) == RATE
    assert len(read_audio(path, start_s=2.0, end_s=99, max_overshoot_s=float("inf"))[0]) == RATE
    assert "expected a piece" in message(path, start_s=2.0, end_s=3.01, max_overshoot_s=0.005)


@pytest.mark.parametrize(("most", "shown"), [(0.0001, "0.0008"), (0.00083, "0.000833"), (0.000833, "0.0008333")])
def test_hours_are_told_with_the_digits_that_tell_them_from_the_limit(tmp_path, noise, most, shown):
    soundfile.write(tmp_path / "a.wav", noise, RATE)  # 3 s
    expected = f"expected at most {most:g} hours, got {shown} by its header; --max-hours allows more"
    assert message(tmp_path / "a.wav", max_hours=most) == expected
