"""Files and folders that appear under their name only when they are complete, and names that stay in their folder."""

import io
import os
import secrets
import select
import shutil
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from pysid.errors import DataError

PathLike = str | os.PathLike[str]

STANDARD_STREAM = "-"  # as a name: standard input or output
PATIENCE_S = 20.0  # until somebody writes to a named pipe
MAX_NAME_BYTES = 200  # file systems allow 255; the rest is for an ending and the temporary name's prefix


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary path beside `path`, renamed to `path` when the block ends well, removed when it fails.

    The temporary name ends like `path`, so that programs which go by the ending (`.wav`, `.npz`) do the same
    with both. Missing parent folders are made. A symbolic link stays a link: its target is replaced. What is
    not a regular file (`/dev/stdout`, a named pipe) cannot be renamed onto and is handed out as it is.

    Raises:
        DataError: `path` is a directory.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with atomic_path(folder / "a.txt") as temporary:
    ...     _ = temporary.write_text("all of it")
    ...     (folder / "a.txt").exists()
    False
    >>> (folder / "a.txt").read_text()
    'all of it'
    """
    if os.path.isdir(path):
        raise DataError(f"{path}: expected a file to write, got a directory")
    # What /dev/stdout stands for may be a file, which is not ours to replace.
    is_device = os.path.abspath(path).startswith(("/dev/", "/proc/"))
    if is_device or (os.path.exists(path) and not os.path.isfile(path)):
        yield Path(path)
        return
    target = Path(os.path.realpath(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".tmp-{secrets.token_hex(4)}-{target.name}")
    try:
        yield temporary
        _sync(temporary)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_text(path: str | os.PathLike[str]) -> Iterator[TextIO]:
    """A text file to write to (UTF-8, `\\n` line ends) that appears as `path` when the block ends well.

    "-" is standard output.
    """
    if str(path) == STANDARD_STREAM:
        yield sys.stdout
        sys.stdout.flush()
        return
    with atomic_path(path) as temporary, open(temporary, "w", encoding="utf-8", newline="\n") as file:
        yield file


@contextmanager
def atomic_directory(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary folder beside `path`, renamed to `path` when the block ends well, removed when it fails.

    Raises:
        DataError: `path` exists and is not an empty folder.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp()) / "model"
    >>> with atomic_directory(folder) as temporary:
    ...     _ = (temporary / "a.txt").write_text("all of it")
    >>> [path.name for path in folder.iterdir()]
    ['a.txt']
    """
    target = Path(os.path.realpath(path))
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        found = "one with files" if target.is_dir() else "a file"
        raise DataError(f"{path}: expected a new or an empty folder, got {found}")
    temporary = target.with_name(f".tmp-{secrets.token_hex(4)}-{target.name}")
    temporary.mkdir(parents=True)
    try:
        yield temporary
        for file in temporary.rglob("*"):
            _sync(file)
        os.replace(temporary, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def safe_name(name: str) -> str:
    """Returns `name`, an utterance or speaker id from a user's file, if it can be a file name in a folder.

    Raises:
        DataError: the name is empty, `.` or `..`, too long, or holds a path separator or a NUL, so that a
            file of that name could not be made, or would land outside its folder.

    >>> safe_name("id10270-x6-00001")
    'id10270-x6-00001'
    >>> safe_name("../../etc/passwd")
    Traceback (most recent call last):
    pysid.errors.DataError: expected an id that can be a file name, got '../../etc/passwd'
    """
    too_long = len(name.encode("utf-8", "surrogatepass")) > MAX_NAME_BYTES
    if name in ("", ".", "..") or too_long or any(c in name for c in "/\\\0"):
        raise DataError(f"expected an id that can be a file name, got {name!r}")
    return name


def modified(path: PathLike) -> int | None:
    """When a file was last changed, in nanoseconds; None where there is no such file."""
    try:
        return os.stat(path).st_mtime_ns
    except (OSError, ValueError):
        return None


def state(path: PathLike) -> str:
    """The size of a file and when it was last changed, as text; "" where there is no such file."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return ""
    return f"{found.st_size} {found.st_mtime_ns}"


def _sync(path: Path) -> None:
    """Waits until the file's bytes are on the disk: a rename must not overtake them."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def open_binary(path: PathLike, name: object = None) -> io.FileIO:
    """A file or a pipe, open to read, "-" for standard input; `name` stands for it in messages.

    Raises:
        OSError: it cannot be read.
        DataError: it is a directory, a device, or a pipe that nobody writes to.
    """
    name = path if name is None else name
    if str(path) == STANDARD_STREAM:
        return os.fdopen(os.dup(sys.stdin.fileno()), "rb", buffering=0)
    # Without O_NONBLOCK a named pipe without a writer would hold us up for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise DataError(f"{name}: cannot read the file: Is a directory")
        if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
            raise DataError(f"{name}: expected a file or a pipe, got a device")
        if not stat.S_ISREG(mode):
            waiting = select.poll()
            waiting.register(descriptor, select.POLLIN)
            if not waiting.poll(1000 * PATIENCE_S):
                raise DataError(f"{name}: expected somebody to write to this pipe, nobody did in {PATIENCE_S:g} s")
            os.set_blocking(descriptor, True)
        return os.fdopen(descriptor, "rb", buffering=0)
    except BaseException:
        os.close(descriptor)
        raise


def read_bytes(path: PathLike, max_bytes: int | None = None) -> bytes:
    """The whole content of a file. Raises DataError when it cannot be read, or is larger than `max_bytes`."""
    try:
        with io.BufferedReader(open_binary(path)) as file:
            content = file.read(-1 if max_bytes is None else max_bytes + 1)
    except DataError:
        raise
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot read the file: {getattr(error, 'strerror', None) or error}") from None
    if max_bytes is not None and len(content) > max_bytes:
        raise DataError(f"{path}: expected a file of at most {max_bytes >> 20} MiB, got a larger one")
    return content
