"""An archive of a corpus that is brought up to date: what is there and still holds stays, the rest is computed.

Beside `X.ark` a table `X.sources` says of what each record was made, so that a recording that has changed since is not
taken for the same.
"""

import hashlib
from pathlib import Path
from typing import Any

from pysid.errors import Skipped
from pysid.io.ark.writer import ArkWriter
from pysid.io.tables import read_table, write_table
from pysid.parallel.shards import ENDING, ShardRun, merge
from pysid.parallel.work import Source

SOURCES = ".sources"


def identity(source: Source, key: str) -> str:
    """A hash of where an utterance comes from, and of the state of that file."""
    return hashlib.sha256(source.entry(key).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def shards_of(archive: Path) -> Path:
    """The folder of the shards of an archive, given without its ending."""
    return Path(f"{archive}{ENDING}")


def update_archive(writer: ArkWriter, shards: ShardRun[Any], description: str, skipped: Skipped) -> None:
    """Computes what an archive lacks, and what was made of files that have changed.

    Args:
        writer: which goes on with the archive.
        shards: of all that the archive is to hold.
        description: for the bar of progress.
        skipped: gets the utterances of which there is no record.
    """
    table = Path(f"{writer.ark.removesuffix('.ark')}{SOURCES}")
    known = read_table(table) if table.exists() else None
    if known is None and writer.is_partial:
        known = {}  # a finished archive without a table is of an older version, and trusted
    current = {key: identity(shards.source, key) for key in shards.keys}
    in_shards = shards.find(writer.done)
    if known is not None:
        changed = [key for key in writer.done if key not in in_shards and known.get(key) != current.get(key)]
        if changed:
            writer.drop(changed)
            shards.find(writer.done)
    merge(shards.run(description, writer.done), writer, skipped)
    write_table(table, {key: current[key] for key in writer.done if key in current})
