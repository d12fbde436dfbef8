"""Recordings by telephone."""

import importlib.util
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from pysid.errors import DataError
from pysid.io.audio.files import read_audio, write_audio
from pysid.io.tables import read_utt2spk, read_wav_scp, write_table

ROOT = Path(__file__).parents[2]
RATE = 16000
pytestmark = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg")


@pytest.fixture
def phone(monkeypatch):
    """Runs the script with arguments."""
    spec = importlib.util.spec_from_file_location("phone", ROOT / "recipes" / "phone.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["phone.py", *map(str, arguments)])
        module.main()

    return run


@pytest.fixture
def data(tmp_path):
    """Three recordings of noise, which has all frequencies."""
    folder = tmp_path / "data"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name in ("a", "b", "c"):
        write_audio(folder / f"{name}.wav", 3000 * rng.standard_normal(RATE), RATE)
    write_table(folder / "wav.scp", {name: f"{name}.wav" for name in "abc"})
    return folder


def share(path, low_hz, high_hz):
    """Of a recording's power, what lies within a band."""
    wave, _ = read_audio(path, sample_rate=RATE)
    power = np.abs(np.fft.rfft(wave)) ** 2
    hz = np.fft.rfftfreq(len(wave), 1 / RATE)
    return power[(low_hz <= hz) & (hz < high_hz)].sum() / power.sum()


def test_conversations(phone, data, tmp_path):
    (data / "ref.rttm").write_text("SPEAKER a 1 0.0 1.0 <NA> <NA> x <NA> <NA>\n")
    out = tmp_path / "out"
    phone(data, out)
    assert (out / "ref.rttm").read_text() == (data / "ref.rttm").read_text()
    assert (out / "wav.scp").read_text() == "a audio/a.wav\nb audio/b.wav\nc audio/c.wav\n"
    plain, _ = read_audio(data / "a.wav", sample_rate=RATE)
    wave, _ = read_audio(out / "audio" / "a.wav", sample_rate=RATE)
    assert len(wave) == len(plain)
    for name in "abc":
        path = out / "audio" / f"{name}.wav"
        assert share(path, 4100, 8000) < 0.01 and share(path, 0, 150) < 0.01 and share(path, 500, 3000) > 0.7
    before = (out / "audio" / "a.wav").stat().st_mtime_ns
    phone(data, out)
    assert (out / "audio" / "a.wav").stat().st_mtime_ns == before


def test_some_utterances_in_two_bands(phone, data, tmp_path):
    write_table(data / "utt2spk", {"a": "anna", "b": "ben", "c": "anna"})
    out = tmp_path / "out"
    phone(data, out, "--count", 2, "--suffix=-telephone", "--wide-too")
    assert read_wav_scp(out / "wav.scp") == {f"{x}-telephone": f"audio/{x}-telephone.wav" for x in "bc"}
    assert read_utt2spk(out / "utt2spk") == {"b-telephone": "ben", "c-telephone": "anna"}
    wide, narrow = (out / "audio" / f"{x}-telephone.wav" for x in "bc")
    assert share(narrow, 0, 150) < 0.01 < share(wide, 0, 150)


def test_a_name_stays_in_its_folder(phone, data, tmp_path):
    write_table(data / "wav.scp", {"../../a": "a.wav"})
    with pytest.raises(DataError, match=r"expected an id that can be a file name, got '\.\./\.\./a'"):
        phone(data, tmp_path / "out")
    assert not (tmp_path / "a.wav").exists()
