"""How fast all cores of a machine are together: a process on each does the whole work, as with `pysid embed --jobs`.

Time is wall-clock time. All processes begin a round together, and it ends with the last of them.
"""

import os
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from typing import Any

from threadpoolctl import threadpool_limits

Make = Callable[..., Callable[[], Any]]


def all_cores_seconds(make: Make, arguments: tuple[Any, ...], rounds: int, fresh: bool) -> float | None:
    """Seconds in which each core does the work once: the least of several rounds. None on a machine with one core.

    Args:
        make: a module's function that prepares the work; what it returns is timed.
        arguments: of `make`.
        fresh: prepare anew for each round, for work that uses up its input. Otherwise it is prepared once, and there
            is an additional first round that does not count.
    """
    n_cores = os.cpu_count() or 1
    if n_cores == 1:
        return None
    context = get_context("spawn")
    barrier = context.Barrier(n_cores)
    with ProcessPoolExecutor(n_cores, context, initializer=_keep, initargs=(barrier,)) as pool:
        work = [pool.submit(_rounds, make, arguments, rounds + (not fresh), fresh) for _ in range(n_cores)]
        times = list(zip(*(x.result() for x in work), strict=True))  # of each round, those of all processes
    counted = times[not fresh :]
    return min(max(end for _, end in own) - min(start for start, _ in own) for own in counted)


def made_on_one_core(make: Make, arguments: tuple[Any, ...]) -> Callable[[], Any]:
    """What `make` returns. Threads are limited again, for libraries that `make` is the first to load."""
    with threadpool_limits(1):
        return make(*arguments)


def _keep(barrier: Barrier) -> None:
    global _barrier  # noqa: PLW0603  a barrier can be given to a process only when it starts
    _barrier = barrier


def _rounds(make: Make, arguments: tuple[Any, ...], rounds: int, fresh: bool) -> list[tuple[float, float]]:
    """When each round began and ended in this process."""
    import torch  # here, as processes whose memory is measured import this module too

    torch.set_num_threads(1)
    times: list[tuple[float, float]] = []
    with torch.inference_mode():
        for _ in range(rounds):
            result = None  # of the round before: there is memory for only one
            if fresh or not times:
                timed = None
                timed = made_on_one_core(make, arguments)
            with threadpool_limits(1):
                _barrier.wait()
                start = time.monotonic()
                result = timed()  # noqa: F841  freeing it is not part of the work
                times.append((start, time.monotonic()))
    return times
