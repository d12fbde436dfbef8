"""NeMo's `.nemo` archives: a tar with the settings and the weights of a model. Nothing is extracted to the disk.

Source: NeMo, nemo/core/connectors/save_restore_connector.py.
"""

import gzip
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any

from torch import Tensor

from pysid.config import LARGEST_YAML, parse_plain
from pysid.errors import DataError, one_line
from pysid.io.checkpoint import MOST_EXPANDED, read_pytorch

SETTINGS, WEIGHTS = "model_config.yaml", "model_weights.ckpt"
MOST_MEMBERS = 1000
GZIP = b"\x1f\x8b"


def read_nemo(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The settings and the tensors of an archive.

    Raises:
        DataError: it is missing, damaged or hostile, or lacks one of them.
    """
    with _opened(path) as (archive, size):
        found = _members(archive, path)
        text = _stream(archive, found[SETTINGS], min(size, LARGEST_YAML), path).read()
        settings = parse_plain(text, f"{path}: {SETTINGS}", repeats=True)
        stream, claimed = _stream(archive, found[WEIGHTS], size, path), found[WEIGHTS].size
        return settings, read_pytorch(stream, claimed, f"{path}: {WEIGHTS}")


@contextmanager
def _opened(path: Path) -> Iterator[tuple[tarfile.TarFile, int]]:
    """The tar, unpacked into a temporary file where it is compressed, as those of old are; and its size in bytes."""
    try:
        with path.open("rb") as file, tempfile.TemporaryFile() as unpacked:
            packed = file.read(2) == GZIP
            file.seek(0)
            if packed:
                _unpack(file, unpacked, MOST_EXPANDED * path.stat().st_size, path)
            stream: IO[bytes] = unpacked if packed else file
            size = stream.seek(0, 2)
            stream.seek(0)
            with tarfile.open(fileobj=stream, mode="r:") as archive:
                yield archive, size
    except (tarfile.TarError, OSError, ValueError, EOFError, zlib.error) as error:
        if isinstance(error, DataError):
            raise
        raise _damaged(path, error) from None


def _unpack(file: IO[bytes], target: IO[bytes], most: int, path: Path) -> None:
    with gzip.GzipFile(fileobj=file) as stream:
        while block := stream.read(1 << 20):
            if target.tell() + len(block) > most:
                raise DataError(f"{path}: expected an archive of NeMo, got one that expands to more than {most} bytes")
            target.write(block)


def _members(archive: tarfile.TarFile, path: Path) -> dict[str, tarfile.TarInfo]:
    """The two members that are read, by name."""
    found: dict[str, tarfile.TarInfo] = {}
    for i, member in enumerate(archive):
        name = PurePosixPath(member.name)
        if name.is_absolute() or ".." in name.parts:
            raise DataError(f"{path}: expected an archive of NeMo, got a member outside of it, {member.name[:80]!r}")
        if i == MOST_MEMBERS:
            raise DataError(f"{path}: expected an archive of NeMo, got more than {MOST_MEMBERS} members")
        if member.isreg() and str(name) in (SETTINGS, WEIGHTS):
            found[str(name)] = member
    lacking = [x for x in (SETTINGS, WEIGHTS) if x not in found]
    if lacking:
        raise DataError(f"{path}: expected an archive of NeMo, got one without {lacking[0]}")
    return found


def _stream(archive: tarfile.TarFile, member: tarfile.TarInfo, most: int, path: Path) -> Any:
    if member.size > most or member.issparse():
        raise DataError(f"{path}: {member.name} claims {member.size} bytes, more than can be")
    return archive.extractfile(member)


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(f"{path}: expected an archive of NeMo, got: {one_line(error)}")
