"""A function in a fresh process of its own, and the most memory that a process has held."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pysid.errors import DataError
from pysid.parallel.processes import ProcessExecutor, WorkerLost

if TYPE_CHECKING:
    import resource


def isolated(function: Callable[..., Any], *arguments: Any) -> Any:
    """What a function returns in a fresh process, whose peak of memory is its own, then.

    Raises:
        DataError: the process was killed.
    """
    with ProcessExecutor(1) as process:
        try:
            return process.submit(function, *arguments).result()
        except WorkerLost:
            raise DataError("the process that did the work was killed; there may not be enough memory") from None


def peak_bytes() -> int:
    """The most memory this process has held; a process that was forked first counts its parent's by `getrusage`."""
    status = Path("/proc/self/status")
    if status.exists():
        fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
        if "VmHWM" in fields:
            return int(fields["VmHWM"].split()[0]) * 1024
    import resource  # which not every system has

    return bytes_of(resource.getrusage(resource.RUSAGE_SELF))


def bytes_of(usage: "resource.struct_rusage") -> int:
    """The peak of memory in what the system reports of a process."""
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
