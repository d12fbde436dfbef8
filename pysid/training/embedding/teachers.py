"""The teachers of a distillation: models that pysid runs, or archives of what they said."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from pysid.augment import SpeedConfig, change_speed, speed_name
from pysid.data.sources import CorpusAudio
from pysid.errors import DataError
from pysid.io.ark.archive import read_vectors
from pysid.model.speaker_model import SpeakerModel
from pysid.progress import say
from pysid.runs.embed import embed_to_file
from pysid.runs.inputs import SourceInputs
from pysid.training.embedding.batches import AudioSource, ChunkBatches, ChunkSource
from pysid.training.embedding.corpus import speed_order
from pysid.training.embedding.distillation import Lessons, distillation_targets, speaker_classes


@dataclass(frozen=True, kw_only=True)
class TeacherConfig:
    """A teacher: an entry of `teachers` of `pysid train`.

    Attributes:
        model: a model directory or an `.onnx` file, which embeds the training data before the training begins, into
            `out`; a run that was stopped is resumed.
        embeddings: instead of it, what `pysid embed` wrote, as .npz, .ark or .scp. Keys are the ids of the utterances;
            of those at other speeds, as `speed_name` names them: sp0.9-ID.
        whitening: in part, of its embeddings; see `distillation_targets`.
        weight: of its losses, relative to those of the other teachers.
    """

    model: str | None = None
    embeddings: str | None = None
    whitening: float = 0.5
    weight: float = 1.0

    def __post_init__(self) -> None:
        if (self.model is None) == (self.embeddings is None):
            raise ValueError("a teacher is either a `model` or `embeddings`")
        if not 0 <= self.whitening <= 1:
            raise ValueError(f"whitening must lie in [0, 1], got {self.whitening}")
        if not 0 < self.weight < float("inf"):
            raise ValueError(f"the weight of a teacher must be above 0, got {self.weight}")


@dataclass(frozen=True)
class AudioAtSpeeds:
    """Waveforms (S,) of a corpus at several speeds, each an utterance of its own by its `speed_name`.

    Attributes:
        audio: the corpus.
        names: utterances of it and factors of speed, by the name they have here.
    """

    audio: CorpusAudio
    names: dict[str, tuple[str, float]]
    are_features = False

    @property
    def keys(self) -> Sequence[str]:
        """Names of the utterances at their speeds."""
        return list(self.names)

    def read(self, key: str) -> np.ndarray:
        """The waveform (S,) at its speed, float32 at int16 scale."""
        utterance, factor = self.names[key]
        wave = self.audio.read(utterance)
        return wave if factor == 1 else change_speed(torch.from_numpy(wave)[None], factor=factor)[0][0].numpy()

    def part(self, keys: Iterable[str]) -> "AudioAtSpeeds":
        """The same for some names alone."""
        return replace(self, names={key: self.names[key] for key in keys})

    def entry(self, key: str) -> str:
        """What an utterance is made of, with its speed, as text that changes when its file does."""
        utterance, factor = self.names[key]
        return f"{self.audio.entry(utterance)} {factor}"

    def absolute(self) -> "AudioAtSpeeds":
        """The same with absolute paths, for workers that have another current folder."""
        return replace(self, audio=self.audio.absolute())


def lesson_classes(
    batches: ChunkBatches, speakers: Sequence[str], speed: SpeedConfig | None
) -> tuple[np.ndarray, list[str]]:
    """(N,) class of each utterance of `batches` at each speed, as of `speaker_classes`, and the names of the classes.

    Args:
        batches: of audio or features.
        speakers: classes of `batches.plan`.
        speed: None for the utterances' own alone.
    """
    own = [speakers[label] for label in batches.plan.labels.tolist()]
    return speaker_classes([speed_name(speaker, factor) for factor in speed_order(speed) for speaker in own])


def read_lessons(
    teachers: Sequence[TeacherConfig],
    batches: ChunkBatches,
    speakers: Sequence[str],
    speed: SpeedConfig | None,
    out: Path,
    allow_pipes: bool = False,
) -> Lessons:
    """What the teachers say of the utterances of `batches`, at each speed; models among them are run first.

    Args:
        speakers: classes of `batches.plan`.
        out: the training's folder, for what models say.
        allow_pipes: whether entries of wav.scp, and sources of embeddings, that are shell pipes may run.
    Raises:
        DataError: as `embed_by_teacher` and `read_targets`.
    """
    utterances = [(key, factor) for factor in speed_order(speed) for key in batches.names]
    keys = [speed_name(key, factor) for key, factor in utterances]
    targets = []
    for i, teacher in enumerate(teachers, 1):
        path = teacher.embeddings
        if teacher.model is not None:
            path = str(out / f"teacher-{i}.ark")
            embed_by_teacher(teacher.model, batches.source, dict(zip(keys, utterances, strict=True)), Path(path))
        assert path is not None
        targets.append(distillation_targets(read_embeddings(path, keys, allow_pipes), teacher.whitening))
    classes, names = lesson_classes(batches, speakers, speed)
    return Lessons(targets, [teacher.weight for teacher in teachers], classes, names)


def embed_by_teacher(model_path: str, source: ChunkSource, names: dict[str, tuple[str, float]], out: Path) -> None:
    """Writes the embeddings that a model gives utterances at their speeds, by name; nothing if `out` exists already.

    Args:
        model_path: directory or name of the teacher.
        source: of the training; it must be audio.
        names: {name: (utterance, factor of speed)}.
        out: the archive.
    Raises:
        DataError: the model cannot be opened, or wants another sample rate; there is no audio for it; or several
            processes would do the same.
    """
    if out.exists():
        return
    model = SpeakerModel.load(model_path)
    if not isinstance(source, AudioSource):
        raise DataError(f"{model_path}: a teacher that is a model needs audio to train from; give its `embeddings`")
    if model.config.sample_rate != source.sample_rate:
        raise DataError(f"{model_path}: expected a teacher for {source.sample_rate} Hz, got {model.config.sample_rate}")
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise DataError(f"{model_path}: a training by several processes needs a teacher's `embeddings`: pysid embed")
    out.parent.mkdir(parents=True, exist_ok=True)
    audio = CorpusAudio(source.corpus, source.sample_rate, source.allow_pipes)
    n, skipped = embed_to_file(model, SourceInputs(AudioAtSpeeds(audio, names)), out)
    say(f"{out}: {n} embeddings by {model_path}; {skipped.brief()}")


def read_embeddings(path: str, keys: Sequence[str], allow_pipes: bool = False) -> np.ndarray:
    """(N, D) embeddings of the utterances `keys`, in their order, from an archive that may hold others, too.

    Args:
        path: of the archive, or a specifier of Kaldi's.
        keys: which.
        allow_pipes: run a specifier that is a shell command.
    Raises:
        DataError: an utterance has none, or they differ in width, or are not finite.
    """
    place = {key: i for i, key in enumerate(keys)}
    table = np.zeros((len(keys), 0), np.float32)
    seen = np.zeros(len(keys), bool)
    for key, vector in read_vectors(path, allow_pipes=allow_pipes):
        row = place.get(key)
        if row is None:
            continue
        if not seen.any():
            table = np.zeros((len(keys), len(vector)), np.float32)
        if vector.shape != table.shape[1:] or not np.isfinite(vector).all():
            raise DataError(f"{path}: {key}: expected {table.shape[1]} finite numbers, got {vector.shape} or a NaN")
        table[row], seen[row] = vector, True
    if not seen.all():
        missing = np.flatnonzero(~seen)
        raise DataError(
            f"{path}: {len(missing)} of {len(keys)} utterances to train on have no embedding; the first is "
            f"{keys[missing[0]]!r}"
        )
    return table
