"""WAV and FLAC files whose headers do not know how long they are."""

import io

import numpy as np
import pytest
import soundfile

from pysid.errors import DataError, PysidWarning
from pysid.io.audio.files import read_audio
from pysid.io.audio.headers import mend_flac
from pysid.io.audio.pieces import Bytes


@pytest.mark.parametrize("rate", [16000, 44100])
def test_flac_of_unknown_length(tmp_path, wav, rate, ffmpeg):
    ffmpeg("-i", wav, "-ar", rate, tmp_path / "a.wav")
    data = ffmpeg("-i", tmp_path / "a.wav", "-f", "flac", "-")
    (tmp_path / "p.flac").write_bytes(data)
    np.testing.assert_array_equal(read_audio(tmp_path / "p.flac")[0], read_audio(tmp_path / "a.wav")[0])
    (tmp_path / "p.flac").write_bytes(data[:-3000])
    with pytest.raises(DataError, match=r"p\.flac: (broken or cut off|.*broken or cut off)"):
        read_audio(tmp_path / "p.flac")


@pytest.mark.parametrize("rate", [11025, 16000, 50])  # which the headers of frames tell in 16 bits, by a code, or not
@pytest.mark.parametrize("n", [1, 200, 5000, 130 * 4096 + 300, 2100 * 4096])
def test_the_length_of_a_flac_is_that_of_its_last_frame(n, rate):
    """Numbers of frames take one byte below 128, two below 2048, and then three."""
    stream = io.BytesIO()
    soundfile.write(stream, np.zeros(n, np.int16), rate, format="FLAC")
    whole = stream.getvalue()
    unknown = bytearray(whole)
    unknown[21] &= 0xF0
    unknown[22:26] = bytes(4)
    pieces = mend_flac(Bytes(io.BytesIO(unknown)))
    assert pieces is not None
    assert b"".join(x if isinstance(x, bytes) else bytes(unknown[slice(*x)]) for x in pieces) == whole
    assert mend_flac(Bytes(io.BytesIO(whole))) is None, "which knows it"
    assert mend_flac(Bytes(io.BytesIO(unknown[:42] + bytes(100)))) is None, "without a frame"


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
