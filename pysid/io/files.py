"""Files and folders that appear under their name only when they are complete, and names that stay in their folder."""

import errno
import io
import os
import re
import secrets
import select
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TextIO

from pysid.errors import DataError
from pysid.io.lock import CAN_LOCK, hold, release

PathLike = str | os.PathLike[str]

STANDARD_STREAM = "-"  # as a name: standard input or output
PATIENCE_S = 20.0  # until somebody writes to a named pipe
PIECE_BYTES = 1 << 20
MOST_KEPT = 1 << 30  # bytes of a pipe
MAX_NAME_BYTES = 200  # file systems allow 255; the rest is for an ending and the temporary name's prefix
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_TEMPORARY = re.compile(r"\.pysid-[0-9a-f]{8}-(.+)", re.DOTALL)
_swept: set[Path] = set()  # folders in which this process has looked for what killed ones left


@contextmanager
def atomic_path(path: str | os.PathLike[str], mode: int = 0o666) -> Iterator[Path]:
    """A temporary path beside `path`, renamed to `path` when the block ends well, removed when it fails.

    The temporary name ends like `path`, so that programs which go by the ending (`.wav`, `.npz`) do the same
    with both; an empty file is there already. Missing parent folders are made. A symbolic link stays a link: its
    target is replaced. What is not a regular file (`/dev/stdout`, a named pipe) cannot be renamed onto and is yielded
    as it is. What a killed process left in the folder is removed.

    Args:
        mode: permissions of the file, from which those of the umask are taken.
    Raises:
        DataError: `path` is a directory.
        OSError: it cannot be written; a full disk names `path`.

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
    is_device = os.path.abspath(path).startswith(("/dev/std", "/dev/fd/", "/proc/"))
    if is_device or (os.path.exists(path) and not os.path.isfile(path)):
        with naming(path):
            yield Path(path)
        return
    target = Path(os.path.realpath(path))
    with naming(path), _temporary(target, lambda name: os.open(name, os.O_CREAT | os.O_EXCL | os.O_RDWR, mode)) as name:
        try:
            yield name
            _sync(name)
            os.replace(name, target)
        finally:
            name.unlink(missing_ok=True)


@contextmanager
def atomic_text(path: str | os.PathLike[str]) -> Iterator[TextIO]:
    """A text file to write to (UTF-8, `\\n` line ends) that appears as `path` when the block ends well.

    "-" is standard output.

    Raises:
        DataError: `path` is a directory, or standard output is closed.
        OSError: as `atomic_path`.
    """
    if str(path) == STANDARD_STREAM:
        if sys.stdout is None:
            raise DataError(f"{path}: expected an open standard output, and it is closed")
        with naming("standard output"):
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
        OSError: as `atomic_path`.

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
    with naming(path), _temporary(target, _make_folder) as name:
        try:
            yield name
            for file in name.rglob("*"):
                _sync(file)
            os.replace(name, target)
        finally:
            shutil.rmtree(name, ignore_errors=True)


@contextmanager
def naming(path: PathLike) -> Iterator[None]:
    """Adds the name of the file to the system's error about a full disk, where Python leaves it out."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL and error.filename is None:
            raise OSError(error.errno, error.strerror, os.fspath(path)) from None
        raise


@contextmanager
def _temporary(target: Path, make: Callable[[Path], int]) -> Iterator[Path]:
    """A new file or folder beside `target`, which `make` makes and opens; while it is open, others know it is in use.

    The lock belongs to the open file, so that it ends with the process, however that ends.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if not CAN_LOCK:  # nor is an open file renamed there
        name = _temporary_name(target)
        os.close(make(name))
        yield name
        return
    _sweep(target.parent)
    while True:
        name = _temporary_name(target)
        descriptor = make(name)
        with suppress(OSError):  # a file system without locks
            hold(descriptor, wait=True)
        if name.exists():  # else somebody came between the two and took it for a leftover
            break
        release(descriptor)
    try:
        yield name
    finally:
        release(descriptor)


def _temporary_name(target: Path) -> Path:
    return target.with_name(f".pysid-{secrets.token_hex(4)}-{target.name}")


def _make_folder(path: Path) -> int:
    path.mkdir()
    return os.open(path if CAN_LOCK else os.devnull, os.O_RDONLY)


def _sweep(folder: Path) -> None:
    """Removes what killed processes left in a folder; it looks only once, as folders may be large."""
    if folder not in _swept:
        _swept.add(folder)
        remove_leftovers(folder)


def remove_leftovers(folder: Path, of: str | None = None) -> None:
    """Removes temporary files and folders whose processes are gone.

    Args:
        of: only those that were to become a file or folder of this name.
    """
    with suppress(OSError), os.scandir(folder) as entries:
        found = [
            Path(entry.path)
            for entry in entries
            if (match := _TEMPORARY.fullmatch(entry.name)) and of in (None, match[1])
        ]
        for path in found:
            _remove_leftover(path)


def _remove_leftover(path: Path) -> None:
    """Removes a temporary file or folder, unless a living process is writing it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return
    try:
        hold(descriptor)
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    except OSError:
        return  # somebody's, or not ours to remove
    finally:
        release(descriptor)


