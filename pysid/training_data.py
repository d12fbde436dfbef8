"""What a training reads: its corpus, as feature archives or as audio, and a development set."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pysid.augment import SpecAugment, SpecAugmentConfig, SpeedConfig, SpeedPerturb, speed_name
from pysid.augmentation import AugmentSettings, open_augmenter
from pysid.backend.chain import CosineBackend
from pysid.data.augmented import AugmentedBatches
from pysid.data.batches import ArchiveSource, AudioSource, ChunkBatches, ChunkSource
from pysid.data.chunks import ChunkConfig, ChunkPlan, select_utterances
from pysid.data.corpus import Corpus
from pysid.errors import DataError
from pysid.features import FRONTEND_FILE, read_frontend, read_wave_features
from pysid.frontend import VOXCELEB, Frontend, FrontendConfig
from pysid.io.ark import load_matrix
from pysid.io.tables import Trial, read_num_frames, read_table, read_trials, read_utt2spk
from pysid.io.trial_scores import split_scores
from pysid.metrics.detection import equal_error_rate
from pysid.model import SpeakerModel
from pysid.progress import track
from pysid.scoring import enrol, score_trials


@dataclass(frozen=True)
class TrainingCorpus:
    """The utterances of a data directory that could be trained on.

    Attributes:
        frontend: what their features are, or will be.
        n_frames: {utterance: frames}.
        speakers: {utterance: speaker}.
        source: reads chunks of some of the utterances.
    """

    frontend: FrontendConfig
    n_frames: Mapping[str, int]
    speakers: Mapping[str, str]
    source: Callable[[Sequence[str]], ChunkSource]

    def batches(self, config: ChunkConfig, seed: int) -> tuple[ChunkBatches, list[str]]:
        """Batches of chunks of the utterances that `config` selects, and the speakers in the order of their classes."""
        names = list(self.n_frames)
        n_frames = np.array([self.n_frames[name] for name in names])
        indices, speakers = select_utterances(n_frames, [self.speakers[name] for name in names], config)
        names = [names[i] for i in indices]
        label = {speaker: i for i, speaker in enumerate(speakers)}
        labels = np.array([label[self.speakers[name]] for name in names])
        plan = ChunkPlan(n_frames[indices], labels, config, seed)
        return ChunkBatches(plan, self.source(names), names), speakers


def open_corpus(directory: Path, frontend: FrontendConfig | None, allow_pipes: bool = False) -> TrainingCorpus:
    """A data directory with feats.scp as `pysid features` writes it, or with audio.

    Args:
        frontend: for audio; features bring their own, which must not differ. None takes Kaldi's voxceleb/v2.
    Raises:
        DataError: a table is missing or malformed, or the front-ends differ.
    """
    speakers = read_utt2spk(directory / "utt2spk")
    if not (directory / "feats.scp").exists():
        return _audio(directory, speakers, frontend or VOXCELEB, allow_pipes)
    stored = read_frontend(directory)
    if frontend not in (None, stored):
        raise DataError(f"{directory / FRONTEND_FILE} differs from the `frontend` of the configuration: remove one")
    entries, counts = read_table(directory / "feats.scp"), read_num_frames(directory / "utt2num_frames")
    n_frames = {name: counts[name] for name in entries if name in speakers and name in counts}

    def source(names: Sequence[str]) -> ChunkSource:
        return ArchiveSource([entries[name] for name in names], directory, stored.dim)

    return TrainingCorpus(stored, n_frames, speakers, source)


def _audio(directory: Path, speakers: Mapping[str, str], frontend: FrontendConfig, allow_pipes: bool) -> TrainingCorpus:
    corpus = Corpus.read(directory)
    durations = corpus.durations()
    n_frames = {name: round(seconds * AudioSource.FRAMES_PER_S) for name, seconds in durations.items()}

    def source(names: Sequence[str]) -> ChunkSource:
        return AudioSource(corpus, names, Frontend(frontend), frontend.sample_rate, allow_pipes)

    return TrainingCorpus(frontend, n_frames, speakers, source)


def augment_batches(
    batches: ChunkBatches,
    speakers: Sequence[str],
    augment: AugmentSettings | None = None,
    speed: SpeedConfig | None = None,
    spec_augment: SpecAugmentConfig | None = None,
) -> tuple[ChunkBatches | AugmentedBatches, list[str]]:
    """Batches that are augmented as they are read, and the names of their classes; as they are with neither option.

    Args:
        speakers: the classes of `batches`.
        speed: the speakers at each speed are classes of their own; those at their own speed come first.
    Raises:
        DataError: `augment` or `speed` with feature archives, or as `open_augmenter`.
    """
    if augment is None and speed is None and spec_augment is None:
        return batches, list(speakers)
    source = batches.source
    augmenter = None
    if augment is not None or speed is not None:
        if not isinstance(source, AudioSource):
            raise DataError(
                "augment and speed need audio to train from, but there is a feats.scp; spec_augment does not"
            )
        augmenter = None if augment is None else open_augmenter(augment, source.sample_rate)
    factors = sorted(speed.factors, key=lambda factor: factor != 1) if speed else [1.0]
    harder = AugmentedBatches(
        batches,
        len(speakers),
        augmenter=augmenter,
        speed=SpeedPerturb(speed) if speed else None,
        masks=SpecAugment(spec_augment) if spec_augment else None,
    )
    return harder, [speed_name(speaker, factor) for factor in factors for speaker in speakers]


@dataclass(frozen=True)
class DevSet:
    """A trial list and the network input of its utterances, held in memory."""

    trials: list[Trial]
    features: dict[str, np.ndarray]
    name: str

    @classmethod
    def read(cls, directory: Path, trials: str | None, frontend: FrontendConfig, allow_pipes: bool = False) -> "DevSet":
        """Reads features, or makes them from audio.

        Args:
            trials: the trial list; None for the file `trials` of the directory.
        Raises:
            DataError: an utterance of the trial list is missing, a trial does not say what it is, or there are only
                target or only nontarget trials.
        """
        path = Path(trials) if trials else directory / "trials"
        pairs = read_trials(path)
        split_scores(pairs, {(t.enrol, t.test): 0.0 for t in pairs}, path, path)  # for its checks, before any training
        wanted = sorted({name for t in pairs for name in (t.enrol, t.test)})
        if (directory / "feats.scp").exists():
            if read_frontend(directory) != frontend:
                raise DataError(f"{directory / FRONTEND_FILE}: another front-end than that of the training data")
            entries = read_table(directory / "feats.scp")
            _require(wanted, entries, path, directory)
            features = {name: load_matrix(entries[name], directory) for name in wanted}
        else:
            corpus = Corpus.read(directory)
            _require(wanted, corpus, path, directory)
            features = read_wave_features(corpus, wanted, frontend, allow_pipes)
        return cls(pairs, features, str(path))

    def equal_error_rate(self, model: SpeakerModel) -> float:
        """EER of cosine scores between embeddings centred on their mean over this set; a fraction in [0, 1]."""
        items = track(list(self.features.items()), f"embedding {self.name}")
        vectors = dict(model.embed_features(items, on_skip=lambda *_: None))
        if not vectors:
            raise DataError(f"{self.name}: no utterance gave an embedding")
        backend = CosineBackend().fit(np.stack(list(vectors.values())))
        values = score_trials(backend, self.trials, enrol(vectors), vectors)
        scored = [(t, float(x)) for t, x in zip(self.trials, values, strict=True) if np.isfinite(x)]
        scores = {(t.enrol, t.test): x for t, x in scored}
        return equal_error_rate(*split_scores([t for t, _ in scored], scores, self.name, "the embeddings"))[0]


def _require(wanted: list[str], present: Collection[str] | Corpus, trials: Path, directory: Path) -> None:
    missing = [name for name in wanted if name not in present]
    if missing:
        raise DataError(
            f"{len(missing)} of {len(wanted)} utterances in {trials} are not in {directory}; "
            f"the first is {missing[0]!r}"
        )
