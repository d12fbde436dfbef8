"""Network input of whole corpora: computed by several processes, stored as a data directory, resumable."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pysid.config import from_plain, to_plain
from pysid.data.corpus import Corpus
from pysid.data.sources import CorpusAudio, Stored
from pysid.errors import DataError, Skipped, one_line
from pysid.frontend import Frontend, FrontendConfig, sliding_cmvn
from pysid.frontend.long_recording import read_input
from pysid.io.ark.archive import split_entry
from pysid.io.ark.writer import PARTIAL, ArkWriter, read_row_counts
from pysid.io.audio.reader import MAX_HOURS
from pysid.io.claim import claim
from pysid.io.lock import output_lock
from pysid.io.spooled_rows import SpooledRows
from pysid.io.tables import read_table, write_table
from pysid.parallel.archive import shards_of, update_archive
from pysid.parallel.shards import ShardRun
from pysid.parallel.work import Results
from pysid.parallel.workers import THIS_PROCESS, Workers

FRONTEND_FILE = "frontend.json"  # beside feats.scp: which front-end made it
NO_SPEECH = "no speech found"


def read_frontend(directory: Path) -> FrontendConfig:
    """The front-end that made the features of a directory.

    Raises:
        DataError: there is no `frontend.json`, or it is not one.
    """
    path = directory / FRONTEND_FILE
    if not path.is_file():
        raise DataError(
            f"{path}: no such file; feats.scp must hold network input as `pysid features` writes it "
            "(from Kaldi's features with --stored)"
        )
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{path}: expected JSON, got {one_line(error)}") from error
    return from_plain(FrontendConfig, plain, str(path))


def write_features(
    corpus: Corpus,
    directory: Path,
    frontend: FrontendConfig,
    *,
    workers: Workers = THIS_PROCESS,
    compress: bool = False,
    channel: int | None = None,
    max_hours: float = MAX_HOURS,
    allow_pipes: bool = False,
    stored: bool = False,
    stored_vad: bool = False,
) -> Skipped:
    """Writes `feats.ark`, `feats.scp`, `utt2num_frames`, `frontend.json` and the corpus's tables.

    The features are the network's input: normalised, voiced frames only. What an earlier, interrupted run wrote is
    kept if it was made by the same front-end, of files that have not changed since. What is written does not depend on
    the workers.

    Args:
        workers: who does it.
        channel, max_hours: of the recordings, as of `Corpus.open_wave`.
        stored: start from the corpus's own feats.scp and vad.scp, as Kaldi's make_mfcc.sh and compute_vad_decision.sh
            write them, and not from its audio (kaldi/egs/sre16/v1/local/nnet3/xvector/prepare_feats_for_egs.sh).
        stored_vad: keep the frames that the corpus's own vad.scp says, as for augmented copies, whose vad.scp is that
            of the clean recordings.
    Returns:
        The utterances left out: unreadable audio or features, or no speech.
    Raises:
        DataError: the directory is the corpus's own or holds other features, every utterance was left out, or workers
            were lost again and again over some utterances.
    """
    with output_lock(directory):
        _claim(directory, corpus, frontend)
        skipped = Skipped()
        archive = directory / "feats"
        audio = CorpusAudio(corpus, frontend.sample_rate, allow_pipes, channel, max_hours)
        source = open_source(audio, stored, stored_vad)
        purpose = f"features {json.dumps(to_plain(frontend))}"
        with ArkWriter(archive, compress=int(compress), resume=True) as writer:
            foreign = [name for name in writer.done if name not in corpus]
            if foreign:
                raise DataError(
                    f"{directory} holds features of {len(foreign)} utterances that are not in {corpus.directory}, such "
                    f"as {foreign[0]!r}: choose another folder, or remove it"
                )
            work = FeatureWork(frontend)
            shards = ShardRun(shards_of(archive), source, work, purpose, workers, compress=int(compress))
            update_archive(writer, shards, f"features {directory}", skipped)
            if not writer.done:
                shards.remove()  # otherwise a second run would not look again
                raise DataError(f"no utterance of {corpus.directory} gave features: {skipped.brief()}")
            # Before the writer's own feats.scp, as the corpus may bring one of other features.
            corpus.subset(writer.done).write(directory)
        _write_in_order(directory, corpus)
        shards.remove()
        return skipped


def _claim(directory: Path, corpus: Corpus, frontend: FrontendConfig) -> None:
    """Writes into `directory` which front-end its features are of, unless it holds others."""
    directory.mkdir(parents=True, exist_ok=True)
    if directory.samefile(corpus.directory):
        raise DataError(f"{directory} is the corpus itself: choose another folder for its features")
    archives = [path for name in ("feats.ark", f"feats.ark{PARTIAL}") if (path := directory / name).exists()]
    has_features = any(path.stat().st_size for path in archives)
    old = to_plain(read_frontend(directory)) if has_features else None
    claim(directory / FRONTEND_FILE, old, to_plain(frontend), lambda _: "features of another front-end")


def compute_features(
    corpus: Corpus, names: Sequence[str], frontend: FrontendConfig, allow_pipes: bool = False
) -> Iterator[tuple[str, np.ndarray | str]]:
    """Network input (T, D) of utterances' audio, in their order, or one line that says why there is none.

    Args:
        corpus: where they are.
        names: which utterances.
        frontend: how.
        allow_pipes: run entries that are shell commands.
    """
    source = open_source(CorpusAudio(corpus, frontend.sample_rate, allow_pipes))
    for name, result in FeatureWork(frontend).open()(source.part(names)):
        yield name, result.read(0, len(result)) if isinstance(result, SpooledRows) else result


def read_wave_features(
    corpus: Corpus, names: Iterable[str], frontend: FrontendConfig, allow_pipes: bool = False
) -> dict[str, np.ndarray]:
    """Network input of some utterances, in memory. Raises DataError for the first that has none.

    Args:
        corpus: where they are.
        names: which utterances.
        frontend: how.
        allow_pipes: run entries that are shell commands.
    """
    features: dict[str, np.ndarray] = {}
    for name, result in compute_features(corpus, list(names), frontend, allow_pipes):
        if isinstance(result, str):
            raise DataError(f"{name}: {result}")
        features[name] = result
    return features


@dataclass(frozen=True)
class FeatureSource:
    """What features are made from.

    Attributes:
        audio: the corpus.
        stored: all frames' features, used instead of the audio; None computes them.
        vad: decisions about the frames; None leaves them to the front-end.
    """

    audio: CorpusAudio
    stored: Stored | None = None
    vad: Stored | None = None

    @property
    def keys(self) -> Sequence[str]:
        """Ids of the utterances, in the order of the corpus."""
        return self.audio.keys

    def part(self, keys: Iterable[str]) -> "FeatureSource":
        """The same for some utterances alone, small enough to be sent to a worker."""
        keys = list(keys)
        return self._change_sources(lambda source: source.part(keys))

    def entry(self, key: str) -> str:
        """What an utterance is made of, as text that changes when its files do; runs that go on compare it."""
        return "\n".join(source.entry(key) for source in (self.audio, self.stored, self.vad) if source)

    def absolute(self) -> "FeatureSource":
        """The same with absolute paths, for workers that have another current folder."""
        return self._change_sources(lambda source: source.absolute())

    def _change_sources(self, change: Callable[[Any], Any]) -> "FeatureSource":
        stored, vad = (source and change(source) for source in (self.stored, self.vad))
        return FeatureSource(change(self.audio), stored, vad)


def open_source(audio: CorpusAudio, stored: bool = False, stored_vad: bool = False) -> FeatureSource:
    """The source of a corpus's features, as the arguments of `write_features` say.

    Args:
        audio: of a data directory.
        stored: read `feats.scp` and `vad.scp`.
        stored_vad: read `vad.scp` alone.
    """
    directory = audio.corpus.directory

    def table(name: str) -> Stored:
        return Stored(read_table(directory / name), directory, audio.allow_pipes)

    feats = table("feats.scp") if stored else None
    return FeatureSource(audio, feats, table("vad.scp") if stored or stored_vad else None)


@dataclass(frozen=True)
class FeatureWork:
    """Makes features by a front-end; the result is an array, or the reason why there is none."""

    frontend: FrontendConfig

    def open(self) -> Callable[[FeatureSource], Results]:
        """What makes the features of a part, with a front-end of its own."""
        return partial(_features, Frontend(self.frontend, scaled=True))


def _features(frontend: Frontend, source: FeatureSource) -> Results:
    make: Callable[..., np.ndarray | SpooledRows] = _features_of_audio if source.stored is None else _features_of_stored
    for name in source.keys:
        try:
            with torch.inference_mode():
                features = make(frontend, source, name)
        except DataError as error:
            yield name, str(error).removeprefix(f"{name}: ")
        else:
            yield name, features if len(features) else NO_SPEECH


def _features_of_audio(frontend: Frontend, source: FeatureSource, name: str) -> np.ndarray | SpooledRows:
    voiced = None if source.vad is None else _voiced(source.vad, name)
    with source.audio.open(name) as piece:
        n = frontend.features.n_frames(piece.stop - piece.start)
        if voiced is not None and n != len(voiced):
            raise DataError(f"expected {n} frames in vad.scp as in its audio, got {len(voiced)}")
        return read_input(frontend, piece, voiced)


def _features_of_stored(frontend: Frontend, source: FeatureSource, name: str) -> np.ndarray:
    """Normalises all frames and keeps the voiced ones."""
    assert source.stored is not None and source.vad is not None
    if name not in source.stored.entries:
        raise DataError("not in feats.scp")
    features = source.stored.read(name)
    voiced = _voiced(source.vad, name)
    config = frontend.config
    if features.shape != (len(voiced), config.dim):
        raise DataError(f"expected {len(voiced)} frames (as in vad.scp) of {config.dim}, got {features.shape}")
    if voiced.any() and config.cmvn is not None:
        features = sliding_cmvn(torch.tensor(features)[None], None, config.cmvn)[0].numpy()
    return features[voiced]


def _voiced(vad: Stored, name: str) -> np.ndarray:
    """Which frames are voiced, (T,) bool."""
    if name not in vad.entries:
        raise DataError("not in vad.scp")
    voiced: np.ndarray = vad.read_vector(name) != 0
    return voiced


def _write_in_order(directory: Path, corpus: Corpus) -> None:
    """Writes `utt2num_frames`, and `feats.scp` in the corpus's order: a run may have added to an archive."""
    entries = read_table(directory / "feats.scp")
    in_order = {utterance.id: entries[utterance.id] for utterance in corpus if utterance.id in entries}
    if list(in_order) != list(entries):
        write_table(directory / "feats.scp", in_order)
    offsets = (split_entry(entry)[1] for entry in in_order.values())
    counts = read_row_counts(directory / "feats.ark", offsets)
    write_table(directory / "utt2num_frames", dict(zip(in_order, counts, strict=True)))