def check_folder(path: PathLike) -> None:
    """Whether a folder for results is there or can be made, to be asked before the work.

    Raises:
        DataError: something else has its name, or that of a folder above it.
    """
    first = next(place for place in (Path(path), *Path(path).parents) if os.path.lexists(place))
    if not first.is_dir():
        raise DataError(f"{first}: expected a folder for the results, got a file")


def require_apart(outputs: Iterable[PathLike], inputs: Iterable[PathLike]) -> None:
    """Raises DataError where writing an output would replace a file that is read.

    >>> require_apart(["scores"], ["trials", "nowhere"])
    """
    read = [path for path in inputs if os.path.isfile(path)]
    for out in outputs:
        for path in read:
            if os.path.isfile(out) and os.path.samefile(out, path):
                raise DataError(f"{out}: expected another file to write than those that are read, and this is one")


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


def name_text(name: str) -> str:
    """A file's name as text; bytes in it that are not UTF-8 are read as Windows' Western code page.

    >>> name_text("m\\u00e4rz"), name_text(os.fsdecode(b"m\\xe4rz"))
    ('märz', 'märz')
    """
    try:
        name.encode()
    except UnicodeEncodeError:
        return os.fsencode(name).decode("cp1252", "replace")
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
        DataError: it is a directory, a device, a pipe that nobody writes to, or a standard input that is closed.
    """
    name = path if name is None else name
    if isinstance(path, Kept):
        return path.open()
    if str(path) == STANDARD_STREAM:
        if sys.stdin is None:
            raise DataError(f"{name}: expected something on standard input, and it is closed")
        return os.fdopen(os.dup(sys.stdin.fileno()), "rb", buffering=0)
    # Without O_NONBLOCK, a named pipe without a writer would block for ever; Windows has neither.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
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


class Kept(os.PathLike[str]):
    """What came through a pipe or standard input, in place of its path where a file is opened more than once."""

    def __init__(self, path: PathLike, pipe: BinaryIO | io.FileIO) -> None:
        self.path = path
        self._file = tempfile.TemporaryFile(prefix="pysid-", buffering=0)  # noqa: SIM115
        n_bytes = 0
        while piece := pipe.read(PIECE_BYTES):
            n_bytes += len(piece)
            if n_bytes > MOST_KEPT:
                raise DataError(f"{path}: expected at most {MOST_KEPT >> 30} GiB through the pipe, got more")
            with naming(tempfile.gettempdir()):
                self._file.write(piece)

    def __fspath__(self) -> str:
        return os.fspath(self.path)

    def __str__(self) -> str:
        return str(self.path)

    def open(self) -> io.FileIO:
        """It, from its start; the one that was opened before is at an end."""
        self._file.seek(0)
        return os.fdopen(os.dup(self._file.fileno()), "rb", buffering=0)


def kept(path: PathLike) -> PathLike:
    """A path that may be opened more than once: the same where it is a file, else what came through the pipe.

    Raises:
        DataError: see `open_binary`; or it cannot be read.
    """
    with _reading(path), open_binary(path) as file:
        is_file = str(path) != STANDARD_STREAM and stat.S_ISREG(os.fstat(file.fileno()).st_mode)
        return path if is_file else Kept(path, file)


def read_bytes(path: PathLike, max_bytes: int | None = None) -> bytes:
    """The whole content of a file. Raises DataError when it cannot be read, or is larger than `max_bytes`."""
    with _reading(path), io.BufferedReader(open_binary(path)) as file:
        content = file.read() if max_bytes is None else read_at_most(file, max_bytes + 1)
    if max_bytes is not None and len(content) > max_bytes:
        raise DataError(f"{path}: expected a file of at most {max_bytes >> 20} MiB, got a larger one")
    return content


@contextmanager
def _reading(path: PathLike) -> Iterator[None]:
    """Turns what goes wrong while a file is read into a DataError that names it."""
    try:
        yield
    except DataError:
        raise
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot read the file: {getattr(error, 'strerror', None) or error}") from None


def read_at_most(file: BinaryIO, n: int) -> bytes:
    """As `file.read(n)`, which would allocate all n bytes at once, however few there are."""
    pieces, left = [], n
    while left and (piece := file.read(min(left, PIECE_BYTES))):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)
