"""Parts of a piece of work, done by any worker, in whatever order they become ready."""

import threading
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from pysid.parallel.cluster import ClusterExecutor
from pysid.parallel.processes import ProcessExecutor, SerialExecutor, WorkerLost
from pysid.parallel.work import Work
from pysid.parallel.workers import Workers, torch_threads

Item = TypeVar("Item", bound=Hashable)
Part = TypeVar("Part")
Result = TypeVar("Result")


class PartsLost(Exception):
    """Parts over which process after process was killed; all others are done."""

    def __init__(self, items: Sequence[Any]) -> None:
        super().__init__(items)
        self.items = items


def run_parts(
    work: Work[Part, Result],
    items: Sequence[Item],
    prepare: Callable[[Item], Part],
    workers: Workers,
    opened: Callable[[Part], Result] | None = None,
) -> Iterator[tuple[Item, Result]]:
    """(item, result) of every item, as soon as each is done.

    Args:
        prepare: makes the part that is handed out for an item, when it is handed out.
        opened: what `work.open()` would give, for work that is done in this process.
    Raises:
        PartsLost: after all else was done.
        Exception: whatever the work raised, at once.
    """
    if not items:
        return
    lost: list[Item] = []
    with open_executor(workers, len(items)) as executor:
        run: Callable[[Part], Result] = partial(_run, work, workers.threads)
        if isinstance(executor, SerialExecutor):
            run = partial(_run_here, opened or work.open(), workers.threads)

        def submit(item: Item) -> Future[Result]:
            return executor.submit(run, prepare(item))

        yield from _as_done(submit, items, executor.window, lost)
        if lost and not executor.is_sure:  # now one at a time, to find the one that kills workers
            suspects = [item for item in items if item in set(lost)]
            lost.clear()
            yield from _as_done(submit, suspects, 1, lost)
    if lost:
        raise PartsLost([item for item in items if item in set(lost)])


def _as_done(
    submit: Callable[[Item], Future[Result]], items: Iterable[Item], window: int, lost: list[Item]
) -> Iterator[tuple[Item, Result]]:
    """(item, result) as each is done, with at most `window` handed out; those over which workers died go to `lost`."""
    left = iter(items)
    waiting: dict[Future[Result], Item] = {}
    while True:
        for item in islice(left, window - len(waiting)):
            waiting[submit(item)] = item
        if not waiting:
            return
        for future in wait(waiting, return_when=FIRST_COMPLETED).done:
            item = waiting.pop(future)
            try:
                result = future.result()
            except WorkerLost:
                lost.append(item)
            else:
                yield item, result


def open_executor(workers: Workers, n_parts: int) -> SerialExecutor | ProcessExecutor | ClusterExecutor:
    """The executor for that many parts, a context manager.

    Raises:
        DataError: as `ClusterExecutor`.
    """
    if workers.cluster is not None:
        return ClusterExecutor(workers.cluster)
    n_processes = min(workers.n_processes, n_parts)
    return SerialExecutor() if n_processes == 1 else ProcessExecutor(n_processes)


def _run_here(do: Callable[[Part], Result], threads: int, part: Part) -> Result:
    with torch_threads(threads):
        return do(part)


def _run(work: Work[Part, Result], threads: int, part: Part) -> Result:
    with _opening:  # a Dask worker may run several parts at a time
        if work not in _opened:
            _opened.clear()  # the work of an earlier run
            with torch_threads(threads):
                _opened[work] = work.open()
        do = _opened[work]
    return _run_here(do, threads, part)


_opening = threading.Lock()
_opened: dict[Any, Callable[[Any], Any]] = {}
