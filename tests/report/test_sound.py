import io

import numpy as np
import pytest
import soundfile

from pysid.errors import DataError
from pysid.io.audio.reader import AudioReader
from pysid.report import sound
from pysid.report.sound import EmbeddedSound, LinkedSound, coded_anew, sound_for_page, sound_url
from pysid.report.waveform import waveform_peaks


def write(path, seconds=2.0, rate=16000, channels=1, **options):
    """A tone of 440 Hz."""
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * rate)) / rate)
    with soundfile.SoundFile(path, "w", rate, channels, **options) as file:
        for start in range(0, len(tone), rate):
            file.write(np.tile(tone[start : start + rate, None], channels))
    return path


@pytest.mark.parametrize(
    ("name", "options", "media_type"),
    [
        ("a.wav", {}, "audio/wav"),
        ("a.wav", {"subtype": "FLOAT"}, "audio/wav"),
        ("a.flac", {}, "audio/flac"),
        ("a.ogg", {"subtype": "VORBIS"}, "audio/ogg"),
        ("a.opus", {"format": "OGG", "subtype": "OPUS"}, "audio/ogg"),
        ("a.mp3", {}, "audio/mpeg"),
    ],
)
def test_small_files_that_browsers_play_are_embedded_as_they_are(tmp_path, name, options, media_type):
    path = write(tmp_path / name, **options)
    embedded = sound_for_page(path)
    assert embedded == EmbeddedSound(media_type, path.read_bytes())


@pytest.mark.parametrize(
    ("name", "options"), [("a.aiff", {}), ("a.wav", {"subtype": "ULAW"}), ("a.wav", {"subtype": "DOUBLE"})]
)
def test_others_are_coded_anew_whatever_their_size(tmp_path, name, options):
    embedded = sound_for_page(write(tmp_path / name, **options), max_bytes=1)
    assert isinstance(embedded, EmbeddedSound)
    assert embedded.media_type == "audio/ogg" and embedded.data.startswith(b"OggS")


@pytest.mark.parametrize(("rate", "coded_rate"), [(8000, 8000), (16000, 16000), (44100, 16000)])
def test_coded_anew_it_sounds_the_same(tmp_path, rate, coded_rate):
    path = write(tmp_path / "a.wav", seconds=3.0, rate=rate, channels=2)
    samples, got_rate = soundfile.read(io.BytesIO(coded_anew(path)))
    assert got_rate == coded_rate and samples.shape == (3 * coded_rate,)
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(len(samples)) / coded_rate)
    assert np.corrcoef(samples, expected)[0, 1] > 0.99
    assert samples.std() == pytest.approx(expected.std(), rel=0.05)


def test_a_channel_is_heard_alone(tmp_path):
    """Of a file that browsers play, which would have all of them."""
    wave = np.zeros((32000, 2))
    wave[:16000, 0], wave[16000:, 1] = 0.5, 0.25
    soundfile.write(tmp_path / "a.wav", wave, 16000)
    found = sound_for_page(tmp_path / "a.wav", channel=1)
    samples, _ = soundfile.read(io.BytesIO(found.data))
    assert found.media_type == "audio/ogg" and samples.ndim == 1
    assert np.abs(samples[:15000]).max() < 0.1 and np.abs(samples[17000:18000]).max() > 0.2
    path = write(tmp_path / "b.wav")
    assert sound_for_page(path, channel=0) == EmbeddedSound("audio/wav", path.read_bytes())


def test_ten_minutes_are_coded_anew(tmp_path):
    """The encoder dies of so much at once."""
    path = write(tmp_path / "a.wav", seconds=600.0, rate=8000)
    assert soundfile.info(io.BytesIO(coded_anew(path))).duration == 600.0


def test_a_large_file_without_loss_becomes_smaller(tmp_path, monkeypatch):
    monkeypatch.setattr(sound, "AS_IS_BYTES", 50_000)
    wav, mp3 = write(tmp_path / "a.wav", seconds=20.0), write(tmp_path / "a.mp3", seconds=20.0)
    assert sound_for_page(wav).media_type == "audio/ogg"
    assert sound_for_page(mp3).media_type == "audio/mpeg"


def test_what_would_be_too_large_is_linked(tmp_path):
    wav, mp3 = write(tmp_path / "a.wav"), write(tmp_path / "a.mp3")
    for path in (wav, mp3):
        n_bytes = path.stat().st_size
        assert sound_for_page(path, folder=tmp_path, max_bytes=n_bytes - 1) == LinkedSound(path.name)
        assert isinstance(sound_for_page(path, max_bytes=n_bytes), EmbeddedSound)
        assert isinstance(sound_for_page(path, "embed", max_bytes=1), EmbeddedSound)
    assert sound_for_page(wav, "link") == LinkedSound(wav.as_uri())


def test_urls(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert sound_url("a b.wav", ".") == sound_url(tmp_path / "a b.wav", tmp_path) == "a%20b.wav"
    assert sound_url("sub/é:1.wav", tmp_path) == "sub/%C3%A9%3A1.wav"
    assert sound_url("a.wav", "sub") == sound_url("a.wav", None) == (tmp_path / "a.wav").as_uri()
    undecodable = b"\xff.wav".decode("utf-8", "surrogateescape")
    assert sound_url(undecodable, tmp_path) == "%FF.wav"


def test_broken_recordings(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"no audio")
    for embed in ("auto", "embed", "link"):
        with pytest.raises(DataError, match=r"a\.wav: expected an audio file"):
            sound_for_page(tmp_path / "a.wav", embed)


def test_what_came_through_a_pipe_is_inside_or_left_out(tmp_path):
    path = write(tmp_path / "a.wav")
    for audio in (path.read_bytes(), io.BytesIO(path.read_bytes()), path.open("rb")):
        assert sound_for_page(audio) == EmbeddedSound("audio/wav", path.read_bytes())
        assert sound_for_page(audio, max_bytes=1000) is None and sound_for_page(audio, "link") is None
    assert sound_for_page(write(tmp_path / "a.aiff").read_bytes(), max_bytes=1000) is None


def test_a_longer_recording_than_usual_has_its_sound(tmp_path, monkeypatch):
    """Whoever made the turns has allowed it."""
    monkeypatch.setattr(AudioReader.__init__, "__defaults__", (None, None, 1e-6))
    for ending in ("wav", "aiff"):
        path = write(tmp_path / f"a.{ending}")
        assert isinstance(sound_for_page(path), EmbeddedSound) and waveform_peaks(path).any()
