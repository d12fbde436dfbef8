"""Processes of this machine behind the interface of `concurrent.futures`, any of which may be lost at any time.

A pool of `concurrent.futures` is broken as a whole when one of its processes is killed, and does not say whose work
that was. Here each process has a pipe of its own: what it was doing is known and is given to a new one.
"""

import signal
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from multiprocessing import get_context
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any

from pysid.errors import DataError
from pysid.parallel.workers import set_rank

ATTEMPTS = 3  # processes that may be killed over one piece of work
CONTEXT = get_context("spawn")  # a forked child of a process whose torch has threads can hang


class WorkerLost(Exception):
    """Every process that was given this piece of work was killed."""


class SerialExecutor(Executor):
    """Does the work in this process, when it is submitted."""

    window = 1  # how many pieces of work are worth submitting at once
    is_sure = True  # that a piece of work over which workers were lost is what killed them

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Does it now; an error is raised here, and not kept in the future."""
        future: Future[Any] = Future()
        future.set_result(function(*args, **kwargs))
        return future


class ProcessExecutor(Executor):
    """`n` new processes, the i-th of which has the rank i (see `set_rank`).

    A future raises WorkerLost where `ATTEMPTS` processes were killed over it. Leaving the `with` block kills all.
    """

    is_sure = True

    def __init__(self, n: int) -> None:
        self.window = 2 * n
        self._lanes = [_Lane(rank) for rank in range(n)]
        self._free: SimpleQueue[_Lane] = SimpleQueue()
        for lane in self._lanes:
            self._free.put(lane)
        self._threads = ThreadPoolExecutor(n)  # one waits for each process

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Gives the work to the next process that is free."""
        return self._threads.submit(self._call, function, args, kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Ends the processes, after the work that they are at; what has not begun is given up."""
        for lane in self._lanes:
            lane.close()
        self._threads.shutdown(wait, cancel_futures=True)
        for lane in self._lanes:
            lane.join()

    def _call(self, *call: Any) -> Any:
        lane = self._free.get()
        try:
            return lane.call(call)
        finally:
            self._free.put(lane)


class _Lane:
    """One process after another, each started when there is something to do and none is alive."""

    def __init__(self, rank: int) -> None:
        self.rank = rank
        self.is_closed = False
        self.lock = threading.Lock()  # no process is started while the lane is closed
        self.process: Any = None
        self.pipe: Connection

    def call(self, call: Any) -> Any:
        for _ in range(ATTEMPTS):
            try:
                if self.process is None:
                    self._start()
                self.pipe.send(call)
                is_good, outcome = self.pipe.recv()
            except (EOFError, ConnectionError, BrokenPipeError):
                self._stop()
                continue
            if is_good:
                return outcome
            raise outcome
        raise WorkerLost

    def close(self) -> None:
        with self.lock:
            self.is_closed = True
            if self.process is not None:
                self.process.kill()

    def join(self) -> None:
        if self.process is not None:
            self.process.join()

    def _start(self) -> None:
        with self.lock:
            if self.is_closed:
                raise WorkerLost
            self.pipe, theirs = CONTEXT.Pipe()
            self.process = CONTEXT.Process(target=_serve, args=(theirs, self.rank), daemon=True)
            self.process.start()
            theirs.close()  # else the end of the process would not end the pipe

    def _stop(self) -> None:
        self.pipe.close()
        with self.lock:
            self.process.kill()
            self.process.join()
            self.process = None


def _serve(pipe: Connection, rank: int) -> None:
    """What a process does: call what comes in and send back the outcome, until the other end is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that the user started
    set_rank(rank)
    while True:
        try:
            function, args, kwargs = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send(_outcome(function, args, kwargs))
        except BrokenPipeError:
            return


def _outcome(function: Callable[..., Any], args: Any, kwargs: Any) -> tuple[bool, Any]:
    """(whether it went well, the result or the error), which can be pickled."""
    try:
        return True, function(*args, **kwargs)
    except (DataError, OSError) as error:
        return False, error
    except Exception:  # a bug, whose place would be lost on the way
        return False, RuntimeError(f"in a working process:\n{traceback.format_exc()}")
