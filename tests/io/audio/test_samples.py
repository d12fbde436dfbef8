"""Recordings in memory equal the files that would hold them."""

import io

import numpy as np
import pytest
import soundfile
import torch

from pysid.errors import DataError
from pysid.io.audio.files import read_audio
from pysid.io.audio.samples import Int16Scale, as_source, as_stream, as_waveform


@pytest.fixture
def wave():
    noise = np.random.default_rng(0).normal(scale=0.1, size=(4000, 2))
    return noise + noise[:, :1]


@pytest.mark.parametrize(("dtype", "subtype"), [("float32", "FLOAT"), ("float64", "DOUBLE"), ("int16", "PCM_16")])
@pytest.mark.parametrize("channel", [0, 1, None])
def test_as_the_file(wave, dtype, subtype, channel, tmp_path):
    samples = (wave * 32768).astype(np.int16) if dtype == "int16" else wave.astype(dtype)
    soundfile.write(tmp_path / "a.wav", samples, 8000, subtype=subtype)
    expected, rate = read_audio(tmp_path / "a.wav", channel=channel, sample_rate=16000)
    found, same_rate = read_audio(as_stream(samples, 8000), channel=channel, sample_rate=16000)
    assert rate == same_rate == 16000
    np.testing.assert_array_equal(found, expected)


def test_samples_that_wav_cannot_count(wave, monkeypatch):
    """Of which all but the first 4 GiB were lost."""
    expected = read_audio(as_stream(wave, 16000))[0]
    monkeypatch.setattr("pysid.io.audio.samples.COUNTED", 1000)
    stream = as_stream(wave, 16000)
    assert stream.getvalue().startswith(b"RF64")
    np.testing.assert_array_equal(read_audio(stream)[0], expected)


def test_floats_and_integers_are_at_one_scale():
    integers = np.array([-32768, 0, 1, 16384], np.int16)
    for samples in (integers, integers / 32768, integers.astype(np.int32) * 65536, (integers / 32768).astype("f2")):
        np.testing.assert_array_equal(read_audio(as_stream(samples, 16000))[0], integers)


@pytest.mark.parametrize(
    ("samples", "rate", "message"),
    [
        (np.zeros(9, np.uint8), 16000, r"expected floats in \[-1, 1\], int16 or int32, got the type uint8"),
        (np.zeros((2, 9)), 16000, r"\(samples, channels\), got \(2, 9\): turn it around with .T"),
        (np.zeros((3, 2, 1)), 16000, r"expected an array .* got \(3, 2, 1\)"),
        (np.zeros(9), 16000.5, r"expected a sample rate in whole Hz, got 16000.5"),
        (np.zeros(9), np.nan, r"expected a sample rate in whole Hz, got nan"),
        (np.zeros(9), "16000", r"expected a sample rate in whole Hz, got 16000"),
        (np.zeros(9), 0, r"expected a sample rate in whole Hz, got 0"),
        (np.zeros((1100, 1050), np.int16), 16000, r"cannot be taken: "),
        ([[0.5], [0.5, 0.5]], 16000, r"expected an array, got list: "),
        (np.full(9, 3000.0), 16000, r"got a peak of 3000; are these int16 values\?"),
    ],
)
def test_what_is_no_recording(samples, rate, message):
    with pytest.raises(DataError, match=f"^samples: .*{message}"):
        as_stream(samples, rate)


def test_problems_of_the_content_are_found_by_the_reader():
    with pytest.raises(DataError, match=r"^samples: .*0 samples"):
        read_audio(as_stream(np.zeros(0), 16000))
    with pytest.raises(DataError, match=r"^samples: expected finite samples, got nan at sample 1"):
        read_audio(as_stream([0.0, np.nan], 16000))


