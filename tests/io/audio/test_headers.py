"""WAV, AIFF, AU and FLAC files whose headers do not know how long they are."""

import io
import os
import struct
from contextlib import nullcontext

import numpy as np
import pytest
import soundfile

from pysid.errors import DataError, PysidWarning
from pysid.io.audio import headers
from pysid.io.audio.files import read_audio
from pysid.io.audio.headers import mend_flac, mend_size
from pysid.io.audio.pieces import Bytes, Joined


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
    mended = mend_flac(Bytes(io.BytesIO(unknown)))
    assert mended is not None and mended[1] == ""
    assert b"".join(x if isinstance(x, bytes) else bytes(unknown[slice(*x)]) for x in mended[0]) == whole
    assert mend_flac(Bytes(io.BytesIO(whole))) is None, "which knows it"
    assert mend_flac(Bytes(io.BytesIO(unknown[:42] + bytes(100)))) is None, "without a frame"


@pytest.mark.parametrize("start_s", [0, 2])
def test_flac_that_was_cut_without_decoding_it(tmp_path, ffmpeg, start_s):
    """Its header has the length, and the check sum, of the whole; and its frames are counted from there."""
    soundfile.write(tmp_path / "whole.flac", np.random.default_rng(0).normal(scale=0.1, size=160000), 16000)
    ffmpeg("-ss", start_s, "-t", 5, "-i", tmp_path / "whole.flac", "-c", "copy", tmp_path / "cut.flac")
    whole = read_audio(tmp_path / "whole.flac")[0]
    message = r"its header says 160000 samples, and 81920 are there: all of it is read$"
    with nullcontext() if start_s else pytest.warns(PysidWarning, match=message):
        wave = read_audio(tmp_path / "cut.flac")[0]
    first = start_s * 16000 // 4096 * 4096
    assert len(wave) in (81920, 86016)  # in frames of 4096
    np.testing.assert_array_equal(wave, whole[first : first + len(wave)])
    data = (tmp_path / "cut.flac").read_bytes()
    for n_bytes in (len(data) - 1, len(data) - 5000):
        (tmp_path / "torn.flac").write_bytes(data[:n_bytes])
        with pytest.raises(DataError, match=r"torn\.flac: (expected an audio file|cut off|broken or cut off)"):
            read_audio(tmp_path / "torn.flac")


def test_a_torn_flac_of_silence_is_told_in_no_time(monkeypatch):
    """Frames of silence take a dozen bytes, of which the last 256 KiB hold thousands: few are summed up."""
    stream = io.BytesIO()
    soundfile.write(stream, np.zeros(1000 * 4096, np.int16), 16000, format="FLAC")
    torn = stream.getvalue()[:-40]
    summed = []
    monkeypatch.setattr(headers, "_crc16", lambda data: summed.append(data) or 1)
    assert mend_flac(Bytes(io.BytesIO(torn))) is None
    assert 0 < len(summed) < 10


@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize("claimed", ["0", "file", "file less 8", "odd"])
def test_wav_whose_size_is_wrong(wav, wave, claimed, order):
    soundfile.write(wav, wave, 16000, subtype="PCM_16", endian=order.upper())
    data = bytearray(wav.read_bytes())
    there = len(data) - 44
    size = {"0": 0, "file": len(data), "file less 8": len(data) - 8, "odd": there - 1}[claimed]
    data[40:44] = size.to_bytes(4, order)
    wav.write_bytes(data)
    if claimed == "odd":
        assert len(read_audio(wav)[0]) == len(wave) - 1
        return
    with pytest.warns(PysidWarning, match=rf"m\.wav: its header says {size} bytes of samples.*: all of it is read$"):
        assert len(read_audio(wav)[0]) == len(wave)


