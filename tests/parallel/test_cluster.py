"""A Dask cluster on this machine: a worker that dies costs nothing, and what cannot be reached is said in one line."""

import faulthandler
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from pysid.errors import DataError
from pysid.parallel import cluster
from pysid.parallel.cluster import ClusterExecutor, rank_on_host
from pysid.parallel.run import PartsLost, run_parts
from pysid.parallel.workers import Workers

distributed = pytest.importorskip("distributed")
ROOT = Path(__file__).parents[2]
LONGEST_S = 180


@pytest.fixture(autouse=True)
def bounded():
    """Fails a test that hangs, with what each thread was at: closing a cluster waits without a bound."""

    def fail(*_):
        faulthandler.dump_traceback()
        raise TimeoutError(f"not done within {LONGEST_S} s")

    before = signal.signal(signal.SIGALRM, fail)
    signal.setitimer(signal.ITIMER_REAL, LONGEST_S, 20)  # again, for what is closed on the way out
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="module")
def address():
    """Two workers, each a process; a piece of work may kill one of them, but not two."""
    import dask

    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0", "memory_limit": 0}
    with (
        pytest.MonkeyPatch.context() as patch,
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
    ):
        patch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
        with distributed.LocalCluster(**options) as local:
            yield local.scheduler_address


@dataclass(frozen=True)
class Evaluate:
    """Evaluates expressions."""

    def open(self):
        return eval


def test_work_and_errors_come_back(address):
    with ClusterExecutor(address) as executor:
        assert executor.submit(int, "7", base=8).result() == 7
        with pytest.raises(ValueError, match="seven"):
            executor.submit(int, "seven").result()


def test_only_what_kills_workers_is_given_up(address):
    """Dask blames all that a worker was to do for its death."""
    deadly = "__import__('os').kill(__import__('os').getpid(), 9)"
    others = [f"__import__('time').sleep(0.1) or {i}" for i in range(8)]
    found = {}
    with pytest.raises(PartsLost) as lost:
        for item, result in run_parts(Evaluate(), [deadly, *others], str, Workers(cluster=address)):
            found[item] = result
    assert lost.value.items == [deadly]
    assert found == {item: i for i, item in enumerate(others)}


def test_workers_of_this_machine_have_different_ranks(address):
    with ClusterExecutor(address) as executor:
        client = executor._client
        client.wait_for_workers(2, timeout=60)
        futures = [client.submit(rank_on_host, workers=[worker], pure=False) for worker in client.nthreads()]
        assert sorted(client.gather(futures)) == [0, 1]


def test_embeddings_are_those_of_one_process_though_a_worker_is_killed(
    address, model, vectors, dev, tmp_path, monkeypatch
):
    from pysid.io.tables import read_table
    from pysid.model.speaker_model import SpeakerModel
    from pysid.runs.embed import embed_to_file
    from pysid.runs.inputs import open_inputs

    monkeypatch.chdir(dev)  # paths that are relative to the working folder, which is another one where the workers are
    entries = {key: os.path.relpath(dev / path) for key, path in read_table(dev / "wav.scp").items()}
    name, marker = list(entries)[20], tmp_path / "killed"
    kill_once = f"test -e {marker} || {{ touch {marker}; kill -9 $PPID; }}"
    entries[name] = f"{kill_once}; cat {entries[name]} |"
    (tmp_path / "wav.scp").write_text("".join(f"{key} {entry}\n" for key, entry in entries.items()))
    opened = SpeakerModel.load(model)
    inputs = open_inputs([str(tmp_path / "wav.scp")], opened, allow_pipes=True)
    n_done, skipped = embed_to_file(opened, inputs, tmp_path / "x.ark", Workers(cluster=address))
    assert marker.exists() and (n_done, len(skipped)) == (36, 0)
    assert (tmp_path / "x.ark").read_bytes() == vectors.with_suffix(".ark").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["killed", "wav.scp", "x.ark", "x.scp"]


def test_a_scheduler_that_goes_away():
    with (
        distributed.LocalCluster(n_workers=1, processes=False, dashboard_address=":0") as local,
        ClusterExecutor(local.scheduler_address) as executor,
    ):
        assert executor.submit(int, "7").result() == 7
        future = executor.submit(eval, "__import__('time').sleep(2)")
        local.close()
        with pytest.raises(DataError, match="the scheduler is gone; a second run resumes from here"):
            future.result(timeout=90)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "127.0.0.1:9", "nonsense://x:1", "tcp://", "no.such.host:1"])
def test_where_there_is_no_scheduler(monkeypatch, address):
    monkeypatch.setattr(cluster, "CONNECT_S", 0.5)
    with pytest.raises(DataError, match=f"^{address}: expected the address of a Dask scheduler: ") as error:
        ClusterExecutor(address)
    assert len(str(error.value).splitlines()) == 1


def test_a_cluster_without_workers(monkeypatch):
    monkeypatch.setattr(cluster, "WORKERS_S", 0.2)
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address=":0") as local,
        pytest.raises(DataError, match=r"no worker came within 0.2 s; start some with dask worker"),
    ):
        ClusterExecutor(local.scheduler_address)


def test_a_worker_that_does_not_answer(monkeypatch, address):
    monkeypatch.setattr(cluster, "WORKERS_S", 1)
    monkeypatch.setattr(cluster, "ANSWER_S", 0.5)
    with distributed.Client(address, set_as_default=False) as client:
        pid = next(iter(client.run(os.getpid).values()))
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(DataError, match=rf"^{address}: the scheduler or a worker does not answer"):
            ClusterExecutor(address)
    finally:
        os.kill(pid, signal.SIGCONT)


def test_workers_with_another_version(monkeypatch, address):
    monkeypatch.setattr(cluster, "__version__", "0.0.1")
    with pytest.raises(DataError, match=r"^the worker tcp://.* cannot run pysid 0.0.1: expected a worker with"):
        ClusterExecutor(address)


def test_a_missing_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(DataError, match=r"pip install 'pysid\[cluster\]'"):
        ClusterExecutor("tcp://127.0.0.1:9")
