"""Augmented copies of a corpus on disk, as the voxceleb/v2 recipe makes them.

Of data/train and OUT: `OUT/train_reverb`, `train_noise`, `train_music` and `train_babble` with audio of their own,
`train_aug` with all of these, or an even subset, and `train_combined` with the clean utterances too. A copy keeps the
speaker and the VAD of its utterance, and gets its name with a suffix such as "-noise".
Source: kaldi/egs/voxceleb/v2/run.sh, stages 2 and 3.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from pysid.augment import AugmentConfig, Augmenter
from pysid.augmentation import KALDI_POLICIES, SETTING, RecordingPaths, make_augmenter
from pysid.config import to_plain
from pysid.data.copies import Tables, copied, corpus_tables, evenly, joined, sorted_names, write_tables
from pysid.data.corpus import Corpus
from pysid.errors import DataError, Skipped
from pysid.frontend import VOXCELEB, Frontend
from pysid.io.ark_writer import ArkWriter
from pysid.io.atomic import atomic_text, safe_name
from pysid.io.audio import write_audio
from pysid.io.tables import read_table
from pysid.processes import map_processes, one_thread
from pysid.progress import track

SETTINGS = "augment.json"  # in a folder of copies: what they are made with
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
    n_jobs: int = 1,
    allow_pipes: bool = False,
) -> tuple[dict[Path, int], Skipped]:
    """Writes the directories that the module names. Audio that an earlier run of the same settings wrote is kept.

    A copy depends on its name, its utterance and the seed alone, and not on which others are made. Where the corpus has
    no vad.scp, the front-end of voxceleb/v2 decides.

    Args:
        recordings: what to corrupt with.
        kinds: of `KINDS`; None for those that have recordings.
        subset: copies in `train_aug`, evenly from all in the order of their names; others are not made at all.
        sample_rate: Hz of the copies.
        n_jobs: processes.
    Returns:
        How many utterances are in each directory, and the utterances that could not be read.
    Raises:
        DataError: no recordings for a kind, a subset of more than there is, or `out` has copies of other settings.
    """
    chosen = _choose(recordings, kinds)
    copies = sorted_names(f"{utterance.id}-{kind}" for utterance in corpus for kind in chosen)
    copies = copies if subset is None else evenly(copies, subset)
    config = {"corpus": str(corpus.directory.resolve()), "seed": seed, "sample_rate": sample_rate}
    _claim(out, {**config, **to_plain(recordings)})
    augmenters = {}
    for kind in chosen:
        options = AugmentConfig(probability=1.0, policies=(KALDI_POLICIES[kind],))
        augmenters[kind] = make_augmenter(options, recordings, sample_rate)
    renderer = _Renderer(corpus, out, augmenters, seed, allow_pipes)
    todo = [copy for copy in copies if not renderer.audio(copy).exists()]
    skipped = Skipped()
    results = zip(todo, map_processes(renderer, todo, n_jobs), strict=True)
    for copy, reason in track(results, f"augmented copies {out}", len(copies), start=len(copies) - len(todo)):
        if reason:
            skipped.add(_utterance(copy), reason)
    clean = corpus_tables(corpus)
    if "vad.scp" not in clean:
        clean["vad.scp"] = _decide_vad(corpus, out / f"{_name(corpus)}_vad", n_jobs, allow_pipes, skipped)
    made = {copy: renderer.audio(copy) for copy in copies if renderer.audio(copy).exists()}
    if not made:
        raise DataError(f"no utterance of {corpus.directory} could be augmented: {skipped.brief()}")
    return _write_directories(out, _name(corpus), clean, chosen, made), skipped


def _choose(recordings: RecordingPaths, kinds: Sequence[str] | None) -> list[str]:
    """Which kinds of copies to make, in Kaldi's order."""
    for kind in kinds or ():
        if kind not in KINDS:
            raise DataError(f"expected kinds out of {', '.join(KINDS)}, got {kind!r}")
        if not recordings.has(kind):
            raise DataError(f"copies with {kind} need recordings: {SETTING[kind]}")
    chosen = [kind for kind in KINDS if (recordings.has(kind) if kinds is None else kind in kinds)]
    if not chosen:
        raise DataError(f"expected recordings to augment with, at least one of {', '.join(SETTING.values())}, got none")
    return chosen