class Sparse(io.RawIOBase):
    """A file of zeros but for its start and its end, which needs no memory."""

    def __init__(self, start, n_zeros, end=b""):
        self.parts = {0: start, len(start) + n_zeros: end}
        self.size = len(start) + n_zeros + len(end)
        self.place = 0

    def seekable(self):
        return True

    def seek(self, offset, whence=os.SEEK_SET):
        self.place = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self.place, os.SEEK_END: self.size}[whence]
        return self.place

    def read(self, n=-1):
        data = bytearray(max(0, min(n, self.size - self.place)))
        for at, part in self.parts.items():
            first, last = max(at, self.place), min(at + len(part), self.place + len(data))
            if first < last:
                data[first - self.place : last - self.place] = part[first - at : last - at]
        self.place += len(data)
        return bytes(data)


GIB = 1 << 30


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT", "ULAW"])
@pytest.mark.parametrize(
    ("claimed", "n_bytes"),
    [
        (0xFFFFFFFF, 6 * GIB),
        (0xFFFFFFFF - 36, 6 * GIB),
        (0x7FFFFFFF, 3 * GIB),  # as SoX leaves it
        (0x7FFFF000, 6 * GIB),
        (0x80000000, 3 * GIB),  # as arecord does
        (0, 6 * GIB),
        (2 * GIB, 6 * GIB),  # the lower 32 bits
    ],
)
def test_wav_longer_than_its_header_can_say(claimed, n_bytes, subtype):
    start = io.BytesIO()
    soundfile.write(start, np.zeros(0), 16000, subtype=subtype, format="WAV")
    header = start.getvalue()
    header = header[: header.index(b"data") + 4] + claimed.to_bytes(4, "little")
    source = Bytes(Sparse(header, n_bytes))
    pieces, problem = mend_size(source)
    assert problem.startswith(f"its header says {claimed} bytes of samples") and str(n_bytes) in problem
    width = {"PCM_16": 2, "PCM_24": 3, "FLOAT": 4, "ULAW": 1}[subtype]
    with soundfile.SoundFile(Joined(source, pieces)) as file:
        assert (file.frames, file.subtype, file.samplerate) == (n_bytes // width, subtype, 16000)
        file.seek(n_bytes // width - 10)
        assert len(file.read()) == 10


def test_big_endian_wav_that_came_through_a_pipe(wav, wave):
    soundfile.write(wav, wave, 16000, subtype="PCM_16", endian="BIG")
    data = bytearray(wav.read_bytes())
    data[4:8] = data[40:44] = b"\xff" * 4
    wav.write_bytes(data)
    assert len(read_audio(wav)[0]) == len(wave)
    assert mend_size(Bytes(Sparse(bytes(data[:44]), 6 * GIB))) is None, "RF64 is little-endian"


def test_wav_of_three_gib_with_a_chunk_behind_its_samples_is_as_it_says():
    header = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0" + struct.pack("<HHIIHH", 1, 1, 16000, 32000, 2, 16)
    for n_bytes in (3 * GIB, 0x7FFFF000):
        start = header + b"data" + n_bytes.to_bytes(4, "little")
        assert mend_size(Bytes(Sparse(start, n_bytes, b"LIST\4\0\0\0INFO"))) is None


@pytest.mark.parametrize("claimed", [3 * GIB, 0xFFFFFFFF, 0x7FFFF000, 0x80000000])
def test_wav_that_is_cut_off_at_gib_is_told_from_one_of_unknown_length(wav, wave, claimed):
    data = bytearray(wav.read_bytes())
    data[40:44] = claimed.to_bytes(4, "little")
    wav.write_bytes(data)
    if claimed == 3 * GIB:
        with pytest.raises(DataError, match=rf"m\.wav: cut off: expected {claimed} bytes of samples, got "):
            read_audio(wav)
    else:
        assert len(read_audio(wav)[0]) == len(wave)


def test_rf64_that_is_cut_off(tmp_path, wave):
    soundfile.write(tmp_path / "a.wav", wave, 16000, format="RF64")
    data = bytearray((tmp_path / "a.wav").read_bytes())
    at = data.index(b"ds64") + 8  # of the sizes of the file and of the samples
    data[at : at + 16] = struct.pack("<QQ", 5 * GIB, 5 * GIB - 100)
    (tmp_path / "a.wav").write_bytes(data)
    with pytest.raises(DataError, match=rf"a\.wav: cut off: expected {5 * GIB}"):
        read_audio(tmp_path / "a.wav")


def aiff_header(claimed, n_frames):
    stream = io.BytesIO()
    soundfile.write(stream, np.zeros(0, np.int16), 16000, format="AIFF")
    start = stream.getvalue()
    start = bytearray(start[: start.index(b"SSND") + 16])
    start[-12:-8] = claimed.to_bytes(4, "big")
    at = start.index(b"COMM") + 10
    start[at : at + 4] = (n_frames & 0xFFFFFFFF).to_bytes(4, "big")
    return bytes(start)


def au_header(claimed):
    return b".snd" + struct.pack(">IIIII", 24, claimed, 3, 16000, 1)


SOX = 0x7F000000  # puts it where it writes AIFF into a pipe


@pytest.mark.parametrize("claimed", ["lower 32 bits", 0xFFFFFFFF, 0x7FFFFFFF, SOX, SOX + 8, 0])
@pytest.mark.parametrize("n_bytes", [3 * GIB, 6 * GIB, 10 * GIB])
@pytest.mark.parametrize("kind", ["AIFF", "AU"])
def test_aiff_and_au_longer_than_their_headers_can_say(kind, n_bytes, claimed):
    size = (n_bytes + 8 * (kind == "AIFF")) & 0xFFFFFFFF if claimed == "lower 32 bits" else claimed
    header = aiff_header(size, n_bytes // 2) if kind == "AIFF" else au_header(size)
    source = Bytes(Sparse(header, n_bytes))
    pieces, problem = mend_size(source) or ([(0, source.size)], "")
    is_wrong = 0 < size < n_bytes + 8 if kind == "AIFF" else size < n_bytes and size != 0xFFFFFFFF
    assert problem.endswith(f"; {n_bytes} are there") or problem.endswith(f", and {n_bytes} are there") or not is_wrong
    with soundfile.SoundFile(Joined(source, pieces)) as file:
        assert (file.frames, file.format, file.samplerate) == (n_bytes // 2, kind, 16000)
        file.seek(n_bytes // 2 - 10)
        assert len(file.read()) == 10


def test_au_of_3_gib_ends_where_it_says():
    """Of which libsndfile reads nothing."""
    source = Bytes(Sparse(au_header(3 * GIB), 3 * GIB, b"and more"))
    pieces, problem = mend_size(source)
    assert problem == ""
    with soundfile.SoundFile(Joined(source, pieces)) as file:
        assert file.frames == 3 * GIB // 2


@pytest.mark.parametrize("kind", ["AIFF", "AU"])
@pytest.mark.parametrize("claimed", [SOX, 0x7FFFFFFF, 0xFFFFFFFF, 0])
def test_short_aiff_and_au_of_unknown_length(tmp_path, kind, claimed):
    samples = np.arange(1000, dtype=">i2")
    header = aiff_header(claimed, claimed // 2) if kind == "AIFF" else au_header(claimed)
    path = tmp_path / "a"
    path.write_bytes(header + samples.tobytes())
    is_odd = (kind, claimed) == ("AU", 0)
    with pytest.warns(PysidWarning, match="0 bytes of samples, and 2000 are there") if is_odd else nullcontext():
        np.testing.assert_array_equal(read_audio(path)[0], samples)


@pytest.mark.parametrize("kind", ["AIFF", "AU"])
def test_aiff_and_au_whose_headers_are_right(tmp_path, kind, wave):
    soundfile.write(tmp_path / "a", wave, 16000, format=kind)
    data = (tmp_path / "a").read_bytes()
    assert mend_size(Bytes(io.BytesIO(data))) is None
    (tmp_path / "a").write_bytes(data[:-100])
    with pytest.raises(DataError, match="a: cut off: expected "):
        read_audio(tmp_path / "a")
    nothing = io.BytesIO()
    soundfile.write(nothing, np.zeros(0), 16000, format=kind)
    assert mend_size(Bytes(nothing)) is None
    tail = b"ANNO\0\0\0\4text"
    if kind == "AIFF":
        assert mend_size(Bytes(io.BytesIO(data + tail))) is None, "a chunk may follow"
        assert mend_size(Bytes(Sparse(aiff_header(SOX, SOX), SOX - 8, tail))) is None
