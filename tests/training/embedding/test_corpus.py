"""What a training reads: the utterances of feature archives and of audio, and the classes of their speakers."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pysid.augment import SpecAugmentConfig, SpeedConfig
from pysid.augment.recordings import TrainingAugmentConfig
from pysid.data.corpus import Corpus
from pysid.errors import DataError
from pysid.frontend import VOXCELEB, FbankConfig, Frontend, FrontendConfig
from pysid.io.ark.archive import read_matrices
from pysid.io.audio.files import read_audio, write_audio
from pysid.io.tables import read_table
from pysid.training.embedding.augmented import AugmentedBatches
from pysid.training.embedding.batches import AudioSource
from pysid.training.embedding.chunks import ChunkConfig
from pysid.training.embedding.corpus import augment_batches, open_corpus, speed_order

NAMES = [f"{speaker}-{i}" for speaker in ("alicia", "denis") for i in range(3)]
OTHER = FrontendConfig(features=FbankConfig())
CHUNKS = ChunkConfig(20, 30, batch_size=4, chunks_per_epoch=8, min_utterance_frames=1, min_utterances=1)


def without(path: Path, *names: str) -> None:
    """Takes lines out of a table."""
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if line.split()[0] not in names))


@pytest.fixture
def stored(small_features, tmp_path):
    """A copy of the features whose tables may be changed."""
    return Path(shutil.copytree(small_features, tmp_path / "stored"))


def test_stored_features_bring_their_front_end(small_features):
    corpus = open_corpus(small_features, None)
    assert corpus.frontend == open_corpus(small_features, VOXCELEB).frontend == VOXCELEB
    assert list(corpus.names) == NAMES and list(corpus.speakers) == ["alicia"] * 3 + ["denis"] * 3
    counts = read_table(small_features / "utt2num_frames")
    assert corpus.n_frames.tolist() == [int(counts[name]) for name in NAMES]
    with pytest.raises(DataError, match=r"frontend\.json differs from the `frontend` of the configuration or of"):
        open_corpus(small_features, OTHER)


def test_utterances_that_a_table_lacks_are_left_out_and_the_others_keep_their_frames(stored):
    features = dict(read_matrices(stored / "feats.scp"))
    without(stored / "utt2spk", "alicia-0")
    without(stored / "utt2num_frames", "denis-1")
    corpus = open_corpus(stored, None)
    left = [name for name in NAMES if name not in ("alicia-0", "denis-1")]
    assert list(corpus.names) == left and list(corpus.speakers) == ["alicia"] * 2 + ["denis"] * 2
    source = corpus.source(np.array([3, 0]))
    for number, name in enumerate((left[3], left[0])):
        np.testing.assert_allclose(source.read(number, 5, 10), features[name][5:15], atol=1e-6)


def test_audio_is_counted_in_frames_of_10_ms(small):
    corpus = open_corpus(small, None)
    assert corpus.frontend == VOXCELEB and list(corpus.names) == NAMES
    seconds = Corpus.read(small).durations()
    np.testing.assert_allclose(corpus.n_frames, [100 * seconds[name] for name in NAMES], atol=0.5)
    assert open_corpus(small, OTHER).frontend == OTHER
    source = corpus.source(np.array([4]))
    assert isinstance(source, AudioSource) and list(source.utterances) == ["denis-1"]
    whole = Corpus.read(small)
    expected = whole.read_wave(whole["denis-1"], 16000)[16000:40000]
    np.testing.assert_allclose(source.read(0, 100, 100), expected, atol=1)


def test_speech_without_speakers(small):
    (small / "utt2spk").unlink()
    with pytest.raises(DataError, match="utt2spk: expected the speakers to train on, got no such file"):
        open_corpus(small, None)
    corpus = open_corpus(small, None, unlabelled=True)
    assert list(corpus.speakers) == list(corpus.names) == NAMES


def test_pipes_are_read_only_if_allowed(small):
    entries = read_table(small / "wav.scp")
    (small / "wav.scp").write_text("".join(f"{name} cat {path} |\n" for name, path in entries.items()))
    (small / "reco2dur").write_text("".join(f"{name} 5.0\n" for name in entries))
    with pytest.raises(DataError, match="--allow-pipes"):
        open_corpus(small, None).source(np.array([0])).read(0, 0, 100)
    assert open_corpus(small, None, allow_pipes=True).source(np.array([0])).read(0, 0, 100).any()


def test_batches_are_of_what_was_chosen(stored):
    with (stored / "utt2spk").open("a") as file:
        file.write("alicia-0 slt\n")
    table = (stored / "utt2spk").read_text().removeprefix("alicia-0 alicia\n")
    (stored / "utt2spk").write_text(table)
    batches, speakers = open_corpus(stored, None).batches(CHUNKS, seed=1)
    assert speakers == ["alicia", "denis", "slt"] and list(batches.names) == NAMES
    config = replace(CHUNKS, min_utterances=2)
    batches, speakers = open_corpus(stored, None).batches(config, seed=1)
    assert speakers == ["alicia", "denis"] and list(batches.names) == NAMES[1:]
    with pytest.raises(DataError, match="1 of 3 speakers have 3 or more utterances"):
        open_corpus(stored, None).batches(replace(CHUNKS, min_utterances=3), seed=1)


def test_in_memory_nothing_is_read_again(small, tmp_path):
    for i, (name, path) in enumerate(read_table(small / "wav.scp").items()):
        shutil.copy(path, small / f"{i}.ogg")
        text = (small / "wav.scp").read_text()
        (small / "wav.scp").write_text(text.replace(f"{name} {path}", f"{name} {i}.ogg"))
    corpus = open_corpus(small, None)
    kept, _ = corpus.batches(CHUNKS, seed=1, in_memory=True)
    read, _ = corpus.batches(CHUNKS, seed=1)
    before = read.source.read(0, 50, 100)
    for path in small.glob("*.ogg"):
        path.unlink()
    np.testing.assert_allclose(kept.source.read(0, 50, 100), before, atol=1)
    with pytest.raises(DataError, match=r"0\.ogg"):
        read.source.read(0, 50, 100)


def test_nothing_is_augmented_unless_asked(small_features):
    batches, speakers = open_corpus(small_features, None).batches(CHUNKS, seed=1)
    same, classes = augment_batches(batches, speakers)
    assert same is batches and classes == speakers
    masked, classes = augment_batches(batches, speakers, spec_augment=SpecAugmentConfig())
    assert isinstance(masked, AugmentedBatches) and classes == speakers
    for options in ({"speed": SpeedConfig()}, {"augment": TrainingAugmentConfig(rooms="x")}):
        with pytest.raises(DataError, match=r"need audio to train from, but there is a feats\.scp; spec_augment does"):
            augment_batches(batches, speakers, **options)


def test_speakers_at_each_speed_are_classes(small):
    batches, speakers = open_corpus(small, None).batches(CHUNKS, seed=1)
    _, classes = augment_batches(batches, speakers, speed=SpeedConfig(factors=(0.9, 1.1, 1.0)))
    assert classes == ["alicia", "denis", "sp0.9-alicia", "sp0.9-denis", "sp1.1-alicia", "sp1.1-denis"]


def test_their_own_speed_comes_first():
    assert speed_order(SpeedConfig(factors=(0.9, 1.1, 1.0))) == [1.0, 0.9, 1.1]
    assert speed_order(SpeedConfig(factors=(1.2, 0.8))) == [1.2, 0.8]
    assert speed_order(None) == [1.0]


def replace_audio(folder: Path, name: str, path: str) -> None:
    """Gives an utterance another entry of wav.scp."""
    entries = {**read_table(folder / "wav.scp"), name: path}
    (folder / "wav.scp").write_text("".join(f"{key} {entry}\n" for key, entry in entries.items()))


def test_a_recording_without_a_header_is_left_out(small, said):
    replace_audio(small, "alicia-1", "nofile.wav")
    corpus = open_corpus(small, None)
    assert said.readouterr().err.splitlines() == [
        f"{small}: training without 1 of 6 recordings, which cannot be read:",
        "  alicia-1: nofile.wav: cannot read the file: No such file or directory",
    ]
    assert list(corpus.left_out.reasons) == ["alicia-1"]
    batches, speakers = corpus.batches(CHUNKS, seed=1)
    assert speakers == ["alicia", "denis"] and list(batches.names) == [name for name in NAMES if name != "alicia-1"]
    assert said.readouterr().err == ""
    replace_audio(small, "denis-1", "nofile.wav")
    with pytest.raises(DataError, match=r"small: expected to read at least 75% of the recordings, but 2 of 6 cannot"):
        open_corpus(small, None)


def test_decoded_recordings_that_are_broken_or_silent_are_left_out(small, said):
    write_audio(small / "silent.wav", np.zeros(80000), 16000)
    (small / "broken.wav").write_text("no audio")
    seconds = Corpus.read(small).durations()
    (small / "utt2dur").write_text("".join(f"{name} {seconds[name]}\n" for name in NAMES))
    replace_audio(small, "alicia-1", "broken.wav")
    replace_audio(small, "denis-0", "silent.wav")
    corpus = open_corpus(small, None)
    batches, speakers = corpus.batches(CHUNKS, seed=1, in_memory=True)
    lines = [line for line in said.readouterr().err.splitlines() if "recordings, which" in line or line[:2] == "  "]
    assert lines[0] == f"{small}: training without 1 of 6 recordings, which cannot be read:"
    assert lines[1].startswith("  alicia-1: ") and "broken.wav" in lines[1]
    assert lines[2:] == [
        f"{small}: training without 1 of 6 recordings, which have no speech:",
        "  denis-0: no speech found",
    ]
    left = ["alicia-0", "alicia-2", "denis-1", "denis-2"]
    assert list(batches.names) == left and list(corpus.left_out.reasons) == ["alicia-1", "denis-0"]
    assert batches.plan.labels.tolist() == [0, 0, 1, 1] and speakers == ["alicia", "denis"]
    whole = Corpus.read(small)
    for number, name in enumerate(left):
        expected = whole.read_wave(whole[name], 16000)[16000:40000]
        np.testing.assert_allclose(batches.source.read(number, 100, 100), expected, atol=1)
    with pytest.raises(DataError, match="0 of 2 speakers have 3 or more utterances"):
        open_corpus(small, None).batches(replace(CHUNKS, min_utterances=3), seed=1, in_memory=True)


def test_good_recordings_are_the_same_batches_in_memory_and_read(small, said):
    kept, _ = open_corpus(small, None).batches(CHUNKS, seed=1, in_memory=True)
    read, _ = open_corpus(small, None).batches(CHUNKS, seed=1)
    assert list(kept.names) == list(read.names)
    np.testing.assert_array_equal(kept.plan.epoch(0).utterance, read.plan.epoch(0).utterance)
    assert "without" not in said.readouterr().err


def test_what_is_too_short_or_of_too_few_is_told(small, said):
    write_audio(small / "short.wav", np.ones(100), 16000)
    replace_audio(small, "denis-2", "short.wav")
    config = replace(CHUNKS, min_utterance_frames=10)
    _, speakers = open_corpus(small, None).batches(config, seed=1)
    too_short = (
        f"{small}: without 1 of 6 utterances, which are shorter than 10 frames (chunks.min_utterance_frames); the "
        "first is denis-2"
    )
    assert said.readouterr().err.splitlines() == [too_short] and speakers == ["alicia", "denis"]
    with (small / "utt2spk").open() as file:
        table = file.read().replace("denis-1 denis", "denis-1 slt").replace("denis-0 denis", "denis-0 slt")
    (small / "utt2spk").write_text(table)
    open_corpus(small, None).batches(config, seed=1)
    assert said.readouterr().err.splitlines() == [
        too_short,
        f"{small}: without 1 of 3 speakers, who have fewer than 1 utterances to train on (chunks.min_utterances); the "
        "first is denis",
    ]


@pytest.mark.parametrize("glances", [1, 2, 64])
def test_speech_is_looked_for_in_a_second_first(small, monkeypatch, glances):
    lengths = []
    forward = Frontend.forward

    def counted(self, wave, *args, **kwargs):
        lengths.extend([wave.shape[1]] * len(wave))
        return forward(self, wave, *args, **kwargs)

    voice = read_audio(read_table(small / "wav.scp")["alicia-0"])[0]
    write_audio(small / "begins.wav", np.concatenate([voice[:32000], np.zeros(64000)]), 16000)
    write_audio(small / "silent.wav", np.zeros(32000), 16000)
    replace_audio(small, "alicia-1", "begins.wav")
    replace_audio(small, "denis-0", "silent.wav")
    monkeypatch.setattr(Frontend, "forward", counted)
    monkeypatch.setattr("pysid.training.embedding.batches.GLANCES", glances)
    corpus = open_corpus(small, None)
    corpus.batches(replace(CHUNKS, max_frames=300), seed=1, in_memory=True)
    assert list(corpus.left_out.reasons) == ["denis-0"]
    assert lengths.count(16000) == 6 and len(lengths) < 12, "of most recordings a second is enough"


def test_a_shell_pipe_of_unknown_length_is_not_left_out(small):
    path = read_table(small / "wav.scp")["alicia-1"]
    replace_audio(small, "alicia-1", f"cat {path} |")
    with pytest.raises(DataError, match=r"^alicia-1: expected the length of a shell pipe in .*utt2dur"):
        open_corpus(small, None, allow_pipes=True)
