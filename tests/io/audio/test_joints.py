"""Files that were joined with `cat`, though their containers do not know of that."""

import io

import numpy as np
import pytest
import soundfile

from pysid.errors import DataError
from pysid.io.audio.content import HEAD, content_of
from pysid.io.audio.files import read_audio
from pysid.io.audio.joints import spans
from pysid.io.audio.pieces import Bytes

RATE = 16000
NATIVE = ("WAV", "WAVEX", "RF64", "W64", "AIFF", "AU", "CAF", "FLAC", "NIST")


def stored(wave, kind, rate=RATE):
    stream = io.BytesIO()
    soundfile.write(stream, wave, rate, format=kind, subtype="PCM_16")
    return stream.getvalue()


def spans_of(data):
    return spans(Bytes(io.BytesIO(data)), content_of(data[:HEAD]))


@pytest.mark.parametrize("kind", NATIVE)
@pytest.mark.parametrize("n", [RATE, RATE + 1])
def test_all_of_them_are_read(wave, kind, n):
    parts = [stored(part, kind) for part in (wave[:n], wave[: RATE // 2], -wave[:n])]
    assert [stop - start for start, stop in spans_of(b"".join(parts))] == [*map(len, parts)]
    found, _ = read_audio(b"".join(parts))
    np.testing.assert_array_equal(found, np.concatenate([read_audio(part)[0] for part in parts]))
    with pytest.raises(DataError, match="its parts are of 16000 Hz with 1 channels, and of 8000 Hz"):
        read_audio(parts[0] + stored(wave, kind, 8000))


@pytest.mark.parametrize("kind", NATIVE)
def test_what_else_follows_is_no_part(wave, kind):
    data = stored(wave, kind)
    for more in (b"", b"fLaC", b"RIFF", b"FORM....AIFF" if "WAV" in kind else b"RIFF....WAVE", bytes(1000)):
        assert spans_of(data + more) == [(0, len(data + more))]


@pytest.mark.parametrize("size", [b"\xff" * 8, b"\xff" * 7 + b"\x7f"])
def test_a_size_that_the_writer_did_not_know(wave, size):
    data = stored(wave, "W64")
    unknown = data[:16] + size + data[24:]
    assert spans_of(unknown) == [(0, len(unknown))]
    np.testing.assert_array_equal(read_audio(unknown)[0], read_audio(data)[0])
    rf64 = stored(wave, "RF64")
    assert spans_of(rf64[:20] + size + rf64[28:]) == [(0, len(rf64))]


@pytest.mark.parametrize(
    "options",
    [
        ["-f", "ipod", "-c:a", "aac"],
        ["-f", "mp4", "-c:a", "aac", "-movflags", "frag_keyframe+empty_moov", "-frag_duration", "500000"],
        ["-f", "asf", "-c:a", "wmav2"],
        ["-f", "ogg", "-c:a", "flac"],
        ["-f", "ogg", "-c:a", "libspeex"],
        ["-f", "matroska", "-c:a", "flac"],
        ["-f", "adts", "-c:a", "aac"],
    ],
)
def test_what_ffmpeg_decodes(tmp_path, wav, ffmpeg, options):
    ffmpeg("-i", wav, *options, tmp_path / "a")
    one = (tmp_path / "a").read_bytes()
    n = len(read_audio(one)[0])
    assert n > 2.8 * RATE and abs(len(read_audio(one + one + one)[0]) - 3 * n) < 4096


def test_boxes_that_go_nowhere():
    assert len(spans_of(b"\0\0\0\x08ftyp" * 3)) == 3
    for data in (b"\0\0\0\0ftyp", b"\0\0\0\x01ftyp" + bytes(8)):
        assert len(spans_of(data + b"\0\0\0\x08ftyp")) == 1