@pytest.mark.parametrize("dtype", ["<i2", ">i2", "<i4", ">i4", "<f2", ">f2", "<f4", ">f4", "<f8", ">f8", "longdouble"])
def test_every_order_and_layout_of_numbers(wave, dtype):
    """Against the plain array of the same numbers: byte order, strides, Fortran's layout, read-only memory."""
    scale = {"i2": 1 << 15, "i4": 1 << 31}.get(dtype[1:], 1)
    given = (wave * scale).astype(dtype)
    plain = given.astype(given.dtype.newbyteorder("=")).astype(np.float64) / scale
    expected = read_audio(as_stream(plain, 16000))[0]
    spaced = np.repeat(np.repeat(given, 2, axis=0), 3, axis=1)[::2, ::3]
    backwards = given[::-1].copy()[::-1]
    fixed = given.copy()
    fixed.flags.writeable = False
    for same in (given, spaced, backwards, np.asfortranarray(given), fixed, given.tolist() if scale == 1 else given):
        np.testing.assert_allclose(read_audio(as_stream(same, 16000))[0], expected, atol=1e-2)


@pytest.mark.parametrize(
    "dtype", ["i1", "u1", "u2", "u4", "i8", "u8", "?", "c8", "c16", "S4", "U4", "O", "M8[s]", "i2,i2"]
)
def test_other_types_are_refused_by_name(dtype):
    wave = np.zeros(9, dtype)
    with pytest.raises(DataError, match=r"^samples: expected floats in \[-1, 1\], int16 or int32, got the type "):
        as_stream(wave, 16000)


def test_tensors(wave):
    expected = read_audio(as_stream(wave.astype(np.float32), 16000))[0]
    tensor = torch.from_numpy(wave.astype(np.float32)).requires_grad_()
    np.testing.assert_array_equal(read_audio(as_source((tensor, 16000), 8000))[0], expected)
    rounded = read_audio(as_source((tensor.bfloat16(), 16000), 8000))[0]
    np.testing.assert_allclose(rounded, expected, rtol=0, atol=60)
    np.testing.assert_allclose(read_audio(as_source((tensor.bfloat16(), 16000), 8000))[0], expected, atol=100)
    with pytest.raises(DataError, match=r"got an array alone: give \(samples, sample_rate\).* pysid.Int16Scale"):
        as_source(tensor[:, 0], 8000)
    scaled = (1000 * tensor[:, 0]).detach()
    at_rate, rate = read_audio(as_source((Int16Scale(scaled), 22050), 8000))
    assert rate == 22050
    np.testing.assert_array_equal(at_rate.ravel(), scaled.numpy())
    samples, rate = read_audio(as_source(Int16Scale(scaled), 8000))
    assert rate == 8000
    np.testing.assert_array_equal(samples.ravel(), scaled.numpy())


def test_files_in_all_their_forms(wave, tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, wave, 16000)
    expected = read_audio(path)[0]
    data = path.read_bytes()
    with open(path, "rb") as file, open(path, "rb", buffering=0) as raw:
        for form in (str(path), path, data, bytearray(data), memoryview(data), io.BytesIO(data), file, raw):
            for _ in range(2):  # a file object stays open, and is read from its start again
                np.testing.assert_array_equal(read_audio(as_source(form, 8000))[0], expected)
    with open(path) as text, pytest.raises(DataError, match="expected a file that is open in binary mode"):
        read_audio(text)


@pytest.mark.parametrize("audio", [None, 7, {"a": 1}, ["a.wav", "b.wav"], object()])
def test_a_message_lists_what_is_taken(audio):
    with pytest.raises(DataError, match=r"^expected a recording, got \w+: pysid takes the path of an audio file, its "):
        as_source(audio, 8000)


def test_waveforms():
    assert as_waveform([1, 2]).dtype == np.float32
    for bad, message in (
        (np.zeros((2, 2)), r"\(2, 2\)"),
        (np.zeros(0), r"\(0,\)"),
        ([1.0, np.inf], "finite"),
        (["a"], "got the type <U1"),
    ):
        with pytest.raises(DataError, match=f"^waveform: .*{message}"):
            as_waveform(bad)
