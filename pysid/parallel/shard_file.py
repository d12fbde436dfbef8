"""One shard on disk: a zip file (https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT) of records and a list.

It gets its name when it is whole, and has checksums, so that a file that was cut short all the same is not used.
"""

import io
import json
import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from pysid.io.ark.record import read_array
from pysid.io.ark.writer import encode_record, encode_rows
from pysid.io.files import atomic_path
from pysid.io.spooled_rows import SpooledRows
from pysid.parallel.work import Results

RECORDS = "records.ark"  # records one behind the other, without their keys
INDEX = "index.json"
PIECE_BYTES = 4 << 20  # of a record


@dataclass(frozen=True)
class ShardFile:
    """What is in a shard.

    Attributes:
        identity: what it was made of, by what; a shard of another identity is not used.
        sizes: {key: bytes of its record}, in order.
        skipped: {key: why there is no record}.
        is_merged: the records were moved elsewhere.
    """

    path: str
    identity: str
    sizes: dict[str, int]
    skipped: dict[str, str]
    is_merged: bool = False

    @classmethod
    def write(
        cls,
        path: str | os.PathLike[str],
        identity: str,
        results: Results,
        compress: int = 0,
    ) -> None:
        """Writes arrays, or the reasons why there is none, as they come.

        Args:
            compress: as in `ArkWriter`; a matrix that cannot be compressed is skipped.
        """
        shard = cls(os.fspath(path), identity, {}, {})
        with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w") as file:
            with file.open(RECORDS, "w", force_zip64=True) as records:
                for key, result in results:
                    if isinstance(result, str):
                        shard.skipped[key] = result
                        continue
                    try:
                        if isinstance(result, SpooledRows):
                            pieces = encode_rows(result, compress)
                        else:
                            pieces = iter([encode_record(result, compress)])
                        shard.sizes[key] = sum(map(records.write, pieces))
                    except ValueError as error:
                        shard.skipped[key] = str(error)
            file.writestr(INDEX, shard._index())

    @classmethod
    def read(cls, path: str | os.PathLike[str], identity: str) -> Self | None:
        """The shard, or None where there is no whole one of that identity."""
        try:
            with zipfile.ZipFile(path) as file:
                if file.testzip() is not None:
                    return None
                index = json.loads(file.read(INDEX))
                shard = cls(os.fspath(path), **index)
                whole = shard.is_merged or file.getinfo(RECORDS).file_size == sum(shard.sizes.values())
        except Exception:  # a damaged file makes zipfile raise almost anything
            return None
        return shard if whole and shard.identity == identity else None

    def records(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        """Its keys with their records in pieces, as `encode_record` makes them; none of a shard that is merged."""
        if self.is_merged:
            return
        with zipfile.ZipFile(self.path) as file, file.open(RECORDS) as records:
            for key, size in self.sizes.items():
                pieces = (records.read(min(PIECE_BYTES, size - at)) for at in range(0, size, PIECE_BYTES))
                yield key, pieces
                for _ in pieces:  # what was not taken must not be the next one's
                    pass

    def arrays(self) -> Iterator[tuple[str, np.ndarray]]:
        """Its keys with their arrays, float32."""
        for key, record in self.records():
            yield key, read_array(io.BytesIO(b"".join(record)))

    def mark_merged(self) -> None:
        """Drops the records, and notes on disk that they were there."""
        shard = replace(self, is_merged=True)
        with atomic_path(self.path) as temporary, zipfile.ZipFile(temporary, "w") as file:
            file.writestr(INDEX, shard._index())

    def _index(self) -> str:
        return json.dumps({key: value for key, value in vars(self).items() if key != "path"})
