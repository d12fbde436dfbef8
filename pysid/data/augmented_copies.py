"""Augmented copies of a corpus on disk, as the voxceleb/v2 recipe makes them.

Of data/train and OUT: `OUT/train_reverb`, `train_noise`, `train_music` and `train_babble` with audio of their own,
`train_aug` with all of these, or an even subset, and `train_combined` with the clean utterances too. A copy keeps the
speaker and the VAD of its utterance, and gets its name with a suffix such as "-noise".
Source: kaldi/egs/voxceleb/v2/run.sh, stages 2 and 3.
"""

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from pysid.augment import AugmentConfig, Augmenter, FileBank
from pysid.augment.long_wave import corrupted_blocks
from pysid.augment.recordings import KALDI_POLICIES, RECORDINGS_OF, RecordingPaths, make_augmenter
from pysid.config import to_plain
from pysid.data.copies import Tables, copied, corpus_tables, evenly, joined, sorted_names, write_tables
from pysid.data.corpus import Corpus
from pysid.data.sources import CorpusAudio
from pysid.errors import DataError, Skipped
from pysid.frontend import VOXCELEB, Frontend
from pysid.frontend.long_recording import BLOCK_S, LONG_S, read_voiced
from pysid.io.ark.writer import ArkWriter
from pysid.io.audio.files import AudioPiece, read_comment, write_blocks
from pysid.io.audio.reader import MAX_HOURS
from pysid.io.claim import Changes, claim, read_claim
from pysid.io.files import safe_name, state
from pysid.io.lock import output_lock
from pysid.io.tables import read_table
from pysid.parallel.archive import identity, shards_of, update_archive
from pysid.parallel.run import PartsLost, run_parts
from pysid.parallel.shards import ShardRun, describe_lost, shard_ranges
from pysid.parallel.work import Results
from pysid.parallel.workers import THIS_PROCESS, Workers
from pysid.progress import track

COPIES_FILE = "augment.json"  # in a folder of copies: what they are made with
ORIGIN = "pysid "  # how the comment in a copy's header begins; hashes of what it was made of follow
KINDS = tuple(KALDI_POLICIES)


def write_augmented(
    corpus: Corpus,
    out: Path,
    recordings: RecordingPaths,
    kinds: Sequence[str] | None = None,
    *,
    subset: int | None = None,
    seed: int = 0,
    sample_rate: int = 16000,
    workers: Workers = THIS_PROCESS,
    channel: int | None = None,
    max_hours: float = MAX_HOURS,
    allow_pipes: bool = False,
) -> tuple[dict[Path, int], Skipped]:
    """Writes the directories that the module names.

    Audio that an earlier run of the same settings wrote is kept, unless a file of which it was made has changed since.

    A copy depends on its name, its utterance and the seed alone, and not on which others are made. Where the corpus has
    no vad.scp, the front-end of voxceleb/v2 decides.

    Args:
        recordings: what to corrupt with.
        kinds: of `KINDS`; None for those that have recordings.
        subset: copies in `train_aug`, taken evenly from all in the order of their names; the others are not made.
        sample_rate: Hz of the copies.
        workers: who does it.
        channel, max_hours: of the recordings, as of `Corpus.open_wave`.
    Returns:
        How many utterances are in each directory, and the utterances that could not be read.
    Raises:
        DataError: no recordings for a kind, a subset of more than there is, or `out` has copies of other settings.
    """
    chosen = _choose(recordings, kinds)
    copies = sorted_names(f"{utterance.id}-{kind}" for utterance in corpus for kind in chosen)
    copies = copies if subset is None else evenly(copies, subset)
    config = {"corpus": str(corpus.directory.resolve()), "seed": seed, "sample_rate": sample_rate}
    sounds = {kind: state_of_recordings(open_augmenter(kind, recordings, sample_rate)) for kind in chosen}
    with output_lock(out):
        _claim(out, {**config, **to_plain(recordings)})
        skipped = Skipped()
        work = RenderWork(recordings, seed, sample_rate)
        audio = CorpusAudio(corpus, sample_rate, allow_pipes, channel, max_hours)
        made = _make(audio, out, copies, sounds, work, workers, skipped)
        clean = corpus_tables(corpus)
        if "vad.scp" not in clean:
            clean["vad.scp"] = _decide_vad(audio, out / f"{_name(corpus)}_vad", workers, skipped)
        if not made:
            raise DataError(f"no utterance of {corpus.directory} could be augmented: {skipped.brief()}")
        return _write_directories(out, _name(corpus), clean, chosen, made), skipped


