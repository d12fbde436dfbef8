"""Sources of arrays by name: whole, in part, elsewhere, and what tells that one has changed."""

import os

import numpy as np
import pytest

from pysid.data.corpus import Corpus
from pysid.data.sources import AudioFiles, AudioSource, CorpusAudio, Stored, absolute_entry
from pysid.errors import DataError
from pysid.io.ark.writer import ArkWriter
from pysid.io.audio.files import write_audio

RATE = 16000


@pytest.fixture
def corpus(tmp_path):
    """A recording of two channels with two segments, the second of channel 1, and a recording of one."""
    left, right = 1000 * np.ones(RATE), 3000 * np.ones(RATE)
    write_audio(tmp_path / "a.wav", np.stack([left, right], 1), RATE)
    (tmp_path / "wav.scp").write_text("a a.wav\n")
    (tmp_path / "segments").write_text("a-1 a 0.0 0.5\na-2 a 0.5 1.0 1\n")
    return Corpus.read(tmp_path)


def test_channels_of_a_corpus(corpus):
    mean, first = CorpusAudio(corpus, RATE), CorpusAudio(corpus, RATE, channel=0)
    assert isinstance(mean, AudioSource) and list(mean.keys) == ["a-1", "a-2"]
    assert mean.read("a-1").mean() == pytest.approx(2000, abs=1)
    assert first.read("a-1").mean() == pytest.approx(1000, abs=1)
    assert first.read("a-2").mean() == pytest.approx(3000, abs=1)  # the table names it


def test_an_entry_says_which_channel_is_heard(corpus):
    """None stood for the first channel once: a run that was stopped then must not go on with the mean."""
    mean, first = (CorpusAudio(corpus, RATE, channel=channel).entry("a-1") for channel in (None, 0))
    assert " mean " in mean and " None " not in mean and " 0 " in first
    one, other = (CorpusAudio(corpus, RATE, channel=channel).entry("a-2") for channel in (None, 0))
    assert one == other  # the table names the channel


def test_an_entry_changes_with_its_file(corpus, tmp_path):
    files = AudioFiles({"a": str(tmp_path / "a.wav")}, RATE)
    for source, key in ((CorpusAudio(corpus, RATE), "a-1"), (files, "a")):
        before = source.entry(key)
        assert source.entry(key) == before
        os.utime(tmp_path / "a.wav", ns=(1, hash(key) % 10**9 + 10))
        assert source.entry(key) != before


def test_a_part_holds_its_own_tables_alone(corpus):
    part = CorpusAudio(corpus, RATE, channel=0).part(["a-2"])
    assert list(part.keys) == ["a-2"] and list(part.corpus.wav_scp) == ["a"] and part.channel == 0
    np.testing.assert_array_equal(part.read("a-2"), CorpusAudio(corpus, RATE).read("a-2"))


def test_files_from_another_folder(tmp_path, monkeypatch):
    write_audio(tmp_path / "a.wav", np.arange(800.0), RATE)
    monkeypatch.chdir(tmp_path)
    files = AudioFiles({"a": "a.wav"}, RATE).absolute()
    monkeypatch.chdir("/")
    np.testing.assert_allclose(files.read("a"), np.arange(800), atol=1)
    with pytest.raises(DataError, match=r"none\.wav"):
        AudioFiles({"x": str(tmp_path / "none.wav")}, RATE).read("x")


def test_stored_features(tmp_path, monkeypatch):
    with ArkWriter(tmp_path / "feats.ark") as writer:
        writer.write("a", np.ones((3, 2), np.float32))
        writer.write("v", np.arange(4, dtype=np.float32))
    lines = (tmp_path / "feats.scp").read_text().splitlines()
    stored = Stored(dict(line.split(" ", 1) for line in lines), tmp_path)
    assert stored.are_features and stored.read("a").shape == (3, 2) and stored.read_vector("v").tolist() == [0, 1, 2, 3]
    assert list(stored.part(["v", "nobody"]).keys) == ["v"]  # those that exist
    assert stored.entry("nobody") == "" and stored.entry("a") == stored.entries["a"]
    monkeypatch.chdir("/")
    np.testing.assert_array_equal(stored.absolute().read("a"), np.ones((3, 2)))


def test_a_pipe_runs_where_it_was_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert absolute_entry("cat a.wav |", "data") == f"cd {tmp_path} && cat a.wav |"
