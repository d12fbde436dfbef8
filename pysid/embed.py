"""Embeddings of whatever a user names: audio files, a wav.scp, a data directory, feature archives."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pysid.data.corpus import Corpus
from pysid.errors import DataError, Skipped
from pysid.features import FRONTEND_FILE, read_frontend
from pysid.io.ark import read_matrices
from pysid.io.ark_writer import ArkWriter
from pysid.io.audio import read_audio
from pysid.io.npz import write_npz
from pysid.io.tables import read_table, read_wav_scp
from pysid.model import SpeakerModel
from pysid.progress import track


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
    read: Callable[[Collection[str], Callable[[str, object], None]], Iterator[tuple[str, np.ndarray]]]
    are_features: bool


def open_inputs(sources: Sequence[str], model: SpeakerModel, allow_pipes: bool = False) -> Inputs:
    """What the arguments of `pysid embed` stand for.

    Args:
        sources: audio files; or one of: a wav.scp (anything that ends in .scp), a data directory (its features, if
            they were made by this model's front-end, else its audio), `scp:` or `ark:` and a file of network input.
    Raises:
        DataError: a source does not exist or is malformed.
    """
    first = sources[0]
    if len(sources) == 1 and first.startswith(("scp:", "ark:")):
        return _archive(first, allow_pipes)
    if len(sources) == 1 and Path(first).is_dir():
        directory = Path(first)
        if (directory / FRONTEND_FILE).exists() and read_frontend(directory) == model.config.frontend:
            return _archive(f"scp:{directory / 'feats.scp'}", allow_pipes)
        return _corpus(Corpus.read(directory), model.config.sample_rate, allow_pipes)
    if len(sources) == 1 and first.endswith(".scp"):
        corpus = Corpus(Path(first).parent, read_wav_scp(first))
        return _corpus(corpus, model.config.sample_rate, allow_pipes)
    return _files(sources, model.config.sample_rate)


def embed(
    model: SpeakerModel, inputs: Inputs, skipped: Skipped, done: Collection[str] = ()
) -> Iterator[tuple[str, np.ndarray]]:
    """Embeddings (E,) of the inputs that are not in `done`, in their order; unreadable ones go to `skipped`."""
    utterances = inputs.read(done, skipped.add)
    compute = model.embed_features if inputs.are_features else model.embed_waves
    total = None if inputs.keys is None else len(inputs.keys)
    yield from track(compute(utterances, skipped.add), "embedding", total, start=len(done))


def embed_to_file(model: SpeakerModel, inputs: Inputs, out: Path) -> tuple[int, Skipped]:
    """Writes embeddings to OUT.ark (with OUT.scp, resumable) or OUT.npz; returns how many there are and what was left out.

    Raises:
        DataError: another ending, or nothing could be embedded.
    """
    skipped = Skipped()
    if out.suffix == ".npz":
        vectors = dict(embed(model, inputs, skipped))
        n_done = len(vectors)
        if n_done:
            write_npz(out, vectors.items())
    elif out.suffix == ".ark":
        out.parent.mkdir(parents=True, exist_ok=True)
        with ArkWriter(out, resume=True) as writer:
            for key, vector in embed(model, inputs, skipped, writer.done):
                writer.write(key, vector)
            n_done = len(writer.done)
    else:
        raise DataError(f"{out}: expected an output that ends in .ark or .npz")
    if n_done == 0:
        raise DataError(f"nothing to write to {out}: {skipped.summary(len(skipped), 3)}")
    return n_done, skipped


def _archive(source: str, allow_pipes: bool) -> Inputs:
    kind, _, path = source.partition(":")
    keys = list(read_table(path)) if kind == "scp" else None

    def read(done: Collection[str], _: object) -> Iterator[tuple[str, np.ndarray]]:
        return ((key, x) for key, x in read_matrices(source, allow_pipes=allow_pipes) if key not in done)

    return Inputs(keys, read, are_features=True)


def _corpus(corpus: Corpus, sample_rate: int, allow_pipes: bool) -> Inputs:
    def read(
        done: Collection[str], on_skip: Callable[[str, object], None]
    ) -> Iterator[tuple[str, np.ndarray]]:
        for utterance in corpus:
            if utterance.id in done:
                continue
            try:
                wave = corpus.read_wave(utterance, sample_rate, allow_pipes=allow_pipes)
            except DataError as error:
                on_skip(utterance.id, str(error).removeprefix(f"{utterance.id}: "))
                continue
            yield utterance.id, wave

    return Inputs([utterance.id for utterance in corpus], read, are_features=False)


def _files(paths: Sequence[str], sample_rate: int) -> Inputs:
    keys = [Path(path).stem for path in paths]
    if len(set(keys)) < len(keys):
        keys = list(paths)

    def read(
        done: Collection[str], on_skip: Callable[[str, object], None]
    ) -> Iterator[tuple[str, np.ndarray]]:
        for key, path in zip(keys, paths, strict=True):
            if key in done:
                continue
            try:
                wave, _ = read_audio(path, sample_rate=sample_rate)
            except DataError as error:
                on_skip(key, error)
                continue
            yield key, wave

    return Inputs(keys, read, are_features=False)