def state_of_recordings(augmenter: Augmenter) -> str:
    """A hash of the files that an augmenter takes its sounds from, by their names, sizes and times."""
    banks = [*augmenter.banks.values(), *(augmenter.responses.banks if augmenter.responses else ())]
    files = [path for bank in banks if isinstance(bank, FileBank) for path in bank.paths]
    listed = "\n".join(f"{os.fspath(path)} {state(path)}" for path in files)
    return hashlib.sha256(os.fsencode(listed)).hexdigest()[:16]


def _choose(recordings: RecordingPaths, kinds: Sequence[str] | None) -> list[str]:
    """Which kinds of copies to make, in Kaldi's order."""
    for kind in kinds or ():
        if kind not in KINDS:
            raise DataError(f"expected kinds out of {', '.join(KINDS)}, got {kind!r}")
        if not recordings.has(kind):
            raise DataError(f"copies with {kind} need recordings: {RECORDINGS_OF[kind]}")
    chosen = [kind for kind in KINDS if (recordings.has(kind) if kinds is None else kind in kinds)]
    if not chosen:
        raise DataError(
            f"expected recordings to augment with, at least one of {', '.join(RECORDINGS_OF.values())}, got none"
        )
    return chosen


def open_augmenter(kind: str, recordings: RecordingPaths, sample_rate: int) -> Augmenter:
    """What makes copies of a kind.

    Args:
        kind: a key of `KALDI_POLICIES`: reverb, noise, music or babble.
        recordings: where they are.
        sample_rate: Hz.
    """
    options = AugmentConfig(probability=1.0, policies=(KALDI_POLICIES[kind],))
    return make_augmenter(options, recordings, sample_rate)


def audio_path(out: Path, corpus: Corpus, copy: str) -> Path:
    """Where the audio of a copy is.

    Args:
        out: the folder of all copies.
        corpus: what is copied.
        copy: name of the copy of an utterance.
    """
    return out / f"{_name(corpus)}_{_kind(copy)}" / "audio" / f"{safe_name(copy)}.flac"


@dataclass(frozen=True)
class _Copies:
    """Copies to make.

    Attributes:
        paths: {copy: its file}.
        origins: {copy: what it is made of}, which its file holds as a comment.
        audio: of their utterances.
    """

    paths: Mapping[str, Path]
    origins: Mapping[str, str]
    audio: CorpusAudio


@dataclass(frozen=True)
class RenderWork:
    """Makes copies, one audio file each; the result says, by name, why one is missing."""

    recordings: RecordingPaths
    seed: int
    sample_rate: int

    def open(self) -> Callable[[_Copies], dict[str, str]]:
        """What makes the copies of a part; each worker opens recordings for itself."""
        return _Renderer(self)


class _Renderer:
    def __init__(self, work: RenderWork) -> None:
        self.work = work
        self.augmenters: dict[str, Augmenter] = {}

    @torch.inference_mode()
    def __call__(self, copies: _Copies) -> dict[str, str]:
        reasons = {}
        for copy, path in copies.paths.items():
            augmenter = self._augmenter(_kind(copy))
            name = _utterance(copy)
            try:
                with copies.audio.open(name) as piece:
                    corrupted = _corrupted(augmenter, piece, np.random.default_rng([self.work.seed, *copy.encode()]))
                    write_blocks(path, corrupted, augmenter.sample_rate, copies.origins[copy])
            except DataError as error:
                reasons[copy] = str(error).removeprefix(f"{name}: ")
        return reasons

    def _augmenter(self, kind: str) -> Augmenter:
        if kind not in self.augmenters:
            self.augmenters[kind] = open_augmenter(kind, self.work.recordings, self.work.sample_rate)
        return self.augmenters[kind]


def _corrupted(augmenter: Augmenter, piece: AudioPiece, rng: np.random.Generator) -> Iterable[np.ndarray]:
    """A copy (S,) in blocks, one block where it is short."""
    if piece.duration_s <= LONG_S:
        wave = piece.read()
        return [augmenter.render(torch.from_numpy(wave)[None], None, [augmenter.draw(len(wave), rng)])[0].numpy()]
    n_samples = piece.stop - piece.start
    _, response, noises = augmenter.draw_parts(n_samples, rng)
    return corrupted_blocks(lambda: piece.blocks(BLOCK_S), n_samples, response, noises, augmenter.sample_rate)


