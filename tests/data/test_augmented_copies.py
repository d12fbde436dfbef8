"""Copies on disk: which there are, what they depend on, and what is said where they cannot be made."""

import os

import numpy as np
import pytest

from pysid.augment.recordings import RecordingPaths
from pysid.data.augmented_copies import KINDS, audio_path, open_augmenter, state_of_recordings, write_augmented
from pysid.data.corpus import Corpus
from pysid.errors import DataError
from pysid.io.audio.files import audio_info, read_audio, write_audio
from pysid.io.tables import read_table

RATE = 16000


@pytest.fixture
def noises(tmp_path):
    folder = tmp_path / "noises"
    folder.mkdir()
    write_audio(folder / "hum.flac", 800 * np.random.default_rng(0).standard_normal(9000), RATE)
    (folder / "wav.scp").write_text("hum hum.flac\n")
    return folder


@pytest.fixture
def corpus(tmp_path):
    """The same second of sound twice, under two names, one of which has dashes of its own."""
    folder = tmp_path / "few"
    folder.mkdir()
    for name in ("a-b-c", "d"):
        write_audio(folder / f"{name}.wav", 1000 * np.random.default_rng(1).standard_normal(RATE), RATE)
    (folder / "wav.scp").write_text("a-b-c a-b-c.wav\nd d.wav\n")
    (folder / "utt2spk").write_text("a-b-c s\nd t\n")
    return Corpus.read(folder)


def audio(out):
    return {path.name: path.read_bytes() for path in out.rglob("*.flac")}


def test_each_utterance_is_copied_in_each_kind(corpus, noises, tmp_path):
    out = tmp_path / "out"
    counts, skipped = write_augmented(corpus, out, RecordingPaths(noises=str(noises), music=str(noises)))
    assert not skipped
    assert {path.name: count for path, count in counts.items()} == {
        "few_noise": 2,
        "few_music": 2,
        "few_aug": 4,
        "few_combined": 6,
    }
    assert read_table(out / "few_noise" / "utt2spk") == {"a-b-c-noise": "s", "d-noise": "t"}
    assert read_table(out / "few_aug" / "utt2uniq")["a-b-c-music"] == "a-b-c"
    assert audio_path(out, corpus, "a-b-c-noise").exists()
    for copy in ("a-b-c-noise", "d-music"):
        clean, _ = read_audio(corpus.directory / f"{copy.rpartition('-')[0]}.wav")
        harder, rate = read_audio(audio_path(out, corpus, copy))
        assert rate == RATE and len(harder) == len(clean) and np.abs(harder - clean).max() > 1


def test_a_copy_depends_on_its_name_and_the_seed_alone(corpus, noises, tmp_path):
    both = RecordingPaths(noises=str(noises), music=str(noises))
    write_augmented(corpus, tmp_path / "all", both)
    everything = audio(tmp_path / "all")
    write_augmented(corpus, tmp_path / "noise", both, ["noise"])
    write_augmented(corpus, tmp_path / "two", both, subset=2)
    for name, n in (("noise", 2), ("two", 2)):
        some = audio(tmp_path / name)
        assert len(some) == n and some.items() <= everything.items()
    write_augmented(corpus, tmp_path / "seed", both, ["noise"], seed=1)
    other = audio(tmp_path / "seed")
    assert len(other) == 2 and any(content != everything[name] for name, content in other.items())
    names = ["a-b-c-noise", "d-noise", "a-b-c-music", "d-music"]
    sounds = [read_audio(audio_path(tmp_path / "all", corpus, name))[0] for name in names]
    assert not (np.array_equal(sounds[0], sounds[1]) and np.array_equal(sounds[2], sounds[3]))


def test_copies_have_the_rate_that_is_asked_for(corpus, noises, tmp_path):
    write_augmented(corpus, tmp_path / "out", RecordingPaths(noises=str(noises)), sample_rate=8000)
    info = audio_info(audio_path(tmp_path / "out", corpus, "d-noise"))
    assert (info.sample_rate, info.duration_s) == (8000, 1.0)


def test_what_is_there_is_kept_and_new_sources_may_come(corpus, noises, tmp_path):
    out = tmp_path / "out"
    write_augmented(corpus, out, RecordingPaths(noises=str(noises)))
    before = audio_path(out, corpus, "d-noise").stat().st_mtime_ns
    write_augmented(corpus, out, RecordingPaths(noises=str(noises), music=str(noises)))
    assert audio_path(out, corpus, "d-noise").stat().st_mtime_ns == before and len(audio(out)) == 4
    with pytest.raises(DataError, match=r"out holds copies made with noises .*noises, not .*few: choose another"):
        write_augmented(corpus, out, RecordingPaths(noises=str(corpus.directory)))
    with pytest.raises(DataError, match="out holds copies made with sample_rate 16000, not 8000"):
        write_augmented(corpus, out, RecordingPaths(noises=str(noises)), sample_rate=8000)


def test_an_utterance_that_cannot_be_read_is_left_out(corpus, noises, tmp_path):
    (corpus.directory / "d.wav").write_text("no audio")
    counts, skipped = write_augmented(corpus, tmp_path / "out", RecordingPaths(noises=str(noises)))
    assert list(skipped.reasons) == ["d"] and "expected an audio file" in skipped.reasons["d"]
    assert counts[tmp_path / "out" / "few_noise"] == 1
    (corpus.directory / "a-b-c.wav").unlink()
    with pytest.raises(DataError, match=r"no utterance of .*few could be augmented: 2 skipped, the first is "):
        write_augmented(corpus, tmp_path / "other", RecordingPaths(noises=str(noises)))


@pytest.mark.parametrize(
    ("kinds", "message"),
    [
        (["hum"], "expected kinds out of reverb, noise, music, babble, got 'hum'"),
        (["noise", "babble"], "copies with babble need recordings: speech"),
        (["reverb"], "copies with reverb need recordings: rooms"),
        ([], "expected recordings to augment with, at least one of "),
    ],
)
def test_kinds_that_cannot_be(corpus, noises, tmp_path, kinds, message):
    assert KINDS == ("reverb", "noise", "music", "babble")
    with pytest.raises(DataError, match=message):
        write_augmented(corpus, tmp_path / "out", RecordingPaths(noises=str(noises)), kinds)
    assert not (tmp_path / "out").exists()


def test_nothing_to_augment_with(corpus, tmp_path):
    with pytest.raises(DataError, match="at least one of noises, music, speech, rooms, got none"):
        write_augmented(corpus, tmp_path / "out", RecordingPaths())


def test_a_name_does_not_leave_the_folder(corpus, tmp_path):
    for copy in ("../../evil-noise", "a/b-noise"):
        with pytest.raises(DataError, match="expected an id that can be a file name"):
            audio_path(tmp_path, corpus, copy)
    assert audio_path(tmp_path, corpus, "d-noise") == tmp_path / "few_noise" / "audio" / "d-noise.flac"


def test_the_state_of_recordings_is_that_of_their_files(noises):
    def state():
        return state_of_recordings(open_augmenter("noise", RecordingPaths(noises=str(noises)), RATE))

    before = state()
    (noises / "other").write_text("not listed")
    assert state() == before
    os.utime(noises / "hum.flac", (1, 1))
    touched = state()
    assert touched != before
    (noises / "hum.flac").rename(noises / "tone.flac")
    (noises / "wav.scp").write_text("hum tone.flac\n")
    assert state() != touched
