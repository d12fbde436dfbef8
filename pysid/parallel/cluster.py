"""A Dask cluster behind the interface of `concurrent.futures`: the workers of many machines that share their files.

Dask itself gives the work of a worker that died to another, and gives up after `distributed.scheduler.
allowed-failures` deaths.
"""

import ctypes
import logging
from collections.abc import Callable
from concurrent.futures import CancelledError, Executor, Future
from contextlib import suppress
from functools import cache, partial
from typing import Any

from pysid._version import __version__
from pysid.errors import DataError, needs_extra
from pysid.parallel.processes import ATTEMPTS, WorkerLost
from pysid.parallel.workers import has_rank, n_gpus, rank_among, set_rank

CONNECT_S = 10
WORKERS_S = 60  # for the first worker to come
ANSWER_S = 60  # for all of them to say which version they have; the first import may be from a slow disk
MIN_WINDOW = 64
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # glibc's malloc.h


class ClusterExecutor(Executor):
    """The workers of a cluster, those that join it later as well.

    A future raises WorkerLost where too many workers died over it, or over what else they were to do: Dask does not
    know which it was. It raises DataError where the scheduler is gone.

    Args:
        address: of the scheduler, such as "tcp://10.0.0.1:8786"; certificates for "tls://..." are Dask's settings.
    Raises:
        DataError: Dask is not installed, there is no scheduler at that address, it has no workers, or one that
            cannot import this version of pysid, or the cluster does not answer.
    """

    is_sure = False

    def __init__(self, address: str) -> None:
        with needs_extra("a cluster", "cluster"):
            import distributed
        self.address = address
        try:
            logging.getLogger("distributed").setLevel(
                logging.CRITICAL
            )  # what goes wrong is reported in one line, below
            self._client = distributed.Client(address, timeout=CONNECT_S, set_as_default=False)
        except Exception as error:  # an address can be wrong in many ways
            raise DataError(f"{address}: expected the address of a Dask scheduler: {_first_line(error)}") from None
        try:
            self._check()
        except BaseException:
            self.shutdown()
            raise
        self.window = max(MIN_WINDOW, 4 * sum(self._client.nthreads().values()))
        self._lost: type[Exception] = distributed.KilledWorker

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Sends work to some worker; function and arguments are pickled, and both sides are of one version."""
        future: Future[Any] = Future()
        self._send(future, partial(_call_on_worker, __version__, function, *args, **kwargs), ATTEMPTS)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Leaves the cluster; what is not done is given up. The workers stay."""
        with suppress(TimeoutError):  # a scheduler that does not answer is left without a word
            self._client.close(timeout=CONNECT_S)

    def _send(self, future: Future[Any], call: Callable[[], Any], attempts: int) -> None:
        """Hands out a call. Not by Dask's own executor: there a result that is lost with its worker is never set."""
        self._client.submit(call, pure=False).add_done_callback(partial(self._settle, future, call, attempts))

    def _settle(self, future: Future[Any], call: Callable[[], Any], attempts: int, inner: Any) -> None:
        try:
            future.set_result(inner.result())
        except self._lost:
            future.set_exception(WorkerLost())
        except CancelledError:  # the worker died between the work and our asking for the result; or the scheduler did
            if self._client.status == "running" and attempts > 1:
                self._send(future, call, attempts - 1)
            else:
                gone = f"{self.address}: the scheduler is gone; a second run resumes from here"
                future.set_exception(DataError(gone))
        except BaseException as error:
            future.set_exception(error)

    def _check(self) -> None:
        """That there are workers, and that those there are can do our work."""
        try:
            versions = self._client.sync(self._ask_workers, callback_timeout=WORKERS_S + ANSWER_S)
        except TimeoutError:
            raise DataError(f"{self.address}: the scheduler or a worker does not answer: see their logs") from None
        for worker, outcome in versions.items():
            if isinstance(outcome, Exception):
                raise DataError(f"the worker {worker} cannot run pysid {__version__}: {_first_line(outcome)}")

    async def _ask_workers(self) -> dict[str, Exception | None]:
        """What `check_version` raised on each worker. Dask's own calls have no bound for an answer."""
        try:
            await self._client.wait_for_workers(1, timeout=WORKERS_S)
        except TimeoutError:
            raise DataError(
                f"{self.address}: no worker came within {WORKERS_S} s; start some with dask worker"
            ) from None
        outcomes: dict[str, Exception | None] = await self._client.run(check_version, __version__, on_error="return")
        return outcomes


def _call_on_worker(version: str, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Calls a function on a worker."""
    check_version(version)
    keep_memory()
    if n_gpus() > 1 and not has_rank():
        set_rank(rank_on_host())
    return function(*args, **kwargs)


def check_version(version: str) -> None:
    """Raises DataError where a worker has another pysid than the process that gives out the work."""
    if version != __version__:
        raise DataError(f"expected a worker with pysid {version}, got one with pysid {__version__}")


@cache
def keep_memory() -> None:
    """Lets this process keep memory that it has freed, for the next tensor.

    Dask's nanny starts workers with MALLOC_TRIM_THRESHOLD_=65536, which gives it back to the system at once; getting
    it again page by page took half as long as the network itself.
    """
    with suppress(OSError, AttributeError):  # not the C library of GNU
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_MMAP_THRESHOLD, 32 << 20)
        mallopt(M_TRIM_THRESHOLD, 512 << 20)


def rank_on_host() -> int:
    """The number of the Dask worker that this runs in among those on its machine."""
    import distributed

    return rank_among(distributed.get_worker().address, distributed.get_client().nthreads())


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
