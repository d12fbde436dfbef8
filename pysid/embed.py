"""Embeddings of whatever a user names: audio files, a wav.scp, a data directory, feature archives."""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pysid.data.corpus import Corpus
from pysid.diarization.windows import WindowConfig, subsegment_lines, uniform_windows
from pysid.errors import DataError, Skipped
from pysid.features import FRONTEND_FILE, read_frontend
from pysid.io.ark import load_matrix, read_matrices
from pysid.io.ark_writer import PARTIAL, ArkWriter
from pysid.io.atomic import atomic_text
from pysid.io.audio import read_audio
from pysid.io.npz import write_npz
from pysid.io.tables import read_table, read_wav_scp
from pysid.model import SpeakerModel
from pysid.progress import track
from pysid.segments import Segment

OnSkip = Callable[[str, object], None]
Named = Iterator[tuple[str, np.ndarray]]


@dataclass(frozen=True)
class Inputs:
    """Utterances to embed.

    Attributes:
        keys: their names; None where an archive has to be read to know them.
        read: gives (name, array) of those that are not in a set of names; arrays are waveforms (S,), or network
            input (T, D). Utterances that cannot be read are given to its second argument, with the reason.
        are_features: which of the two.
    """

    keys: Sequence[str] | None
    read: Callable[[Collection[str], OnSkip], Named]
    are_features: bool


def open_inputs(sources: Sequence[str], model: SpeakerModel, allow_pipes: bool = False) -> Inputs:
    """What the arguments of `pysid embed` stand for.

    Args:
        sources: audio files; or one of: a wav.scp (anything that ends in .scp), a data directory (its features, if
            they were made by this model's front-end, else its audio), `scp:` or `ark:` and a file of network input.
    Raises:
        DataError: a source does not exist or is malformed, has no utterances, or names two files alike.
    """
    inputs = _open_source(sources[0], model, allow_pipes) if len(sources) == 1 else None
    inputs = inputs or _files(sources, model.config.sample_rate)
    if inputs.keys is not None and not inputs.keys:
        raise DataError(f"{sources[0]}: expected at least one utterance, got none")
    return inputs


def cut_into_windows(inputs: Inputs, model: SpeakerModel, config: WindowConfig) -> Inputs:
    """The windows of the utterances' frames, each an utterance of its own, named as Kaldi names sub-segments.

    They are cut from what the network reads, so from voiced frames joined together where the model has a VAD.
    """
    shift_s = model.config.frontend.features.shift_ms / 1000

    def read(done: Collection[str], on_skip: OnSkip) -> Named:
        for key, array in inputs.read((), on_skip):
            features = array if inputs.are_features else model.features([array])[0]
            whole = Segment(0.0, len(features) * shift_s)
            windows = uniform_windows([whole] if len(features) else [], config)
            lines = subsegment_lines([(key, whole)], config)
            for line, start_s, end_s in zip(lines, windows.start_s, windows.end_s, strict=False):
                name = line.rsplit(maxsplit=3)[0]
                if name not in done:
                    yield name, features[round(start_s / shift_s) : round(end_s / shift_s)]

    return Inputs(None, read, are_features=True)


def embed(
    model: SpeakerModel, inputs: Inputs, skipped: Skipped, done: Collection[str] = ()
) -> Iterator[tuple[str, np.ndarray]]:
    """Embeddings (E,) of the inputs that are not in `done`, in their order; unreadable ones go to `skipped`.

    Raises:
        DataError: an archive breaks off, after the embeddings of all that stands before.
    """
    broken: list[DataError] = []
    utterances = _until_broken(inputs.read(done, skipped.add), broken)
    compute = model.embed_features if inputs.are_features else model.embed_waves
    total = None if inputs.keys is None else len(inputs.keys)
    yield from track(compute(utterances, skipped.add), "embedding", total, start=len(done))
    if broken:
        raise broken[0]


def embed_to_file(model: SpeakerModel, inputs: Inputs, out: Path) -> tuple[int, Skipped]:
    """Writes embeddings to OUT.ark (with OUT.scp, resumable) or OUT.npz.

    A file that is there already is replaced. A run that was stopped while it wrote an archive is gone on with, if it
    was of the same model and the same utterances.

    Returns:
        How many embeddings there are, and the utterances left out.
    Raises:
        DataError: another ending, a name that an archive cannot hold, or nothing could be embedded.
    """
    skipped = Skipped()
    if out.suffix == ".npz":
        vectors = dict(embed(model, inputs, skipped))
        _require_some(len(vectors), out, skipped)
        write_npz(out, vectors.items())
        return len(vectors), skipped
    if out.suffix != ".ark":
        raise DataError(f"{out}: expected an output that ends in .ark or .npz")
    odd = next((key for key in inputs.keys or () if len(key.split()) != 1), None)
    if odd is not None:
        raise DataError(f"{out}: an archive holds no names with white space, such as {odd!r}; write an .npz instead")
    owner = Path(f"{out}{PARTIAL}.model")  # whose embeddings the unfinished archive holds
    with _open_archive(out, owner, model, inputs) as writer:
        for key, vector in embed(model, inputs, skipped, writer.done):
            writer.write(key, vector)
        _require_some(len(writer.done), out, skipped)
    owner.unlink(missing_ok=True)
    return len(writer.done), skipped


