"""Locks on open files, which end with the process that holds them however that ends, and a lock for a run's output."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pysid.errors import DataError

try:
    import fcntl
except ImportError:  # another system than Unix
    fcntl = None  # type: ignore[assignment]

CAN_LOCK = fcntl is not None
_held: set[int] = set()


def hold(descriptor: int, wait: bool = False) -> None:
    """Locks an open file until it is closed, or until this process is gone.

    Args:
        wait: until whoever holds it lets go.
    Raises:
        BlockingIOError: somebody else holds it.
        OSError: the file system has no locks.
    """
    if fcntl is None:
        raise OSError("no locks")
    fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    _held.add(descriptor)


def release(descriptor: int) -> None:
    """Closes a file that `hold` may have locked."""
    _held.discard(descriptor)
    os.close(descriptor)


def _close_in_child() -> None:
    """A forked child that outlives us must not keep our locks."""
    for descriptor in _held:
        with suppress(OSError):
            os.close(descriptor)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_in_child)


@contextmanager
def output_lock(path: str | os.PathLike[str]) -> Iterator[None]:
    """Keeps other runs from writing the same output, a file or a folder, while the block lasts.

    The lock is that of an empty file `.NAME.lock` beside the output, which is removed at the end; one that a killed run
    left blocks nobody. What is not a file (`/dev/stdout`) is not locked, nor is anything where the file system has no
    locks.

    Raises:
        DataError: another run holds it.

    >>> import tempfile
    >>> with output_lock(f"{tempfile.mkdtemp()}/a.ark"):
    ...     pass
    """
    target = Path(os.path.realpath(path))
    if not CAN_LOCK or (target.exists() and not (target.is_file() or target.is_dir())):
        yield
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    lock = target.with_name(f".{target.name}.lock")
    descriptor = _locked(lock, path)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)  # first: whoever waits for it must not find one that is about to go
        release(descriptor)


def _locked(lock: Path, path: str | os.PathLike[str]) -> int:
    while True:
        descriptor = os.open(lock, os.O_CREAT | os.O_RDWR | getattr(os, "O_NOFOLLOW", 0), 0o666)
        try:
            hold(descriptor)
        except BlockingIOError:
            os.close(descriptor)
            raise DataError(f"{path}: another run is writing this: wait for it, or choose another output") from None
        except OSError:
            return descriptor
        with suppress(FileNotFoundError):
            if os.path.samestat(os.stat(lock), os.fstat(descriptor)):
                return descriptor
        release(descriptor)  # the one who held it has just removed it
