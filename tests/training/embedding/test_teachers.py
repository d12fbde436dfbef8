"""What teachers said of the training data: from archives, or from models that pysid runs, at every speed."""

from dataclasses import replace

import numpy as np
import pytest

from pysid.augment import SpeedConfig, change_speed
from pysid.data.corpus import Corpus
from pysid.errors import DataError
from pysid.frontend import VOXCELEB, Frontend
from pysid.io.ark.archive import read_vectors
from pysid.io.ark.npz import write_npz
from pysid.io.ark.writer import ArkWriter
from pysid.io.audio.samples import Int16Scale
from pysid.model.speaker_model import SpeakerModel
from pysid.training.embedding.batches import ArchiveSource, AudioSource, ChunkBatches
from pysid.training.embedding.chunks import ChunkConfig, ChunkPlan
from pysid.training.embedding.distillation import UNLABELLED
from pysid.training.embedding.teachers import TeacherConfig, read_embeddings, read_lessons


@pytest.fixture
def batches(small):
    """Chunks of a corpus of a few utterances, and its speakers."""
    corpus = Corpus.read(small)
    speakers = sorted(set(corpus.speaker_of_each()))
    labels = [speakers.index(speaker) for speaker in corpus.speaker_of_each()]
    plan = ChunkPlan(np.full(len(corpus.ids), 100), np.array(labels), ChunkConfig(50, 50, batch_size=2))
    return ChunkBatches(plan, AudioSource(corpus, corpus.ids, Frontend(VOXCELEB)), corpus.ids), speakers


def test_a_model_is_asked_at_every_speed(batches, onnx_file, tmp_path, said):
    chunks, speakers = batches
    teacher = TeacherConfig(model=str(onnx_file), whitening=0.0)
    lessons = read_lessons([teacher], chunks, speakers, SpeedConfig(factors=(0.9, 1.0)), tmp_path)
    n = len(chunks.names)
    heard = dict(read_vectors(tmp_path / "teacher-1.ark"))
    assert list(heard) == [*chunks.names, *(f"sp0.9-{name}" for name in chunks.names)]
    assert f"teacher-1.ark: {2 * n} embeddings by {onnx_file}" in said.readouterr().err
    model, source = SpeakerModel.load(onnx_file), chunks.source
    import torch

    wave = source.corpus.read_wave(source.corpus[chunks.names[1]], 16000)
    slow = change_speed(torch.from_numpy(wave)[None], factor=0.9)[0][0].numpy()
    np.testing.assert_allclose(heard[chunks.names[1]], model.embed(Int16Scale(wave)), rtol=1e-5)
    np.testing.assert_allclose(heard[f"sp0.9-{chunks.names[1]}"], model.embed(Int16Scale(slow)), rtol=1e-5)
    table = np.stack(list(heard.values()))
    centred = table - table.mean(0)
    expected = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    np.testing.assert_allclose(lessons.targets[0], expected, atol=1e-5)
    known = lessons.speakers[lessons.speakers != UNLABELLED]
    assert (lessons.speakers[:n] != lessons.speakers[n:])[lessons.speakers[:n] != UNLABELLED].all()
    assert sorted(set(known.tolist())) == list(range(len(lessons.names)))


def test_a_model_is_not_asked_twice(batches, onnx_file, tmp_path):
    chunks, speakers = batches
    first = read_lessons([TeacherConfig(model=str(onnx_file))], chunks, speakers, None, tmp_path)
    again = read_lessons([TeacherConfig(model=str(tmp_path / "gone"))], chunks, speakers, None, tmp_path)
    np.testing.assert_array_equal(again.targets[0], first.targets[0])
    archive = TeacherConfig(embeddings=str(tmp_path / "teacher-1.ark"))
    np.testing.assert_array_equal(
        read_lessons([archive], chunks, speakers, None, tmp_path).targets[0], first.targets[0]
    )


@pytest.mark.parametrize("ending", [".npz", ".ark", ".scp"])
def test_archives_may_hold_more_and_in_another_order(ending, tmp_path):
    said = {name: np.full(3, i, np.float32) for i, name in enumerate("dcba")}
    if ending == ".npz":
        write_npz(tmp_path / "t.npz", said.items())
    else:
        with ArkWriter(tmp_path / "t") as writer:
            for item in said.items():
                writer.write(*item)
    found = read_embeddings(str(tmp_path / f"t{ending}"), ["a", "c"])
    np.testing.assert_array_equal(found, [[3, 3, 3], [1, 1, 1]])


def test_what_a_teacher_left_out_is_told(tmp_path):
    write_npz(tmp_path / "t.npz", {"a": np.ones(3, np.float32)}.items())
    with pytest.raises(DataError, match=r"t.npz: 2 of 3 utterances to train on have no embedding; the first is 'b'"):
        read_embeddings(str(tmp_path / "t.npz"), ["a", "b", "c"])
    with ArkWriter(tmp_path / "odd") as writer:
        writer.write("a", np.ones(3, np.float32))
        writer.write("b", np.ones(4, np.float32))
    with pytest.raises(DataError, match=r"odd.ark: b: expected 3 finite numbers, got \(4,\) or a NaN"):
        read_embeddings(str(tmp_path / "odd.ark"), ["a", "b"])


def test_models_that_cannot_be_asked(batches, onnx_file, tmp_path, monkeypatch):
    chunks, speakers = batches
    stored = replace(chunks, source=ArchiveSource([], tmp_path))
    teacher = [TeacherConfig(model=str(onnx_file))]
    with pytest.raises(DataError, match="a teacher that is a model needs audio to train from; give its `embeddings`"):
        read_lessons(teacher, stored, speakers, None, tmp_path)
    chunks.source.sample_rate = 8000
    with pytest.raises(DataError, match="expected a teacher for 8000 Hz, got 16000"):
        read_lessons(teacher, chunks, speakers, None, tmp_path)
    chunks.source.sample_rate = 16000
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(DataError, match="a training by several processes needs a teacher's `embeddings`"):
        read_lessons(teacher, chunks, speakers, None, tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "either a `model` or `embeddings`"),
        ({"model": "a", "embeddings": "b"}, "either a `model` or `embeddings`"),
        ({"model": "a", "whitening": 1.5}, r"whitening must lie in \[0, 1\], got 1.5"),
        ({"model": "a", "weight": 0.0}, "the weight of a teacher must be above 0"),
    ],
)
def test_settings_that_mean_nothing(options, message):
    with pytest.raises(ValueError, match=message):
        TeacherConfig(**options)
