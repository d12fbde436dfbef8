"""Batches that are augmented as they are read: functions of seed, epoch and batch, whoever reads them."""

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from pysid.augment import (
    AugmentConfig,
    Augmenter,
    Corruption,
    CorruptionBatch,
    FileBank,
    MemoryBank,
    MusicAugment,
    NoiseAugment,
    ResponseSet,
    ReverbAugment,
    SpecAugment,
    SpecAugmentConfig,
    SpeedConfig,
    SpeedPerturb,
    Telephone,
    TelephoneConfig,
)
from pysid.data.corpus import Corpus
from pysid.errors import DataError
from pysid.frontend import VOXCELEB, Frontend
from pysid.training.embedding.augmented import AugmentedBatches, AugmentedInputs, _at_speeds
from pysid.training.embedding.batches import AudioSource, ChunkBatches
from pysid.training.embedding.chunks import ChunkConfig, ChunkPlan

RATE = 16000


@pytest.fixture
def augmenter():
    rng = np.random.default_rng(0)
    noises = MemoryBank([300 * rng.standard_normal(n) for n in (4000, 9000)], RATE)
    music = MemoryBank([1000 * np.sin(np.arange(20000) / 7)], RATE)
    rooms = ResponseSet.of_waves([np.r_[30000, 5000 * rng.standard_normal(800) * 0.99 ** np.arange(800)]], RATE)
    policies = (ReverbAugment(), NoiseAugment(), MusicAugment())
    config = AugmentConfig(probability=0.6, policies=policies)
    return Augmenter(config, RATE, noises=noises, music=music, responses=rooms)


@pytest.fixture
def clean(small):
    corpus = Corpus.read(small)
    names = list(corpus.durations())
    n_frames = np.array([round(100 * seconds) for seconds in corpus.durations().values()])
    config = ChunkConfig(60, 80, batch_size=8, chunks_per_epoch=24)
    plan = ChunkPlan(n_frames, np.array([0, 0, 0, 1, 1, 1]), config, seed=7)
    return ChunkBatches(plan, AudioSource(corpus, names, Frontend(VOXCELEB)), names)


@pytest.fixture
def everything(clean, augmenter):
    return AugmentedBatches(clean, 2, augmenter=augmenter, speed=SpeedPerturb(), masks=SpecAugment())


def finish(batches, item):
    return batches.to_features(*item)


def test_a_batch_is_a_function_of_its_number(everything):
    whole = [finish(everything, item) for item in everything.epoch(1)]
    assert len(whole) == everything.n_batches == 3
    later = finish(everything, everything.epoch(1)[2])  # without what came before it
    assert all(map(torch.equal, whole[2], later))
    kinds = [[inputs.corruptions.kinds for inputs, _ in everything.epoch(epoch)] for epoch in (0, 1)]
    assert kinds[0] != kinds[1]


def test_a_reading_process_draws_the_same(everything):
    loader = DataLoader(everything.epoch(0), batch_size=None, num_workers=1)
    for item, expected in zip(loader, everything.epoch(0), strict=True):
        assert isinstance(item[0], AugmentedInputs) and set(item[0].corruptions.kinds) > {"clean"}
        assert all(map(torch.equal, finish(everything, item), finish(everything, expected)))


def test_the_vad_looks_at_the_clean_or_at_the_augmented_chunk(clean, augmenter):
    by_clean = AugmentedBatches(clean, 2, augmenter=augmenter)
    by_augmented = AugmentedBatches(clean, 2, augmenter=augmenter, clean_vad=False)
    inputs, labels = by_clean.epoch(0)[0]
    heard = augmenter.render(inputs.chunks, None, inputs.corruptions)
    first, second = (batches.to_features(inputs, labels)[0] for batches in (by_clean, by_augmented))
    assert torch.equal(first, clean.source.to_features(heard, clean=inputs.chunks))
    assert torch.equal(second, clean.source.to_features(heard))
    assert not torch.equal(first, second)


def test_telephones_alone(clean):
    telephone = Telephone(TelephoneConfig(probability=1.0))
    batches = AugmentedBatches(clean, 2, telephone=telephone, clean_vad=False)
    inputs, labels = batches.epoch(0)[0]
    draws = telephone.draw(8, np.random.default_rng([*inputs.key, 2]))
    heard = telephone.apply_drawn(inputs.chunks, None, draws)
    assert torch.equal(batches.to_features(inputs, labels)[0], clean.source.to_features(heard))
    shares = [batches.to_features(*batches.epoch(0, p, 2)[0])[0] for p in (0, 1)]
    # Nothing is above 4 kHz, and the logarithm of nearly nothing depends on the rounding.
    together = batches.to_features(inputs, labels)[0]
    torch.testing.assert_close(torch.stack(shares, 1).flatten(0, 1), together, atol=0.1, rtol=0.01)
    by_clean = AugmentedBatches(clean, 2, telephone=telephone).to_features(inputs, labels)[0]
    assert torch.equal(by_clean, clean.source.to_features(heard, clean=inputs.chunks))


