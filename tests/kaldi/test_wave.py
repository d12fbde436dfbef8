"""16-bit WAV files as Kaldi reads and writes them."""

import numpy as np
import pytest

from pysid.errors import DataError
from pysid.kaldi.holders import (
    WAVE,
    WAVE_DURATION,
)
from pysid.kaldi.wave import Wave

from .conftest import LOG, read, write


def test_waves(tmp_path, capsys):
    stereo = Wave(8000, np.array([[1, -2, 3.9], [40000, -40000, 0]], np.float32))
    write(f"ark,scp:{tmp_path}/a.ark,{tmp_path}/a.scp", WAVE, {"a": stereo, "b": stereo})
    assert "clipped 2 samples out of total 6" in capsys.readouterr().err
    for table in (f"ark:{tmp_path}/a.ark", f"scp:{tmp_path}/a.scp", f"ark:cat {tmp_path}/a.ark |"):
        found = read(table, WAVE)
        assert list(found) == ["a", "b"]
        np.testing.assert_array_equal(found["b"].samples, [[1, -2, 3], [32767, -32768, 0]])
        assert read(table, WAVE_DURATION) == {"a": 3 / 8000, "b": 3 / 8000}


def patched(data, at, new):
    return data[:at] + new + data[at + len(new) :]


@pytest.fixture
def wav():
    return WAVE.write(Wave(16000, np.arange(10, dtype=np.float32)[None]), True, LOG)


@pytest.mark.parametrize("size", [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f"])
def test_streamed_waves_go_on_to_the_end(size, wav, tmp_path):
    (tmp_path / "a").write_bytes(patched(wav, 40, size))
    (tmp_path / "a.scp").write_text(f"a {tmp_path}/a\n")
    assert read(f"scp:{tmp_path}/a.scp", WAVE)["a"].samples.shape == (1, 10)
    assert read(f"scp:{tmp_path}/a.scp", WAVE_DURATION) == {"a": None}  # the header does not say, as Kaldi has it


def test_other_chunks_are_passed_over(wav, tmp_path):
    junk = b"JUNK\4\0\0\0abcd"
    (tmp_path / "a.ark").write_bytes(b"a " + wav[:12] + junk + wav[12:36] + b"LIST\2\0\0\0ab" + wav[36:])
    np.testing.assert_array_equal(read(f"ark:{tmp_path}/a.ark", WAVE)["a"].samples[0], range(10))


def test_a_wave_that_is_cut_off_counts_as_far_as_it_goes(wav, tmp_path, capsys):
    (tmp_path / "a.ark").write_bytes(b"a " + wav[:-6])
    assert read(f"ark:{tmp_path}/a.ark", WAVE)["a"].samples.shape == (1, 7)
    assert "Truncated file?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("at", "new", "message"),
    [
        (0, b"OggS", "expected a WAV file"),
        (8, b"AVI ", "of the form WAVE"),
        (20, b"\3", "PCM samples, got the format 3"),
        (22, b"\0", "expected channels"),
        (34, b"\x08", "16 bits"),
        (32, b"\4", "bytes a frame"),
        (28, b"\1", "bytes a second"),
    ],
)
def test_no_pcm_wave(at, new, message, wav, tmp_path):
    (tmp_path / "a.ark").write_bytes(b"a " + patched(wav, at, new))
    with pytest.raises(DataError, match=message):
        read(f"ark:{tmp_path}/a.ark", WAVE)


def test_a_wave_without_samples(wav, tmp_path):
    (tmp_path / "a.ark").write_bytes(b"a " + wav[:44])
    with pytest.raises(DataError, match="without any"):
        read(f"ark:{tmp_path}/a.ark", WAVE)
    (tmp_path / "a.ark").write_bytes(b"a " + wav[:20])
    with pytest.raises(DataError, match="more bytes"):
        read(f"ark:{tmp_path}/a.ark", WAVE)
