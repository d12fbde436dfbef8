"""Embeddings of a corpus as a file: by any number of workers, in shards, resumed where a run was stopped."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from pysid.data.sources import ArraySource, AudioSource
from pysid.diarization.windows import WindowConfig
from pysid.errors import DataError, Skipped
from pysid.frontend.long_recording import LONG_S
from pysid.io.ark.npz import write_npz
from pysid.io.ark.writer import PARTIAL, ArkWriter
from pysid.io.files import atomic_text
from pysid.io.lock import output_lock
from pysid.model.recording import embed_parts, piece_parts
from pysid.model.speaker_model import SpeakerModel
from pysid.parallel.shards import ENDING, ShardRun, gather, merge
from pysid.parallel.work import Results
from pysid.parallel.workers import THIS_PROCESS, Workers, own_device
from pysid.progress import track
from pysid.runs.inputs import Inputs, Named, OnSkip, SourceInputs, WindowInputs

DESCRIPTION = "embedding"


@dataclass(frozen=True)
class EmbedWork:
    """Embeds shards.

    Attributes:
        model: path of the model, absolute.
        fingerprint: of the model.
        device: as in `Workers`.
        windows: how utterances are cut; None leaves them whole.
    """

    model: str
    fingerprint: str
    device: str
    windows: WindowConfig | None

    def open(self) -> Callable[[ArraySource], Results]:
        """Raises DataError where the model at that path is another one, as may happen on another machine."""
        model = SpeakerModel.load(self.model, own_device(self.device))
        if model.fingerprint() != self.fingerprint:
            raise DataError(f"{self.model}: a worker has another model under this path")
        return self.with_model(model)

    def with_model(self, model: SpeakerModel) -> Callable[[ArraySource], Results]:
        """What embeds a part with a model that is open."""
        return partial(_embed_shard, model, self.windows)


def embed_to_file(
    model: SpeakerModel, inputs: Inputs, out: Path, workers: Workers = THIS_PROCESS
) -> tuple[int, Skipped]:
    """Writes embeddings to OUT.ark (with OUT.scp) or OUT.npz.

    A file that is there already is replaced. A run that was stopped is resumed, if it was of the same model and
    the same utterances. What is written does not depend on the workers.

    Args:
        workers: who does it; others than this process read the model from its path.
    Returns:
        How many embeddings there are, and the utterances left out.
    Raises:
        DataError: another ending, a name that an archive cannot hold, another run writes the same, nothing could be
            embedded, or workers were lost again and again over some utterances.
    """
    if out.suffix not in (".ark", ".npz"):
        raise DataError(f"{out}: expected an output that ends in .ark or .npz")
    odd = next((key for key in inputs.keys or () if len(key.split()) != 1), None)
    if odd is not None and out.suffix == ".ark":
        raise DataError(f"{out}: an archive holds no names with white space, such as {odd!r}; write an .npz instead")
    with output_lock(out):
        if inputs.source is None:
            return _from_start_to_end(model, inputs, out)
        shards = embedding_shards(model, inputs, out, workers)
        write = _write_npz if out.suffix == ".npz" else _write_ark
        return write(shards, out)


def embedding_shards(
    model: SpeakerModel, inputs: Inputs, out: Path, workers: Workers = THIS_PROCESS
) -> ShardRun[ArraySource]:
    """The shards of the embeddings of inputs that have a source, beside an output; arguments as `embed_to_file`."""
    if model.source is None and not workers.is_here:
        raise ValueError("workers other than this process need a model that was read from a file")
    assert inputs.source is not None
    work = EmbedWork(str(model.source), model.fingerprint(), workers.device, inputs.windows)
    purpose = f"embeddings by {work.fingerprint} on {workers.device.partition(':')[0]} of {inputs.windows}"
    opened = work.with_model(model) if workers.is_here else None
    return ShardRun(Path(f"{out}{ENDING}"), inputs.source, work, purpose, workers, opened)


def _write_npz(shards: ShardRun[ArraySource], out: Path) -> tuple[int, Skipped]:
    skipped = Skipped()
    shards.find()
    vectors = dict(gather(shards.run(DESCRIPTION), skipped))
    if vectors:
        write_npz(out, vectors.items())
    shards.remove()
    _require_some(len(vectors), out, skipped)
    return len(vectors), skipped


def _write_ark(shards: ShardRun[ArraySource], out: Path) -> tuple[int, Skipped]:
    skipped = Skipped()
    unfinished = Path(f"{out}{PARTIAL}")
    writer = ArkWriter(out, resume=unfinished.exists())
    if not writer.done <= shards.find(writer.done):  # records of another run
        unfinished.unlink()
        writer = ArkWriter(out)
        shards.find()
    with writer:
        merge(shards.run(DESCRIPTION), writer, skipped)
        if not writer.done:
            unfinished.unlink()
            shards.remove()  # otherwise a second run would not look again
        _require_some(len(writer.done), out, skipped)
    shards.remove()
    return len(writer.done), skipped


def _embed_shard(model: SpeakerModel, windows: WindowConfig | None, source: ArraySource) -> Results:
    skipped = Skipped()
    if windows is None and isinstance(source, AudioSource) and not source.are_features:
        yield from _embed_recordings(model, source, skipped)
    else:
        inputs: Inputs = SourceInputs(source)
        inputs = inputs if windows is None else WindowInputs(inputs, model, windows)
        yield from compute_embeddings(model, inputs, inputs.read((), skipped.add), skipped.add)
    yield from skipped.reasons.items()


def _embed_recordings(model: SpeakerModel, source: AudioSource, skipped: Skipped) -> Named:
    """Embeddings (E,) of audio; long recordings, which come last, are read in blocks as `SpeakerModel.embed` does."""
    of_long: dict[str, np.ndarray] = {}

    def short_ones() -> Named:
        for key in source.keys:
            wave = None
            with skipped.on_error(key), source.open(key) as piece:
                if piece.duration_s <= LONG_S:
                    wave = piece.read()
                else:
                    of_long[key] = embed_parts(model.embed_features, key, piece_parts(model.frontend, piece))
            if wave is not None:
                yield key, wave

    yield from model.embed_waves(short_ones(), skipped.add, scaled=True)
    yield from of_long.items()


def _from_start_to_end(model: SpeakerModel, inputs: Inputs, out: Path) -> tuple[int, Skipped]:
    """Embeddings of an archive that has to be read through, in this process."""
    skipped = Skipped()
    if out.suffix == ".npz":
        vectors = dict(embed(model, inputs, skipped))
        _require_some(len(vectors), out, skipped)
        write_npz(out, vectors.items())
        return len(vectors), skipped
    owner = Path(f"{out}{PARTIAL}.model")  # whose embeddings the unfinished archive holds
    with _open_archive(out, owner, model.fingerprint()) as writer:
        for key, vector in embed(model, inputs, skipped, writer.done):
            writer.write(key, vector)
        _require_some(len(writer.done), out, skipped)
    owner.unlink(missing_ok=True)
    return len(writer.done), skipped


def _open_archive(out: Path, owner: Path, fingerprint: str) -> ArkWriter:
    """A writer that goes on with an unfinished archive where that is of this model."""
    partial_path = Path(f"{out}{PARTIAL}")
    if partial_path.exists() and owner.exists() and owner.read_text() == fingerprint:
        return ArkWriter(out, resume=True)
    partial_path.unlink(missing_ok=True)
    with atomic_text(owner) as file:
        file.write(fingerprint)
    return ArkWriter(out)


def _require_some(n_done: int, out: Path, skipped: Skipped) -> None:
    if n_done == 0:
        raise DataError(f"{out}: nothing to write: {skipped.brief()}")


def compute_embeddings(model: SpeakerModel, inputs: Inputs, arrays: Named, on_skip: OnSkip) -> Named:
    """Embeddings (E,) of what was read of the inputs; those without one are given to `on_skip`.

    Args:
        model: what embeds.
        inputs: say whether arrays are waveforms or features.
        arrays: (name, array) of them.
        on_skip: is called with name and reason.
    """
    if inputs.are_features:
        return model.embed_features(arrays, on_skip)
    return model.embed_waves(arrays, on_skip, scaled=True)


def embed(
    model: SpeakerModel, inputs: Inputs, skipped: Skipped, done: Collection[str] = ()
) -> Iterator[tuple[str, np.ndarray]]:
    """Embeddings (E,) of the inputs that are not in `done`, in their order; unreadable ones go to `skipped`.

    Args:
        model: what embeds.
        inputs: of which kind ever.
        skipped: gets names and reasons.
        done: names to leave out.
    Raises:
        DataError: an archive breaks off, after the embeddings of all that stands before.
    """
    arrays = _UntilBroken(inputs.read(done, skipped.add))
    total = None if inputs.keys is None else len(inputs.keys)
    yield from track(compute_embeddings(model, inputs, iter(arrays), skipped.add), "embedding", total, start=len(done))
    if arrays.error is not None:
        raise arrays.error


class _UntilBroken:
    """Arrays up to the first error, which is kept: what was read before it is not lost."""

    def __init__(self, arrays: Named) -> None:
        self.arrays = arrays
        self.error: DataError | None = None

    def __iter__(self) -> Named:
        try:
            yield from self.arrays
        except DataError as error:
            self.error = error
