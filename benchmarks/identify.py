"""Identification among many speakers: `python -m benchmarks.identify [--n N ...] [--threads N] [--json PATH]`.

The speakers are random, one utterance each, in a real database in a temporary folder: about 2.4 KB per speaker, and
0.8 KB of index. Each step has a process of its own, so that its peak of memory is its own, too.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

import pysid
from benchmarks.measure.machine import GIB
from benchmarks.measure.tables import console, show, write_json
from pysid.model.speaker_model import SpeakerModel
from pysid.parallel.isolated import isolated, peak_bytes
from pysid.speakers.database import EnrolledUtterance, SpeakerDatabase
from pysid.speakers.identify import Identifier

BATCH = 10_000  # speakers enrolled in one transaction
N_QUERIES = 20
N_BEST = 10


@dataclass(frozen=True)
class Measurement:
    """What a database of `n` speakers takes, in seconds, without the network that makes embeddings of audio.

    Attributes:
        enrol_s: storing the embeddings.
        prepare_s: the first opening, which writes the index file.
        prepare_gib: its peak of memory, including torch and the model (about 0.4 GiB).
        open_s: a later opening.
        first_s: the first query after it, which reads the index file.
        query_s, slowest_s: the median and the longest of the queries that follow.
        follow_s: the first query after somebody else has been enrolled.
        remove_s: the removal of a speaker for good.
        query_gib: the most memory of the process that answers queries; the mapped index file, which counts in
            it, is shared by all such processes.
        disk_gib: the database and its index.
    """

    n: int
    enrol_s: float
    prepare_s: float
    prepare_gib: float
    open_s: float
    first_s: float
    query_s: float
    slowest_s: float
    follow_s: float
    remove_s: float
    query_gib: float
    disk_gib: float


def random_embeddings(model: SpeakerModel, seed: int) -> Iterator[np.ndarray]:
    """Embeddings (E,) float32 whose mean is that of real ones."""
    rng = np.random.default_rng(seed)
    mean = model.scorer().projection.mean_
    assert mean is not None
    while True:
        yield from (mean + rng.normal(size=(BATCH, len(mean)))).astype(np.float32)


def enrol(path: Path, n: int) -> dict[str, float]:
    model = pysid.load()
    vectors = random_embeddings(model, seed=0)
    seconds = 0.0
    with SpeakerDatabase.create(path, model.fingerprint(), model.config.network.embedding_dim) as database:
        for begin in range(0, n, BATCH):
            numbers = range(begin, min(begin + BATCH, n))
            batch = {f"speaker-{i}": [EnrolledUtterance("random", 5.0, next(vectors))] for i in numbers}
            start = time.perf_counter()
            database.add(batch)
            seconds += time.perf_counter() - start
    return {"enrol_s": seconds}


def prepare(path: Path, threads: int) -> dict[str, float]:
    model = pysid.load()
    with threadpool_limits(threads), SpeakerDatabase(path) as database:
        start = time.perf_counter()
        Identifier(database, model)
        return {"prepare_s": time.perf_counter() - start, "prepare_gib": peak_bytes() / GIB}


def query(path: Path, threads: int) -> dict[str, float]:
    model = pysid.load()
    tests = random_embeddings(model, seed=1)
    with threadpool_limits(threads), SpeakerDatabase(path) as database:
        start = time.perf_counter()
        identifier = Identifier(database, model)
        open_s = time.perf_counter() - start
        times = [_query_time(identifier, next(tests)) for _ in range(1 + N_QUERIES)]
        database.add({"newcomer": [EnrolledUtterance("random", 5.0, next(tests))]})
        follow_s = _query_time(identifier, next(tests))
        query_gib = peak_bytes() / GIB
    return {
        "open_s": open_s,
        "first_s": times[0],
        "query_s": float(np.median(times[1:])),
        "slowest_s": max(times[1:]),
        "follow_s": follow_s,
        "query_gib": query_gib,
    }


def remove(path: Path) -> dict[str, float]:
    with SpeakerDatabase(path) as database:
        start = time.perf_counter()
        database.remove(["newcomer"])
        return {"remove_s": time.perf_counter() - start}


def measure(n: int, threads: int) -> Measurement:
    """All steps, on a database that is removed in the end."""
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speakers.db"
        for step, *arguments in ((enrol, n), (prepare, threads), (query, threads), (remove,)):
            figures |= isolated(step, path, *arguments)
        size = sum(file.stat().st_size for file in Path(folder).iterdir())
    return Measurement(n=n, disk_gib=size / GIB, **figures)


def _query_time(identifier: Identifier, test: np.ndarray) -> float:
    start = time.perf_counter()
    identifier.identify_embedding(test, N_BEST)
    return time.perf_counter() - start


def main() -> None:
    from benchmarks.measure.machine import machine

    parser = argparse.ArgumentParser(prog="python -m benchmarks.identify", description=__doc__)
    parser.add_argument("--n", type=int, nargs="+", default=[10_000, 100_000], help="speakers (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=2, help="(default: %(default)s)")
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    arguments = parser.parse_args()
    about = machine() | {"threads": arguments.threads}
    measurements = [measure(n, arguments.threads) for n in arguments.n]
    header = ["speakers", "enrol", "prepare", "(memory)", "open", "first query", "query", "slowest", "after a change"]
    show([*header, "(memory)", "remove", "disk"], [_cells(m) for m in measurements], n_left=0)
    console().print("machine:", ", ".join(f"{name} {value}" for name, value in about.items()))
    if arguments.json:
        write_json(arguments.json, {"machine": about, "measurements": [asdict(m) for m in measurements]})


def _cells(m: Measurement) -> list[str]:
    seconds = [f"{x:.3g} s" for x in (m.enrol_s, m.prepare_s)]
    later = [f"{1000 * x:.3g} ms" for x in (m.open_s, m.first_s, m.query_s, m.slowest_s, m.follow_s)]
    sizes = [f"{x:.2f} GiB" for x in (m.prepare_gib, m.query_gib, m.disk_gib)]
    return [f"{m.n:,}", *seconds, sizes[0], *later, sizes[1], f"{m.remove_s:.3g} s", sizes[2]]


if __name__ == "__main__":
    main()
