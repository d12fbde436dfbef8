"""What a user names as a recording, as a binary file that can be read anywhere: pipes and streams are written to disk.

A named pipe, a process substitution (`<(...)`), standard input (`-`), bytes, and whatever has a method `read`.
"""

import io
import os
import stat
import sys
import tempfile
from typing import BinaryIO, cast

from pysid.errors import DataError
from pysid.io.audio.content import HEAD, UNKNOWN, after_id3, content_of
from pysid.io.files import open_binary

STDIN = "-"
MOST_BYTES = 32 << 30  # of a pipe: 48 hours of stereo at 96 kHz
BLOCK = 1 << 20

AudioFile = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO


def name_of(source: AudioFile) -> str:
    """What to call it in messages.

    >>> name_of("-"), name_of(b"RIFF")
    ('standard input', 'audio in memory')
    """
    if isinstance(source, str | os.PathLike):
        path = os.fspath(source)
        return "standard input" if path == STDIN else path
    if isinstance(source, bytes | bytearray | memoryview):
        return "audio in memory"
    name = getattr(source, "name", None)
    return name if isinstance(name, str) else "audio stream"


def is_path(source: object) -> bool:
    """Whether it names a file that can be opened again and again."""
    return isinstance(source, str | os.PathLike) and os.fspath(source) != STDIN


def spooled(source: AudioFile) -> AudioFile:
    """A recording that can be read again and again: what comes through a pipe is read now, and waits on disk.

    Raises:
        OSError, DataError: as `open_stream`.
    """
    if isinstance(source, str | os.PathLike) and (not is_path(source) or not stat.S_ISREG(os.stat(source).st_mode)):
        return cast(BinaryIO, _Borrowed(open_stream(source), name_of(source)))
    return source


def open_stream(source: AudioFile) -> BinaryIO:
    """A seekable binary file, at its start, that may be closed without closing what was given.

    Raises:
        OSError: it cannot be read.
        DataError: it is a directory, a device, a pipe that nobody writes to or that never ends, or text.
    """
    if isinstance(source, bytes | bytearray | memoryview):
        return io.BytesIO(source)
    name = name_of(source)
    if isinstance(source, str | os.PathLike):
        if os.fspath(source) == STDIN:
            if sys.stdin is None:
                raise DataError(f"{name}: expected a recording on standard input, and it is closed")
            return _spooled(sys.stdin.buffer, name)
        return _open_path(source, name)
    if isinstance(source, io.TextIOBase) or not hasattr(source, "read"):
        raise DataError(f"{name}: expected a file that is open in binary mode, got {type(source).__name__}")
    try:
        source.seek(0)  # where another reader may have left it
    except (OSError, AttributeError):
        return _spooled(source, name)
    return cast(BinaryIO, _Borrowed(source, name))


def _open_path(path: str | os.PathLike[str], name: str) -> BinaryIO:
    file = open_binary(path, name)
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    with file as pipe:
        return _spooled(pipe, name)


def _spooled(pipe: BinaryIO, name: str) -> BinaryIO:
    """All of a pipe in a temporary file, provided that it begins as audio does."""
    file = tempfile.TemporaryFile(prefix="pysid-")  # noqa: SIM115
    try:
        n_bytes = 0
        while block := pipe.read(BLOCK):
            if not isinstance(block, bytes):
                raise DataError(f"{name}: expected a file that is open in binary mode, got {type(block).__name__}")
            if n_bytes == 0 and len(block) >= HEAD and not after_id3(block) and content_of(block[:HEAD]) is UNKNOWN:
                raise DataError(f"{name}: expected audio through the pipe, got something else")
            n_bytes += len(block)
            if n_bytes > MOST_BYTES:
                raise DataError(f"{name}: expected at most {MOST_BYTES >> 30} GiB through the pipe, got more")
            file.write(block)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file


class _Borrowed(io.RawIOBase):
    """A stream that is used elsewhere, too, and stays open when this is closed."""

    def __init__(self, stream: BinaryIO, name: str = "audio stream") -> None:
        self.stream = stream
        self.name = name

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self.stream.seek(offset, whence)

    def tell(self) -> int:
        return self.stream.tell()

    def read(self, size: int = -1) -> bytes:
        return self.stream.read(size)