class _Renderer:
    """Makes copies by name, one audio file each; the result is None, or why there is none."""

    def __init__(
        self, corpus: Corpus, out: Path, augmenters: dict[str, Augmenter], seed: int, allow_pipes: bool
    ) -> None:
        self.corpus = corpus
        self.out = out
        self.augmenters = augmenters
        self.seed = seed
        self.allow_pipes = allow_pipes

    def audio(self, copy: str) -> Path:
        return self.out / f"{_name(self.corpus)}_{_kind(copy)}" / "audio" / f"{safe_name(copy)}.flac"

    @one_thread()
    @torch.inference_mode()
    def __call__(self, copy: str) -> str | None:
        augmenter = self.augmenters[_kind(copy)]
        utterance = self.corpus[_utterance(copy)]
        try:
            wave = self.corpus.read_wave(utterance, augmenter.sample_rate, allow_pipes=self.allow_pipes)
            corruption = augmenter.draw(len(wave), np.random.default_rng([self.seed, *copy.encode()]))
        except DataError as error:
            return str(error).removeprefix(f"{utterance.id}: ")
        harder = augmenter.render(torch.from_numpy(wave)[None], None, [corruption])[0]
        write_audio(self.audio(copy), harder.numpy(), augmenter.sample_rate)
        return None


class _Vad:
    """Which frames of an utterance are voiced, (T,) float32 of 0 and 1, or why that is not known."""

    def __init__(self, corpus: Corpus, allow_pipes: bool) -> None:
        self.corpus = corpus
        self.allow_pipes = allow_pipes
        self.frontend = Frontend(VOXCELEB)

    @one_thread()
    @torch.inference_mode()
    def __call__(self, name: str) -> np.ndarray | str:
        try:
            wave = self.corpus.read_wave(self.corpus[name], VOXCELEB.sample_rate, allow_pipes=self.allow_pipes)
        except DataError as error:
            return str(error).removeprefix(f"{name}: ")
        voiced: np.ndarray = self.frontend.voiced(torch.from_numpy(wave)[None])[0].float().numpy()
        return voiced


def _decide_vad(corpus: Corpus, path: Path, n_jobs: int, allow_pipes: bool, skipped: Skipped) -> dict[str, str]:
    """Writes an archive of the clean utterances' VAD, resumable; returns its scp."""
    with ArkWriter(path, resume=True) as writer:
        todo = [utterance.id for utterance in corpus if utterance.id not in writer.done]
        results = zip(todo, map_processes(_Vad(corpus, allow_pipes), todo, n_jobs), strict=True)
        for name, voiced in track(results, f"VAD {corpus.directory}", len(corpus), start=len(corpus) - len(todo)):
            if isinstance(voiced, str):
                skipped.add(name, voiced)
            else:
                writer.write(name, voiced)
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
    """Writes into `out` what its copies are made with, unless it holds others; sources that are new are added."""
    path = out / SETTINGS
    old: object = {}
    if path.exists():
        try:
            old = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise DataError(f"{path}: expected JSON, got {' '.join(str(error).split())}") from None
    before = old if isinstance(old, dict) else {}
    given = {key: value for key, value in settings.items() if value is not None}
    for key, value in given.items():
        if before.get(key, value) != value:
            raise DataError(
                f"{out} holds copies made with {key} {before[key]}, not {value}: choose another folder, or remove it"
            )
    with atomic_text(path) as file:
        json.dump({**before, **given}, file, indent=2)
