"""Embeddings by a Dask cluster that loses a worker half-way: `python -m benchmarks.lost_worker DATA [--json PATH]`.

DATA is a data directory. It is embedded by one process, by two, and by a cluster of two workers on this machine, one of
which is killed (SIGKILL, and not started again) once half of the shards exist. All is done by the command line, and
the archives must be equal to the last byte; the exit status is 1 if they are not.
"""

import argparse
import json
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.measure.tables import console, show, write_json
from pysid.io.tables import read_table
from pysid.parallel.shards import ENDING, shard_ranges

PYTHON = [sys.executable, "-m"]
START_S = 120


@dataclass(frozen=True)
class Outcome:
    """One run: what it is, how long it took, what came out, and whether that equals the result of one process."""

    what: str
    seconds: float
    n_embeddings: int
    is_equal: bool


@contextmanager
def cluster(folder: Path, n_workers: int = 2) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A scheduler and workers on this machine: its address and their processes."""
    where = folder / "scheduler.json"
    options = ["--scheduler-file", str(where)]
    started = [start(folder / "scheduler.log", "scheduler", *options, "--host", "127.0.0.1", "--port", "0")]
    try:
        wait_for(where.exists, "the scheduler")
        for i in range(n_workers):
            own = ["--nthreads", "1", "--memory-limit", "0", "--no-nanny", "--local-directory", str(folder / f"{i}")]
            started.append(start(folder / f"worker{i}.log", "worker", *options, *own))
        yield json.loads(where.read_text())["address"], started[1:]
    finally:
        for process in started:
            process.kill()
            process.wait()


def start(log: Path, *arguments: str) -> subprocess.Popen[bytes]:
    with log.open("wb") as file:
        return subprocess.Popen([*PYTHON, "dask", *arguments, "--no-dashboard"], stdout=file, stderr=file)


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + START_S
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"no sign of {what} within {START_S} s")
        time.sleep(0.1)


def embed(what: str, data: Path, folder: Path, options: Sequence[str], expected: Path | None = None) -> Outcome:
    """Embeds by the command line and compares with the archive of another run."""
    out = archive(folder, what)
    before = time.monotonic()
    process = start_embedding(data, out, options)
    return outcome(what, process, before, out, expected)


def start_embedding(data: Path, out: Path, options: Sequence[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([*PYTHON, "pysid", "embed", str(data), str(out), *options])


def outcome(what: str, process: subprocess.Popen[bytes], before: float, out: Path, expected: Path | None) -> Outcome:
    if process.wait():
        sys.exit(f"{what}: exit status {process.returncode}")
    seconds = time.monotonic() - before
    is_equal = expected is None or out.read_bytes() == expected.read_bytes()
    return Outcome(what, seconds, len(read_table(out.with_suffix(".scp"))), is_equal)


def archive(folder: Path, what: str) -> Path:
    return folder / f"{re.sub(r'[^a-z]+', '-', what)}.ark"


def embed_and_kill(what: str, data: Path, folder: Path, options: Sequence[str], expected: Path) -> Outcome:
    """As `embed`, on a cluster where one of the workers is killed half-way."""
    out = archive(folder, what)
    shards = Path(f"{out}{ENDING}")
    n_shards = len(shard_ranges(len(read_table(data / "wav.scp"))))
    with cluster(folder) as (address, workers):
        before = time.monotonic()
        process = start_embedding(data, out, [*options, "--cluster", address])
        while process.poll() is None and len(list(shards.glob("[0-9]*.zip"))) < n_shards / 2:
            time.sleep(0.01)
        workers[0].send_signal(signal.SIGKILL)
        n_there = len(list(shards.glob("[0-9]*.zip")))
        console().print(f"killed worker {workers[0].pid} when {n_there} of {n_shards} shards were there")
        return outcome(what, process, before, out, expected)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lost_worker", description=__doc__)
    parser.add_argument("data", type=Path, help="data directory with one recording per utterance")
    parser.add_argument("--model", default="xvector", help="(default: %(default)s)")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # which ends the cluster too
    options = ["--model", arguments.model]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        outcomes = [embed("one process", arguments.data, folder, options)]
        expected = archive(folder, "one process")
        outcomes += [
            embed("two processes", arguments.data, folder, [*options, "--jobs", "2"], expected),
            embed_and_kill("cluster of two, one killed", arguments.data, folder, options, expected),
        ]
    rows = [[x.what, f"{x.seconds:.1f} s", f"{x.n_embeddings:,}", "yes" if x.is_equal else "NO"] for x in outcomes]
    show(["by", "time", "embeddings", "the bytes of one process"], rows)
    if arguments.json:
        write_json(arguments.json, [asdict(x) for x in outcomes])
    sys.exit(not all(x.is_equal and x.n_embeddings == outcomes[0].n_embeddings for x in outcomes))


if __name__ == "__main__":
    main()
