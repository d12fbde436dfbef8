"""Embeddings by name, wherever they come from: an archive, an scp file, or audio that is embedded for the purpose."""

from collections.abc import Collection
from pathlib import Path

import numpy as np

from pysid.errors import Skipped
from pysid.io.ark.archive import read_vector, read_vectors, split_specifier
from pysid.io.audio.reader import MAX_HOURS
from pysid.io.tables import read_table
from pysid.model.speaker_model import SpeakerModel
from pysid.parallel.shards import gather
from pysid.parallel.workers import Workers
from pysid.runs.embed import DESCRIPTION, embedding_shards
from pysid.runs.inputs import SourceInputs, open_inputs


class VectorSource:
    """Embeddings (E,) that can be looked up.

    Attributes:
        names: of all that there are.
    """

    names: Collection[str]

    def read(self, wanted: Collection[str], skipped: Skipped) -> dict[str, np.ndarray]:
        """Those of some names; what cannot be read goes to `skipped`."""
        raise NotImplementedError

    def forget(self) -> None:
        """Takes away what `read` left on the disk for a second run."""


class ArchivedVectors(VectorSource):
    """Those of an archive, which is read through; see `pysid.io.ark.archive` for what `source` may be."""

    def __init__(self, source: str, wanted: Collection[str], allow_pipes: bool = False) -> None:
        self.vectors = {key: x for key, x in read_vectors(source, allow_pipes=allow_pipes) if key in wanted}
        self.names = self.vectors.keys()

    def read(self, wanted: Collection[str], skipped: Skipped) -> dict[str, np.ndarray]:
        """{name: (E,)} of those wanted that are there."""
        return {key: x for key, x in self.vectors.items() if key in wanted}


class ListedVectors(VectorSource):
    """Those of an scp file, each read by itself."""

    def __init__(self, scp: Path, allow_pipes: bool = False) -> None:
        self.entries = read_table(scp)
        self.names = self.entries.keys()
        self.directory = scp.parent
        self.allow_pipes = allow_pipes

    def read(self, wanted: Collection[str], skipped: Skipped) -> dict[str, np.ndarray]:
        """{name: (E,)} of those wanted that are there and can be read; `skipped` gets the others' reasons."""
        vectors = {}
        for key, entry in self.entries.items():
            if key in wanted:
                with skipped.on_error(key):
                    vectors[key] = read_vector(entry, self.directory, allow_pipes=self.allow_pipes)
        return vectors


class EmbeddedVectors(VectorSource):
    """Those of audio or network input, which is embedded when they are read.

    Args:
        source: as an argument of `pysid embed`.
        wanted: the only ones to embed.
        out: a file beside which what is embedded is kept until `forget`, so that a second run resumes.
    """

    def __init__(
        self,
        source: str,
        model: SpeakerModel,
        wanted: Collection[str],
        out: Path,
        workers: Workers,
        allow_pipes: bool = False,
        channel: int | None = None,
        max_hours: float = MAX_HOURS,
    ) -> None:
        inputs = open_inputs([source], model, allow_pipes, channel, max_hours)
        assert inputs.keys is not None and inputs.source is not None
        self.names = set(inputs.keys)
        some = SourceInputs(inputs.source.part(key for key in inputs.keys if key in wanted))
        is_regular = out.is_file() or not out.exists()
        beside = out if is_regular else Path(out.name)  # not in /dev
        self.shards = embedding_shards(model, some, beside, workers)

    def read(self, wanted: Collection[str], skipped: Skipped) -> dict[str, np.ndarray]:
        """{name: (E,)} of those wanted; embeds, or goes on where an earlier run was stopped."""
        self.shards.find()
        return {key: x for key, x in gather(self.shards.run(DESCRIPTION), skipped) if key in wanted}

    def forget(self) -> None:
        """Removes what is kept for a second run."""
        self.shards.remove()


def open_vectors(
    source: str,
    model: SpeakerModel,
    wanted: Collection[str],
    out: Path,
    workers: Workers,
    allow_pipes: bool = False,
    channel: int | None = None,
    max_hours: float = MAX_HOURS,
) -> VectorSource:
    """The embeddings that a user names: `scp:`, `ark:` or a file of them, else what is to be embedded.

    Args:
        as of `EmbeddedVectors`.
    Raises:
        DataError: the source is missing or malformed.
    """
    specifier, name = split_specifier(source)
    if specifier == "scp":
        return ListedVectors(Path(name), allow_pipes)
    if specifier == "ark" or Path(name).suffix in (".npz", ".ark", ".txt"):
        return ArchivedVectors(source, wanted, allow_pipes)
    return EmbeddedVectors(source, model, wanted, out, workers, allow_pipes, channel, max_hours)