@pytest.mark.parametrize("n_processes", [2, 4])
def test_processes_share_the_batch_of_one(everything, n_processes):
    """Chunks, noises, rooms, speeds and masks are those that one process would have drawn for the same places."""
    for i in range(everything.n_batches):
        inputs, labels = everything.epoch(1)[i]
        features, classes = finish(everything, (inputs, labels))
        shares = [everything.epoch(1, p, n_processes)[i] for p in range(n_processes)]
        drawn = [x.corruptions.kinds for x, _ in shares]
        assert [kind for row in zip(*drawn, strict=True) for kind in row] == inputs.corruptions.kinds
        parts = [finish(everything, share) for share in shares]
        torch.testing.assert_close(torch.stack([x for x, _ in parts], 1).flatten(0, 1), features, atol=1e-3, rtol=1e-4)
        assert torch.equal(torch.stack([y for _, y in parts], 1).flatten(), classes)


def test_corrupted_chunks_keep_the_frames_of_the_clean_ones(clean, augmenter):
    batches = AugmentedBatches(clean, 2, augmenter=augmenter)
    inputs, labels = batches.epoch(0)[0]
    features, classes = batches.to_features(inputs, labels)
    kinds = inputs.corruptions.kinds
    assert len(set(kinds)) > 2 and "clean" in kinds
    wave = augmenter.render(inputs.chunks, None, inputs.corruptions)
    assert torch.equal(features, clean.source.to_features(wave, inputs.chunks))
    untouched = clean.source.to_features(inputs.chunks)
    for kind, row, before in zip(kinds, features, untouched, strict=True):
        assert torch.allclose(row, before, atol=1e-4) == (kind == "clean")
    assert classes is labels and torch.equal(inputs.chunks, clean.epoch(0)[0][0])


def test_stacking_loses_nothing():
    room, noise = np.arange(1, 4, dtype=np.float32), np.arange(5, dtype=np.float32)
    drawn = [Corruption("r", room[:2]), Corruption(), Corruption("n", noise=noise[:3]), Corruption("b", room, noise)]
    batch = CorruptionBatch.stack(drawn)
    assert batch.kinds == ["r", "clean", "n", "b"]
    in_room, in_noise = batch.to(torch.device("cpu")).groups
    assert in_room.rows == [0, 3] and in_room.response_lengths == [2, 3] and in_noise.rows == [2]
    assert in_room.response.tolist() == [[1, 2, 0], [1, 2, 3]]
    assert in_room.noise.tolist() == [[0] * 5, [0, 1, 2, 3, 4]]
    assert in_noise.response is None and in_noise.noise.tolist() == [[0, 1, 2]]
    assert CorruptionBatch.stack([Corruption()] * 3).groups == []


def test_speeds_are_speakers_of_their_own(clean):
    batches = AugmentedBatches(clean, 2, speed=SpeedPerturb(SpeedConfig(factors=(0.8, 1.0, 1.25))))
    seen = set()
    for inputs, labels in batches.epoch(0):
        features, classes = batches.to_features(inputs, labels)
        assert torch.equal(classes % 2, labels)
        own = classes < 2
        assert torch.allclose(features[own], clean.source.to_features(inputs.chunks)[own], atol=1e-4)
        assert features.shape == clean.source.to_features(inputs.chunks).shape
        seen |= set(classes.tolist())
    assert seen == set(range(6))


def test_a_slower_voice_is_lower():
    """A tone at half the speed has half the frequency, and fills the whole chunk either way."""
    tone = 1000 * torch.sin(2 * torch.pi * 400 * torch.arange(16000) / RATE)[None]
    for factor, hz in ((0.5, 200), (2.0, 800)):
        wave, _ = _at_speeds(SpeedPerturb(SpeedConfig(factors=(factor,))), tone, np.zeros(1, int))
        assert wave.shape == tone.shape and wave[0, -500:].abs().max() > 900
        assert torch.fft.rfft(wave[0]).abs().argmax() == pytest.approx(hz, abs=2)


def test_masks_on_features(clean):
    masks = SpecAugment(SpecAugmentConfig(n_time_masks=1, n_band_masks=1, max_bands=10, max_time_share=0.5))
    batches = AugmentedBatches(clean, 2, masks=masks)
    hidden = []
    for inputs, labels in batches.epoch(0):
        features, _ = batches.to_features(inputs, labels)
        before = clean.source.to_features(inputs.chunks)
        assert torch.equal(features[features != 0], before[features != 0])
        hidden.append((features == 0).float().mean(dim=(1, 2)))
    assert torch.cat(hidden).unique().numel() > 10


def test_a_recording_that_cannot_be_read_leaves_speech_clean(clean, tmp_path, said):
    (tmp_path / "a.wav").write_text("no audio")
    bank = FileBank({"a": tmp_path / "a.wav"}, RATE)
    augmenter = Augmenter(AugmentConfig(probability=1.0, policies=(MusicAugment(),)), music=bank)
    batches = AugmentedBatches(clean, 2, augmenter=augmenter)
    data = batches.epoch(0)
    for i in range(2):
        inputs, _ = data[i]
        assert inputs.corruptions.kinds == ["clean"] * 8
    lines = said.readouterr().err.splitlines()
    assert len(lines) == 1 and lines[0].startswith(f"augmenting without {tmp_path}/a.wav: expected an audio file")


def test_a_batch_that_cannot_be_read_stays_an_error(clean, augmenter, monkeypatch, said):
    def fail(*_):
        raise DataError("broken")

    monkeypatch.setattr(clean.source, "read", fail)
    error, labels = AugmentedBatches(clean, 2, augmenter=augmenter).epoch(0)[0]
    assert str(error) == "broken" and labels is None
    assert "skipping utterance" in said.readouterr().err
