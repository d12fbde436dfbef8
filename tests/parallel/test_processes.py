"""Processes that are killed: what they did is done again, and only what kills every process is given up."""

import os
import threading
import time

import pytest

from pysid.errors import DataError
from pysid.io.scp import run_pipe
from pysid.parallel import processes
from pysid.parallel.processes import ProcessExecutor, SerialExecutor, WorkerLost

# Processes do not import the tests: they evaluate expressions.
PID = "__import__('os').getpid()"
KILL = f"__import__('os').kill({PID}, 9)"
RANK = "(__import__('time').sleep(0.3), __import__('pysid').parallel.workers._rank)[1]"


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_results_errors_and_ranks():
    with ProcessExecutor(2) as executor:
        assert {future.result() for future in [executor.submit(eval, RANK) for _ in range(6)]} == {0, 1}
        with pytest.raises(FileNotFoundError, match="nowhere"):
            executor.submit(os.stat, "/nowhere").result()
        with pytest.raises(DataError, match="expected a path, got the shell pipe"):
            executor.submit(run_pipe, "true |", allow_pipes=False).result()
        with pytest.raises(RuntimeError, match=r"(?s)in a working process:.*invalid literal for int"):
            executor.submit(int, "seven").result()
        with pytest.raises(Exception, match="pickle"):
            executor.submit(lambda: 1).result()
        pids = {executor.submit(eval, PID).result() for _ in range(4)}
        assert len(pids) <= 2, "errors cost no process"
    assert not any(map(is_alive, pids)), "processes outlive the block"


def test_what_a_killed_process_did_is_done_by_a_new_one(tmp_path):
    marker = tmp_path / "killed"
    once = (
        f"{KILL} if not __import__('os').path.exists({str(marker)!r}) and not open({str(marker)!r}, 'w').close() else 7"
    )
    with ProcessExecutor(2) as executor:
        others = [executor.submit(eval, f"{i}") for i in range(5)]
        assert executor.submit(eval, once).result() == 7
        assert [future.result() for future in others] == list(range(5))


def test_what_kills_every_process_is_given_up(monkeypatch):
    monkeypatch.setattr(processes, "ATTEMPTS", 2)
    with ProcessExecutor(1) as executor:
        bad, good = executor.submit(eval, KILL), executor.submit(eval, "7")
        with pytest.raises(WorkerLost):
            bad.result()
        assert good.result() == 7


def test_leaving_the_block_does_not_wait_for_work():
    began = threading.Event()
    with pytest.raises(KeyboardInterrupt), ProcessExecutor(1) as executor:
        pid = executor.submit(eval, PID).result()
        executor.submit(eval, "__import__('time').sleep(600)")
        queued = executor.submit(began.set)
        before = time.monotonic()
        raise KeyboardInterrupt
    assert time.monotonic() - before < 60
    assert queued.cancelled() and not is_alive(pid)


def test_serial():
    with SerialExecutor() as executor:
        assert executor.submit(int, "7").result() == 7
        with pytest.raises(ValueError, match="seven"):
            executor.submit(int, "seven")
