"""Training batches: shares of processes, chunks of archives and audio, and what cannot be read."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from pysid.data.corpus import Corpus
from pysid.errors import DataError
from pysid.frontend import VOXCELEB, Frontend
from pysid.io.ark.archive import ArkWriter
from pysid.io.audio.files import read_audio, write_audio
from pysid.io.tables import read_table
from pysid.training.embedding import batches as batches_module
from pysid.training.embedding.augmented import AugmentedBatches
from pysid.training.embedding.batches import ArchiveSource, AudioSource, ChunkBatches, silent_rows
from pysid.training.embedding.chunks import ChunkConfig, ChunkPlan
from pysid.training.trainer import FinishedEpoch

N_FRAMES = np.array([120, 80, 300, 90, 50, 200])
LABELS = np.array([0, 0, 1, 1, 2, 2])
NAMES = [f"u{i}" for i in range(len(LABELS))]
CONFIG = ChunkConfig(min_frames=40, max_frames=60, batch_size=4, chunks_per_epoch=24)


class NumberedSource:
    """Chunks that tell where they are from: (length, 2) of the utterance's number and the frame's."""

    def __init__(self, unreadable=()):
        self.unreadable = unreadable

    def read(self, utterance, start, length):
        if utterance in self.unreadable:
            raise DataError(f"u{utterance}: broken")
        return np.stack([np.full(length, utterance), np.arange(start, start + length)], axis=1).astype(np.float32)

    def to_features(self, inputs, clean=None):
        return inputs


def batches(source=None, config=CONFIG):
    return ChunkBatches(ChunkPlan(N_FRAMES, LABELS, config, seed=3), source or NumberedSource(), NAMES)


@pytest.mark.parametrize("n_processes", [2, 4])
def test_shares_of_processes_interleave_to_the_batch_of_one(n_processes):
    whole = batches().epoch(1)
    shares = [batches().epoch(1, p, n_processes) for p in range(n_processes)]
    assert {len(share) for share in shares} == {len(whole)} == {6}
    for i in range(len(whole)):
        inputs, labels = whole[i]
        assert inputs.shape[0] == 4 and labels.dtype == torch.int64
        parts = [share[i] for share in shares]
        torch.testing.assert_close(torch.stack([x for x, _ in parts], 1).flatten(0, 1), inputs)
        torch.testing.assert_close(torch.stack([y for _, y in parts], 1).flatten(), labels)


def test_processes_must_share_a_batch_evenly():
    with pytest.raises(DataError, match=r"^chunks.batch_size is 4, expected a multiple of 3 processes$"):
        batches().epoch(0, 0, 3)


def test_a_batch_is_what_the_plan_says():
    chunks = batches().plan.epoch(2)
    for i, (inputs, labels) in enumerate(batches().epoch(2)):
        assert inputs.shape == (4, chunks.length[i], 2)
        np.testing.assert_array_equal(inputs[:, 0, 0], chunks.utterance[i])
        np.testing.assert_array_equal(inputs[:, 0, 1], chunks.start[i])
        np.testing.assert_array_equal(labels, LABELS[chunks.utterance[i]])


def test_an_unreadable_chunk_is_replaced_with_its_label_and_said_once(said):
    bad = {1, 2}
    chunks = batches().plan.epoch(0)
    hit = 0
    for i, (inputs, labels) in enumerate(batches(NumberedSource(bad)).epoch(0)):
        planned, found = chunks.utterance[i], inputs[:, 0, 0].numpy().astype(int)
        assert not bad & set(found)
        np.testing.assert_array_equal(labels, LABELS[found])
        np.testing.assert_array_equal(found[~np.isin(planned, list(bad))], planned[~np.isin(planned, list(bad))])
        hit += np.isin(planned, list(bad)).sum()
    assert hit > len(bad)
    assert sorted(said.readouterr().err.splitlines()) == [f"skipping utterance u{i}: broken" for i in sorted(bad)]


def test_a_wholly_unreadable_batch_is_the_error(said):
    data = batches(NumberedSource(range(6)))
    for epoch in (data.epoch(0), FinishedEpoch(data.epoch(0), data.to_features)):
        error, labels = epoch[0]
        assert isinstance(error, DataError) and labels is None


def test_a_finished_epoch_has_features(audio):
    data = ChunkBatches(ChunkPlan(np.array([400, 450, 500]), np.array([0, 1, 1]), CONFIG), audio, ["a", "b", "c"])
    for item, finished in zip(data.epoch(0), FinishedEpoch(data.epoch(0), data.to_features), strict=False):
        assert all(map(torch.equal, data.to_features(*item), finished))


def test_an_epoch_goes_to_a_process_that_is_not_forked(audio):
    data = ChunkBatches(ChunkPlan(np.array([400, 450, 500]), np.array([0, 1, 1]), CONFIG), audio, ["a", "b", "c"])
    inputs, labels = pickle.loads(pickle.dumps(data.epoch(0)))[1]
    assert all(map(torch.equal, (inputs, labels), data.epoch(0)[1]))


def test_a_batch_is_described_by_its_utterances():
    first = batches().plan.epoch(0).utterance[0]
    assert batches().describe(0, 0) == "utterances " + ", ".join(f"u{i}" for i in first)
    many = batches(config=ChunkConfig(min_frames=40, max_frames=60, batch_size=6))
    assert many.describe(0, 0).endswith(" and 2 more")


@pytest.fixture
def archive(tmp_path):
    """Features (T, 3) that count their frames: good ones, one with a NaN, and one cut off."""
    with ArkWriter(tmp_path / "feats") as writer:
        for name, n in (("long", 100), ("short", 7), ("nan", 50), ("cut", 50)):
            matrix = np.repeat(np.arange(n, dtype=np.float32)[:, None], 3, axis=1)
            matrix[-1] = np.nan if name == "nan" else matrix[-1]
            writer.write(name, matrix)
    (tmp_path / "feats.ark").write_bytes((tmp_path / "feats.ark").read_bytes()[:-9])
    return ArchiveSource(list(read_table(tmp_path / "feats.scp").values()), tmp_path, dim=3)


def test_chunks_of_an_archive(archive):
    np.testing.assert_array_equal(archive.read(0, 30, 50), np.arange(30, 80)[:, None] * np.ones(3))
    np.testing.assert_array_equal(archive.read(1, 0, 17)[:, 0], np.arange(17) % 7)
    inputs = torch.zeros(2, 5, 3)
    assert archive.to_features(inputs) is inputs


def test_bad_features_of_an_archive(archive):
    with pytest.raises(DataError, match=r"feats.ark:\d+: expected more than 7 frames, finite ones, got fewer"):
        archive.read(1, 7, 5)
    with pytest.raises(DataError, match=r"feats.ark:\d+: expected more than 45 frames, .* got a NaN or infinity"):
        archive.read(2, 45, 5)
    with pytest.raises(DataError, match=r"feats.ark:\d+: "):
        archive.read(3, 0, 5)
    archive.dim = 4
    with pytest.raises(DataError, match=r"feats.ark:\d+: expected 4 features, got 3"):
        archive.read(0, 0, 5)


@pytest.fixture
def audio(dev):
    corpus = Corpus.read(dev)
    return AudioSource(corpus, ["slt-0", "rms-1", "hugo-2"], Frontend(VOXCELEB))


def test_audio_becomes_features_of_the_right_length(audio):
    for length in (20, 57, 200, 333):
        waves = np.stack([audio.read(u, start, length) for u, start in ((0, 0), (1, 50), (2, 111))])
        assert waves.shape == (3, length * 240)  # half as much again, at 160 samples a frame
        features = audio.to_features(torch.from_numpy(waves))
        assert features.shape == (3, length, 30)
        expected, n_frames = Frontend(VOXCELEB)(torch.from_numpy(waves))
        for row, frames, n in zip(features, expected, n_frames.tolist(), strict=True):
            index = torch.arange(length) % n  # repeated where too few frames are voiced
            torch.testing.assert_close(row, frames[index])
        assert (n_frames >= length).any()


def test_frames_of_augmented_audio_are_those_of_the_clean(audio):
    clean = torch.from_numpy(np.stack([audio.read(u, 30, 120) for u in range(3)]))
    noisy = clean + 3000 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    frontend = Frontend(VOXCELEB)
    everything, n_frames = frontend(noisy, voiced=frontend.voiced(clean))
    features = audio.to_features(noisy, clean)
    for row, frames, n in zip(features, everything, n_frames.tolist(), strict=True):
        torch.testing.assert_close(row, frames[torch.arange(120) % n])
    assert not torch.equal(features, audio.to_features(noisy))
    assert torch.equal(audio.to_features(clean, clean), audio.to_features(clean))


def test_a_piece_of_audio_is_read_where_it_stands(audio, dev):
    wave, _ = read_audio(dev / "audio" / "rms-1.ogg", sample_rate=16000)
    np.testing.assert_array_equal(audio.read(1, 123, 100), wave[123 * 160 : 123 * 160 + 24000])
    short = audio.read(1, 0, 1000)  # 15 s are wanted, and there are about 6: from its beginning again
    np.testing.assert_array_equal(short, np.resize(wave, 240000))


def test_decoded_audio_is_the_same_rounded(audio, with_broken, said):
    before = [audio.read(u, start, 200) for u, start in ((0, 0), (1, 123), (2, 480))]
    audio.decode_all()
    for wave, (u, start) in zip(before, ((0, 0), (1, 123), (2, 480)), strict=True):
        np.testing.assert_array_equal(audio.read(u, start, 200), np.clip(np.rint(wave), -32768, 32767))
    with pytest.raises(DataError, match=r"expected more than 80000000 samples, got \d+"):
        audio.read(0, 500000, 60)
    broken = AudioSource(Corpus.read(with_broken), ["alicia-truncated", "alicia-0"], Frontend(VOXCELEB))
    broken.decode_all()
    assert broken.read(1, 0, 60).any()
    with pytest.raises(DataError, match=r"alicia-truncated: .*cut off"):
        broken.read(0, 0, 60)


def test_pieces_stay_within_their_segment(dev, tmp_path):
    wave, _ = read_audio(dev / "audio" / "slt-0.ogg", sample_rate=16000)
    write_audio(tmp_path / "a.wav", wave, 16000)
    (tmp_path / "wav.scp").write_text("rec a.wav\n")
    (tmp_path / "segments").write_text("one rec 1.0 3.0\ntwo rec 3.0 -1\n")
    (tmp_path / "utt2spk").write_text("one s\ntwo s\n")
    source = AudioSource(Corpus.read(tmp_path), ["two", "one"], Frontend(VOXCELEB))
    wave, _ = read_audio(tmp_path / "a.wav")
    np.testing.assert_array_equal(source.read(1, 50, 100), wave[24000:48000])
    np.testing.assert_array_equal(source.read(1, 100, 100), np.resize(wave[32000:48000], 24000))
    np.testing.assert_array_equal(source.read(0, 0, 100), wave[48000:72000])


def test_silence_and_trouble_with_audio(with_broken):
    names = ["alicia-0", "alicia-silent", "alicia-truncated", "alicia-pipe"]
    source = AudioSource(Corpus.read(with_broken), names, Frontend(VOXCELEB))
    silent = source.read(1, 0, 60)
    features = source.to_features(torch.from_numpy(np.stack([source.read(0, 0, 60), silent])))
    assert features.shape == (2, 60, 30) and bool((features[1] == 0).all()) and bool((features[0] != 0).any())
    assert source.to_features(torch.from_numpy(np.stack([silent, silent]))).shape == (2, 60, 30)
    for utterance, message in ((2, "alicia-truncated: .*cut off"), (3, "alicia-pipe: .*allow-pipes")):
        with pytest.raises(DataError, match=message):
            source.read(utterance, 0, 60)
    with pytest.raises(DataError, match=r"alicia-0: .*expected a piece of its"):
        source.read(0, 5000, 60)


def with_silence(small, said, by_utterance=False):
    """Batches of four chunks, of which those of alicia-1 have no speech."""
    said.readouterr()
    write_audio(small / "silent.wav", np.zeros(80000), 16000)
    (small / "wav.scp").write_text(
        "\n".join(
            f"{name} {small / 'silent.wav' if name == 'alicia-1' else path}"
            for name, path in read_table(small / "wav.scp").items()
        )
    )
    corpus = Corpus.read(small)
    source = AudioSource(corpus, corpus.ids, Frontend(VOXCELEB))
    plan = ChunkPlan(np.full(6, 300), np.array([0, 0, 0, 1, 1, 1]), CONFIG, seed=1)
    return ChunkBatches(plan, source, corpus.ids, by_utterance)


@pytest.mark.parametrize("augmented", [False, True])
@pytest.mark.parametrize("by_utterance", [False, True])
def test_a_chunk_without_speech_gives_way_to_the_next_of_its_batch(small, said, by_utterance, augmented):
    data = with_silence(small, said, by_utterance)
    wrapped = AugmentedBatches(data, 2) if augmented else data
    replaced = 0
    for i, (inputs, labels) in enumerate(wrapped.epoch(0)):
        features, classes = wrapped.to_features(inputs, labels)
        before = data.source.to_features(inputs.chunks if augmented else inputs)
        silent = data.plan.epoch(0).utterance[i] == 1
        assert torch.equal(silent_rows(before), torch.from_numpy(silent))
        for row in range(4):
            follows = next(k % 4 for k in range(row, row + 4) if not silent[k % 4])
            assert torch.equal(features[row], before[follows]) and classes[row] == labels[follows]
        replaced += silent.sum()
    assert replaced > 1
    (line,) = said.readouterr().err.splitlines()
    name = "alicia-1" if by_utterance else "alicia-0"
    assert f"leaving out chunks without speech, here 1 of 4 in a batch, the first of the speaker of {name};" in line


def test_a_batch_without_speech_is_an_error(small, said):
    data = with_silence(small, said)
    silent = torch.zeros(4, 14400)
    message = r"small: expected speech in the chunks of a batch, got none in any of 4, of the speaker of denis-0"
    with pytest.raises(DataError, match=message):
        data.to_features(silent, torch.ones(4, dtype=torch.int64))
    error, labels = FinishedEpoch([(silent, torch.ones(4, dtype=torch.int64))], data.to_features)[0]
    assert isinstance(error, DataError) and labels is None


def test_decoded_utterances_that_teach_nothing(with_broken):
    corpus = Corpus.read(with_broken)
    names = ["alicia-0", "alicia-silent", "alicia-truncated", "alicia-too-short", "denis-0", "alicia-late"]
    (with_broken / "wav.scp").write_text((with_broken / "wav.scp").read_text() + "alicia-late late.wav\n")
    (with_broken / "utt2spk").write_text((with_broken / "utt2spk").read_text() + "alicia-late alicia\n")
    speech = corpus.read_wave(corpus["denis-0"])
    write_audio(with_broken / "late.wav", np.r_[np.zeros(160000), speech], 16000)  # after 10 s
    source = AudioSource(Corpus.read(with_broken), names, Frontend(VOXCELEB))
    source.decode_all()
    unreadable, silent = source.useless(60)
    assert list(unreadable) == [2] and "cut off" in unreadable[2] and silent == [1, 3]
    kept = source.part(np.array([0, 4, 5]))
    assert list(kept.utterances) == ["alicia-0", "denis-0", "alicia-late"]
    for number, old in enumerate((0, 4, 5)):
        np.testing.assert_array_equal(
            kept.read(number, 1000 if old == 5 else 20, 60), source.read(old, 1000 if old == 5 else 20, 60)
        )


def test_an_epoch_ends_where_more_than_a_quarter_cannot_be_read(said):
    plan = ChunkPlan(np.full(100, 80), np.arange(100) % 2, replace(CONFIG, batch_size=20, chunks_per_epoch=200), seed=3)
    names = [f"u{i}" for i in range(100)]
    few, many = (ChunkBatches(plan, NumberedSource(range(n)), names).epoch(0) for n in (10, 50))
    assert all(labels is not None for _, labels in few)
    items = list(many)
    assert [labels is None for _, labels in items] == [False] * 4 + [True] * 6
    assert str(items[4][0]).startswith(
        "chunks of the training data: expected to read at least 75% of the recordings, but "
    )
    assert "of 100 cannot be read; the first is u" in str(items[4][0])


def test_features_do_not_depend_on_the_reading_process(dev, small):
    """A loader's worker reads what the training itself would read."""
    corpus = Corpus.read(small)
    durations = corpus.durations()
    names = list(durations)
    n_frames = np.array([round(100 * durations[name]) for name in names])
    plan = ChunkPlan(n_frames, np.array([0, 0, 0, 1, 1, 1]), ChunkConfig(60, 80, batch_size=4, chunks_per_epoch=8))
    data = ChunkBatches(plan, AudioSource(corpus, names, Frontend(VOXCELEB)), names)
    loader = torch.utils.data.DataLoader(data.epoch(0), batch_size=None, num_workers=1)
    for (inputs, labels), (expected, expected_labels) in zip(loader, data.epoch(0), strict=True):
        torch.testing.assert_close(inputs, expected)
        torch.testing.assert_close(labels, expected_labels)
        features, classes = data.to_features(inputs, labels)
        assert len(features) == 4 and classes is labels


def test_chunks_without_speech_are_said_once_by_all_processes_that_read(small, said, tmp_path, monkeypatch):
    def note(message, level):
        with open(tmp_path / "told", "a") as file:
            print(message, file=file)

    monkeypatch.setattr(batches_module, "say", note)
    data = with_silence(small, said)
    for epoch in range(2):
        finished = FinishedEpoch(data.epoch(epoch), data.to_features)
        list(DataLoader(finished, batch_size=None, sampler=range(6), num_workers=2))
    assert (tmp_path / "told").read_text().count("leaving out chunks without speech") in (1, 2), "two may at once"
