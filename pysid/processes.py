"""A function of utterances, run by several processes."""

import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any, TypeVar

import torch

from pysid.errors import DataError

Result = TypeVar("Result")


@contextmanager
def one_thread() -> Iterator[None]:
    """torch on a single thread, as in the processes of `map_processes`: sums are rounded alike then."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def map_processes(worker: Callable[[str], Result], names: Sequence[str], n_jobs: int = 1) -> Iterator[Result]:
    """`worker(name)` of each name, in their order.

    Args:
        worker: goes to each process once, so that what it holds does not cross over with every name.
        n_jobs: processes; with 1 it all happens in this one.
    Raises:
        DataError: a process was killed.
    """
    if n_jobs <= 1:
        yield from map(worker, names)
        return
    # Not fork: a forked child of a process whose torch has threads can hang.
    with ProcessPoolExecutor(n_jobs, get_context("spawn"), _start, (worker,)) as pool:
        try:
            yield from pool.map(_run, names, chunksize=16)
        except BrokenProcessPool:
            raise DataError("a working process was killed, perhaps for want of memory") from None


_worker: Callable[[str], Any]


def _start(worker: Callable[[str], Any]) -> None:
    global _worker  # noqa: PLW0603 - a pool's initializer has no other way to leave something behind
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that the user started
    torch.set_num_threads(1)
    _worker = worker


def _run(name: str) -> Any:
    return _worker(name)
