"""What a training reads: its corpus, as feature archives or as audio, and a development set."""

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pysid.augment import SpecAugment, SpecAugmentConfig, SpeedConfig, SpeedPerturb, Telephone, speed_name
from pysid.augment.recordings import TrainingAugmentConfig, open_augmenter
from pysid.data.corpus import Corpus
from pysid.data.features import FRONTEND_FILE, NO_SPEECH, read_frontend
from pysid.data.packed import Labels, PackedStrings, Picked, read_packed
from pysid.errors import DataError, Skipped, shown
from pysid.frontend import VOXCELEB, Frontend, FrontendConfig
from pysid.io import table_formats as formats
from pysid.progress import say
from pysid.training.embedding.augmented import AugmentedBatches
from pysid.training.embedding.batches import ArchiveSource, AudioSource, ChunkBatches, ChunkSource
from pysid.training.embedding.chunks import ChunkConfig, ChunkPlan, select_utterances
from pysid.training.folder import is_first_process
from pysid.training.left_out import tell_left_out, tell_unreadable


@dataclass(frozen=True)
class TrainingCorpus:
    """The utterances of a data directory that could be trained on.

    Attributes:
        frontend: what their features are, or will be.
        names: (N,) their ids.
        n_frames: (N,) frames of each.
        speakers: (N,) speaker of each.
        source: reads chunks of some of them, which are then numbered in the order given.
        directory: where they are from.
        left_out: those that cannot be read, or have no speech, as far as that is known.
    """

    frontend: FrontendConfig
    names: Sequence[str]
    n_frames: np.ndarray
    speakers: Sequence[str]
    source: Callable[[np.ndarray], ChunkSource]
    directory: Path
    left_out: Skipped = field(default_factory=Skipped)

    def batches(self, config: ChunkConfig, seed: int, in_memory: bool = False) -> tuple[ChunkBatches, list[str]]:
        """Batches of chunks of the utterances that `config` selects, and the speakers in the order of their classes.

        Args:
            in_memory: decode audio now, and keep it; what cannot be read, or has no speech, is left out.
        Raises:
            DataError: fewer than two speakers are left, or too much cannot be read, see `tell_unreadable`.
        """
        indices, labels, speakers = select_utterances(self.n_frames, self.speakers, config)
        source = self.source(indices)
        if in_memory and isinstance(source, AudioSource):
            source.decode_all()
            useless = self._tell_useless(source, config.max_frames)
            if len(useless):
                n_frames = self.n_frames.copy()
                n_frames[indices[useless]] = 0
                decoded = indices
                indices, labels, speakers = select_utterances(n_frames, self.speakers, config)
                source = source.part(np.searchsorted(decoded, indices))
        self._tell_selection(config, speakers)
        plan = ChunkPlan(self.n_frames[indices], labels, config, seed)
        return ChunkBatches(plan, source, Picked(self.names, indices)), speakers

    def _tell_useless(self, source: AudioSource, n_frames: int) -> np.ndarray:
        """(n,) numbers of the decoded utterances that cannot be used, ascending, which are told of."""
        unreadable, silent = source.useless(n_frames)
        n = len(source.utterances)
        skipped, speechless = Skipped(), Skipped()
        for found, reasons in ((skipped, unreadable), (speechless, dict.fromkeys(silent, NO_SPEECH))):
            for number, reason in reasons.items():
                name = source.utterances[number]
                found.add(name, reason.removeprefix(f"{name}: "))
                self.left_out.add(name, found.reasons[name])
        tell_unreadable(skipped, n, self.directory)
        tell_left_out(speechless, n, self.directory, "have no speech")
        return np.array(sorted({*unreadable, *silent}), np.int64)

    def _tell_selection(self, config: ChunkConfig, speakers: Sequence[str]) -> None:
        """Says how many utterances and speakers are left out because they are too short, or of too few utterances."""
        if not is_first_process():
            return
        least = max(config.min_utterance_frames, 1)
        short = [i for i in np.flatnonzero(self.n_frames < least).tolist() if self.names[i] not in self.left_out]
        if short:
            say(
                f"{self.directory}: without {len(short)} of {len(self.names)} utterances, which are shorter than "
                f"{least} frames (chunks.min_utterance_frames); the first is {shown(self.names[short[0]])}"
            )
        few = sorted(set(self.speakers).difference(speakers))
        if few:
            say(
                f"{self.directory}: without {len(few)} of {len(few) + len(speakers)} speakers, who have fewer than "
                f"{config.min_utterances} utterances to train on (chunks.min_utterances); the first is {shown(few[0])}"
            )


