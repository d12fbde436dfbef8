"""Batches that are augmented as they are read: functions of seed, epoch and batch, whoever reads them."""

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from pysid.augment import (
    AugmentConfig,
    Augmenter,
    Corruption,
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
)
from pysid.data.augmented import AugmentedBatches, AugmentedInputs, _at_speeds
from pysid.data.batches import AudioSource, ChunkBatches
from pysid.data.chunks import ChunkConfig, ChunkPlan
from pysid.data.corpus import Corpus
from pysid.errors import DataError
from pysid.frontend import VOXCELEB, Frontend

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
    kinds = [[c.kind for inputs, _ in everything.epoch(epoch) for c in inputs.corruptions] for epoch in (0, 1)]
    assert kinds[0] != kinds[1]


def test_a_reading_process_draws_the_same(everything):
    loader = DataLoader(everything.epoch(0), batch_size=None, num_workers=1)
    for item, expected in zip(loader, everything.epoch(0), strict=True):
        assert isinstance(item[0], AugmentedInputs) and any(c.kind != "clean" for c in item[0].corruptions)
        assert all(map(torch.equal, finish(everything, item), finish(everything, expected)))


def test_processes_draw_for_their_own_chunks(everything):
    shares = [everything.epoch(0, process, 2)[0] for process in (0, 1)]
    whole, _ = everything.epoch(0)[0]
    assert torch.equal(torch.stack([x.chunks for x, _ in shares], 1).flatten(0, 1), whole.chunks)
    assert shares[0][0].key != shares[1][0].key


def test_corrupted_chunks_keep_the_frames_of_the_clean_ones(clean, augmenter):
    batches = AugmentedBatches(clean, 2, augmenter=augmenter)
    inputs, labels = batches.epoch(0)[0]
    features, classes = batches.to_features(inputs, labels)
    corruptions = inputs.unpack()
    kinds = [c.kind for c in corruptions]
    assert len(set(kinds)) > 2 and "clean" in kinds
    wave = augmenter.render(inputs.chunks, None, corruptions)
    assert torch.equal(features, clean.source.to_features(wave, inputs.chunks))
    untouched = clean.source.to_features(inputs.chunks)
    for kind, row, before in zip(kinds, features, untouched, strict=True):
        assert torch.allclose(row, before, atol=1e-4) == (kind == "clean")
    assert classes is labels and torch.equal(inputs.chunks, clean.epoch(0)[0][0])


def test_packing_loses_nothing():
    noises = [None, np.arange(4, dtype=np.float32), None, np.ones(4, np.float32)]
    corruptions = [Corruption("x", response=np.ones(k + 1), noise=noise) for k, noise in enumerate(noises)]
    packed = AugmentedInputs.pack(torch.zeros(4, 4), (1, 2, 0, 3), corruptions)
    assert packed.noises.shape == (2, 4)
    for found, expected in zip(packed.unpack(), corruptions, strict=True):
        assert found.kind == expected.kind and found.response is expected.response
        np.testing.assert_array_equal(found.noise, expected.noise)
    bare = AugmentedInputs.pack(torch.zeros(1, 4), (1, 2, 0, 3), [])
    assert bare.unpack() == [] and bare.noises is None


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
        wave, _ = _at_speeds(SpeedPerturb(SpeedConfig(factors=(factor,))), tone, np.random.default_rng(0))
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


def test_a_recording_that_cannot_be_read_leaves_speech_clean(clean, tmp_path, capsys):
    (tmp_path / "a.wav").write_text("no audio")
    bank = FileBank({"a": tmp_path / "a.wav"}, RATE)
    augmenter = Augmenter(AugmentConfig(probability=1.0, policies=(MusicAugment(),)), music=bank)
    batches = AugmentedBatches(clean, 2, augmenter=augmenter)
    data = batches.epoch(0)
    for i in range(2):
        inputs, _ = data[i]
        assert [c.kind for c in inputs.corruptions] == ["clean"] * 8
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and lines[0].startswith(f"augmenting without {tmp_path}/a.wav: expected an audio file")


def test_a_batch_that_cannot_be_read_stays_an_error(clean, augmenter, monkeypatch, capsys):
    def fail(*_):
        raise DataError("broken")

    monkeypatch.setattr(clean.source, "read", fail)
    error, labels = AugmentedBatches(clean, 2, augmenter=augmenter).epoch(0)[0]
    assert str(error) == "broken" and labels is None
    assert "skipping utterance" in capsys.readouterr().err