def _make(
    audio: CorpusAudio,
    out: Path,
    copies: Sequence[str],
    sounds: Mapping[str, str],
    work: RenderWork,
    workers: Workers,
    skipped: Skipped,
) -> dict[str, Path]:
    """Makes the copies that are not there, or were made of files that have changed since; returns where all are."""
    corpus = audio.corpus
    paths = {copy: audio_path(out, corpus, copy) for copy in copies}
    origins = {copy: f"{ORIGIN}{identity(audio, _utterance(copy))}{sounds[_kind(copy)]}" for copy in copies}
    todo = [copy for copy in copies if not paths[copy].exists() or read_comment(paths[copy]) != origins[copy]]
    reasons = _render(out, audio, todo, paths, origins, work, workers)
    for copy in filter(reasons.__contains__, todo):
        skipped.add(_utterance(copy), reasons[copy])
    return {copy: path for copy, path in paths.items() if copy not in reasons and path.exists()}


def _render(
    out: Path,
    audio: CorpusAudio,
    todo: Sequence[str],
    paths: Mapping[str, Path],
    origins: Mapping[str, str],
    work: RenderWork,
    workers: Workers,
) -> dict[str, str]:
    """Makes copies; returns {copy: why it could not be made}."""
    stretches = shard_ranges(len(todo))

    def prepare(stretch: range) -> _Copies:
        copies = [todo[i] for i in stretch]
        part = audio.part(dict.fromkeys(map(_utterance, copies)))
        return _Copies({copy: paths[copy] for copy in copies}, {copy: origins[copy] for copy in copies}, part)

    reasons: dict[str, str] = {}
    results = run_parts(work, stretches, prepare, workers)
    try:
        for _, some in track(results, f"augmented copies {out}", len(todo), weight=lambda result: len(result[0])):
            reasons |= some
    except PartsLost as lost:
        raise DataError(f"{describe_lost([todo[i] for stretch in lost.items for i in stretch], len(todo))}") from None
    return reasons


@dataclass(frozen=True)
class VadWork:
    """Decides which frames of utterances are voiced, (T,) float32 of 0 and 1."""

    def open(self) -> Callable[[CorpusAudio], Results]:
        """What decides about a part, with a front-end of its own."""
        return partial(_voiced, Frontend(VOXCELEB, scaled=True))


def _voiced(frontend: Frontend, source: CorpusAudio) -> Results:
    for name in source.keys:
        try:
            with source.open(name) as piece, torch.inference_mode():
                voiced = read_voiced(frontend, piece)
        except DataError as error:
            yield name, str(error).removeprefix(f"{name}: ")
        else:
            yield name, voiced.astype(np.float32)


def _decide_vad(audio: CorpusAudio, path: Path, workers: Workers, skipped: Skipped) -> dict[str, str]:
    """Writes an archive of the clean utterances' VAD, resumable; returns its scp."""
    source = replace(audio, sample_rate=VOXCELEB.sample_rate)
    with ArkWriter(path, resume=True) as writer:
        shards = ShardRun(shards_of(path), source, VadWork(), f"VAD {to_plain(VOXCELEB)}", workers)
        update_archive(writer, shards, f"VAD {audio.corpus.directory}", skipped)
    shards.remove()
    entries = read_table(f"{path}.scp")
    return {name: str(Path(entry).absolute()) for name, entry in entries.items()}


def _write_directories(
    out: Path, name: str, clean: Tables, kinds: Sequence[str], audio: dict[str, Path]
) -> dict[Path, int]:
    parts = {}
    for kind in kinds:
        originals = {copy: _utterance(copy) for copy in audio if _kind(copy) == kind}
        files = {copy: path.absolute() for copy, path in audio.items()}
        parts[out / f"{name}_{kind}"] = copied(clean, originals, files)
    whole = joined([part for part in parts.values() if part])
    directories = {**parts, out / f"{name}_aug": whole, out / f"{name}_combined": joined([clean, whole])}
    for directory, tables in directories.items():
        write_tables(directory, tables)
    return {directory: len(tables.get("wav.scp", ())) for directory, tables in directories.items()}


def _name(corpus: Corpus) -> str:
    return corpus.directory.resolve().name


def _utterance(copy: str) -> str:
    return copy.rpartition("-")[0]


def _kind(copy: str) -> str:
    return copy.rpartition("-")[2]


def _claim(out: Path, settings: dict[str, object]) -> None:
    """Says in `out` what its copies are made with, unless it holds others; sources that are new are added."""
    path = out / COPIES_FILE
    before = read_claim(path)
    given = {key: value for key, value in settings.items() if value is not None}
    claim(path, {**given, **before}, {**before, **given}, _describe)


def _describe(changes: Changes) -> str:
    name, (old, new) = next(iter(changes.items()))
    return f"copies made with {name} {old}, not {new}"
