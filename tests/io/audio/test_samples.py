"""Recordings in memory equal the files that would hold them."""

import numpy as np
import pytest
import soundfile

from pysid.errors import DataError
from pysid.io.audio.files import read_audio
from pysid.io.audio.samples import as_stream, as_waveform


@pytest.fixture
def wave():
    return np.random.default_rng(0).normal(scale=0.1, size=(4000, 2))


@pytest.mark.parametrize(("dtype", "subtype"), [("float32", "FLOAT"), ("float64", "DOUBLE"), ("int16", "PCM_16")])
@pytest.mark.parametrize("channel", [0, 1, None])
def test_as_the_file(wave, dtype, subtype, channel, tmp_path):
    samples = (wave * 32768).astype(np.int16) if dtype == "int16" else wave.astype(dtype)
    soundfile.write(tmp_path / "a.wav", samples, 8000, subtype=subtype)
    expected, rate = read_audio(tmp_path / "a.wav", channel=channel, sample_rate=16000)
    found, same_rate = read_audio(as_stream(samples, 8000), channel=channel, sample_rate=16000)
    assert rate == same_rate == 16000
    np.testing.assert_array_equal(found, expected)


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
        (np.zeros(9), 0, r"expected a sample rate in whole Hz, got 0"),
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


def test_waveforms():
    assert as_waveform([1, 2]).dtype == np.float32
    for bad, message in ((np.zeros((2, 2)), r"\(2, 2\)"), (np.zeros(0), r"\(0,\)"), ([1.0, np.inf], "finite")):
        with pytest.raises(DataError, match=f"^waveform: .*{message}"):
            as_waveform(bad)