def open_corpus(
    directory: Path, frontend: FrontendConfig | None, allow_pipes: bool = False, unlabelled: bool = False
) -> TrainingCorpus:
    """A data directory with feats.scp as `pysid features` writes it, or with audio.

    Args:
        frontend: for audio; features bring their own, which must not differ. None takes Kaldi's voxceleb/v2.
        unlabelled: audio without utt2spk will do, too: each utterance is then a speaker of its own.
    Raises:
        DataError: a table is missing or malformed, the front-ends differ, or too many recordings cannot be read, see
            `tell_unreadable`; others are left out.
    """
    if (directory / "feats.scp").exists():
        return _stored(directory, frontend)
    return _audio(directory, frontend or VOXCELEB, allow_pipes, unlabelled)


def _stored(directory: Path, frontend: FrontendConfig | None) -> TrainingCorpus:
    stored = read_frontend(directory)
    if frontend not in (None, stored):
        raise DataError(
            f"{directory / FRONTEND_FILE} differs from the `frontend` of the configuration or of the model in "
            "`start_from`"
        )
    speakers = read_packed(directory / "utt2spk", formats.UTT2SPK, Labels())
    entries = PackedStrings()
    listed = read_packed(directory / "feats.scp", formats.ANY, entries).names
    counts = read_packed(directory / "utt2num_frames", formats.COUNTS, array("q"))
    left_out = {*speakers.missing(listed), *counts.missing(listed)}
    places = np.array([i for i, name in enumerate(listed) if name not in left_out], np.int64)
    names = Picked(listed, places) if left_out else listed
    n_frames = np.fromiter(counts.gather(names), np.int64, len(names))

    def source(indices: np.ndarray) -> ChunkSource:
        return ArchiveSource(Picked(entries, places[indices]), directory, stored.dim)

    return TrainingCorpus(stored, names, n_frames, list(speakers.gather(names)), source, directory)


def _audio(directory: Path, frontend: FrontendConfig, allow_pipes: bool, unlabelled: bool) -> TrainingCorpus:
    corpus = Corpus.read(directory)
    if not corpus.utt2spk and not unlabelled:
        raise DataError(f"{directory / 'utt2spk'}: expected the speakers to train on, got no such file")
    skipped = Skipped()
    durations = corpus.durations(skipped)
    tell_unreadable(skipped, len(corpus), directory)
    n_frames = np.fromiter(durations.values(), np.float64, len(durations)) * AudioSource.FRAMES_PER_S

    def source(indices: np.ndarray) -> ChunkSource:
        names = Picked(corpus.ids, indices)
        return AudioSource(corpus, names, Frontend(frontend, scaled=True), frontend.sample_rate, allow_pipes)

    counts = n_frames.round().astype(np.int64)
    speakers = corpus.speaker_of_each() if corpus.utt2spk else list(corpus.ids)
    return TrainingCorpus(frontend, corpus.ids, counts, speakers, source, directory, skipped)


def augment_batches(
    batches: ChunkBatches,
    speakers: Sequence[str],
    augment: TrainingAugmentConfig | None = None,
    speed: SpeedConfig | None = None,
    spec_augment: SpecAugmentConfig | None = None,
) -> tuple[ChunkBatches | AugmentedBatches, list[str]]:
    """Batches that are augmented as they are read, and the names of their classes; unchanged without either option.

    Args:
        speakers: the classes of `batches`.
        speed: the speakers at each speed are classes of their own; those at their own speed come first.
    Raises:
        DataError: `augment` or `speed` with feature archives, or as `open_augmenter`.
    """
    if augment is None and speed is None and spec_augment is None:
        return batches, list(speakers)
    source = batches.source
    augmenter = telephone = None
    if augment is not None or speed is not None:
        if not isinstance(source, AudioSource):
            raise DataError(
                "augment and speed need audio to train from, but there is a feats.scp; spec_augment does not"
            )
        if augment is not None:
            augmenter = open_augmenter(augment, source.sample_rate)
            telephone = Telephone(augment.telephone, source.sample_rate) if augment.telephone else None
    factors = speed_order(speed)
    augmented = AugmentedBatches(
        batches,
        len(speakers),
        augmenter=augmenter,
        speed=SpeedPerturb(speed) if speed else None,
        telephone=telephone,
        masks=SpecAugment(spec_augment) if spec_augment else None,
        clean_vad=augment is None or augment.vad == "clean",
    )
    return augmented, [speed_name(speaker, factor) for factor in factors for speaker in speakers]


def speed_order(speed: SpeedConfig | None) -> list[float]:
    """The speeds in the order of their classes: 1 first, where it is among them."""
    return sorted(speed.factors, key=lambda factor: factor != 1) if speed else [1.0]