def split_specifier(source: str) -> tuple[str, Path]:
    """A source as ("scp" or "ark", path) where it is one of Kaldi's specifiers, else as ("", path).

    >>> split_specifier("scp,p:exp/feats.scp")
    ('scp', PosixPath('exp/feats.scp'))
    """
    specifier = re.match(r"(scp|ark)(?:,[a-z]+)*:", source)
    return (specifier[1], Path(source[specifier.end() :].strip())) if specifier else ("", Path(source))


def _open_archive(out: Path, owner: Path, model: SpeakerModel, inputs: Inputs) -> ArkWriter:
    """A writer that goes on with an unfinished archive where that is of this model and these inputs."""
    partial, fingerprint = Path(f"{out}{PARTIAL}"), model.fingerprint()
    if partial.exists() and owner.exists() and owner.read_text() == fingerprint:
        writer = ArkWriter(out, resume=True)
        if inputs.keys is None or writer.done <= set(inputs.keys):
            return writer
    partial.unlink(missing_ok=True)
    with atomic_text(owner) as file:
        file.write(fingerprint)
    return ArkWriter(out)


def _require_some(n_done: int, out: Path, skipped: Skipped) -> None:
    if n_done == 0:
        raise DataError(f"{out}: nothing to write: {skipped.brief()}")


def _until_broken(arrays: Named, broken: list[DataError]) -> Named:
    """Passes arrays on up to the first error, which it keeps: what was read before is not lost."""
    try:
        yield from arrays
    except DataError as error:
        broken.append(error)


def _open_source(source: str, model: SpeakerModel, allow_pipes: bool) -> Inputs | None:
    """The utterances of a source that is not an audio file."""
    kind, path = split_specifier(source)
    if kind == "scp":
        return _feature_table(path, allow_pipes)
    if kind == "ark":
        return _archive(source, allow_pipes)
    if path.is_dir():
        stored = (path / "feats.scp").exists() and (path / FRONTEND_FILE).exists()
        if stored and read_frontend(path) == model.config.frontend:
            return _feature_table(path / "feats.scp", allow_pipes)
        return _corpus(Corpus.read(path), model.config.sample_rate, allow_pipes)
    if path.suffix == ".scp":
        return _corpus(Corpus(path.parent, read_wav_scp(path)), model.config.sample_rate, allow_pipes)
    return None


def _archive(source: str, allow_pipes: bool) -> Inputs:
    def read(done: Collection[str], _: OnSkip) -> Named:
        return ((key, x) for key, x in read_matrices(source, allow_pipes=allow_pipes) if key not in done)

    return Inputs(None, read, are_features=True)


def _feature_table(path: Path, allow_pipes: bool) -> Inputs:
    entries = read_table(path)

    def load(key: str) -> np.ndarray:
        return load_matrix(entries[key], path.parent, allow_pipes=allow_pipes)

    return _one_by_one(list(entries), load, are_features=True)


def _corpus(corpus: Corpus, sample_rate: int, allow_pipes: bool) -> Inputs:
    def load(key: str) -> np.ndarray:
        return corpus.read_wave(corpus[key], sample_rate, allow_pipes=allow_pipes)

    return _one_by_one([utterance.id for utterance in corpus], load, are_features=False)


def _files(paths: Sequence[str], sample_rate: int) -> Inputs:
    """Audio files under their names without folder and ending, or where two of these are alike, under their paths."""
    if len(set(paths)) < len(paths):
        raise DataError(f"expected each file once, got {max(paths, key=paths.count)} again")
    stems = [Path(path).stem for path in paths]
    by_key = dict(zip(stems if len(set(stems)) == len(stems) else paths, paths, strict=True))

    def load(key: str) -> np.ndarray:
        return read_audio(by_key[key], sample_rate=sample_rate)[0]

    return _one_by_one(list(by_key), load, are_features=False)


def _one_by_one(keys: Sequence[str], load: Callable[[str], np.ndarray], *, are_features: bool) -> Inputs:
    """Inputs of which one that cannot be loaded does not keep the others from it."""

    def read(done: Collection[str], on_skip: OnSkip) -> Named:
        for key in keys:
            if key in done:
                continue
            try:
                array = load(key)
            except DataError as error:
                on_skip(key, str(error).removeprefix(f"{key}: "))
                continue
            yield key, array

    return Inputs(keys, read, are_features)
