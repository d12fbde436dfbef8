"""What the benchmarks of speed have in common: jobs of so many seconds of audio, timed in turns, and their table.

One core: CPU time of one thread, the best of several rounds in which all jobs take turns with the products and copies
that show what the machine can do. All cores: see `all_cores`.
"""

import argparse
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from benchmarks.measure.all_cores import all_cores_seconds
from benchmarks.measure.machine import GIB, machine, round_rate
from benchmarks.measure.tables import console, show, write_json
from pysid.parallel.isolated import isolated, peak_bytes

PRODUCT, MEMORY = "float32 products", "memory"
PRODUCT_SIZE = 2048
COPIED_BYTES = 2**27
RUNS = 3  # one after the other in a round: only the first finds the caches cold, as in a corpus of many recordings
ALL_CORES_ROUNDS = 5


@dataclass(frozen=True)
class Job:
    """What is timed.

    Attributes:
        what: the work; by: who does it.
        audio_s: seconds of audio that are processed.
        make: a module's function that prepares the work; what it returns is timed, again and again.
        arguments: of `make`.
        work: floating-point operations, or bytes read and written, that cannot be avoided; 0: not known.
        limit: which of the two, PRODUCT or MEMORY.
    """

    what: str
    by: str
    audio_s: float
    make: Callable[..., Callable[[], Any]]
    arguments: tuple[Any, ...] = ()
    work: float = 0.0
    limit: str = PRODUCT


@dataclass(frozen=True)
class Speed:
    """What a job took.

    Attributes:
        one_core: seconds of audio per second; all_cores: the same, None where it was not measured.
        share: of the machine's limit that one core reached.
        peak_gib: the peak of a process's memory, including Python, its packages and the input.
    """

    what: str
    by: str
    one_core: float
    all_cores: float | None
    share: float | None
    limit: str
    peak_gib: float


def measure(jobs: Sequence[Job], rounds: int, all_cores: bool = True) -> tuple[dict[str, float], list[Speed]]:
    """The machine's limits, and a line for each job."""
    limits, seconds = isolated(_in_turns, jobs, rounds)
    lines = []
    for job, s in zip(jobs, seconds, strict=True):
        each = all_cores_seconds(job.make, job.arguments, ALL_CORES_ROUNDS, fresh=False) if all_cores else None
        rate = (os.cpu_count() or 1) * job.audio_s / each if each else None
        share = job.work / s / limits[job.limit] if job.work else None
        lines.append(Speed(job.what, job.by, job.audio_s / s, rate, share, job.limit, isolated(_peak, job) / GIB))
    return limits, lines


def _in_turns(jobs: Sequence[Job], rounds: int) -> tuple[dict[str, float], list[float]]:
    """The limits, and the least CPU seconds of each job; in this process, on one core."""
    torch.set_num_threads(1)
    made = [job.make(*job.arguments) for job in jobs]
    with threadpool_limits(1), torch.inference_mode():
        a, b = torch.randn(2, PRODUCT_SIZE, PRODUCT_SIZE).unbind()
        out, source = torch.empty_like(a), torch.zeros(COPIED_BYTES, dtype=torch.uint8)
        target = torch.zeros_like(source)
        limits = [lambda: torch.mm(a, b, out=out), lambda: target.copy_(source)]
        product_s, copy_s, *seconds = best_of([*limits, *made], rounds)
    return {PRODUCT: 2 * PRODUCT_SIZE**3 / product_s, MEMORY: 2 * COPIED_BYTES / copy_s}, seconds


def best_of(tasks: Sequence[Callable[[], object]], rounds: int) -> list[float]:
    """Least CPU seconds of each task over so many rounds of `RUNS`, after one round that does not count.

    CPU time, as one core is measured: others on the machine then disturb less. The tasks take turns, so that a load
    that comes and goes does not favour one of them.
    """
    best = [np.inf] * len(tasks)
    for number in range(rounds + 1):
        for i, task in enumerate(tasks):
            for _ in range(RUNS):
                start = time.process_time()
                task()
                if number:
                    best[i] = min(best[i], time.process_time() - start)
    return best


def _peak(job: Job) -> int:
    """The peak of memory, in bytes, of a process of its own."""
    torch.set_num_threads(1)
    task = job.make(*job.arguments)
    with threadpool_limits(1), torch.inference_mode():
        task()
    return peak_bytes()


def parser(module: str, description: str | None, rounds: int) -> argparse.ArgumentParser:
    """The options that benchmarks of speed have in common."""
    options = argparse.ArgumentParser(prog=f"python -m {module}", description=description)
    options.add_argument("--rounds", type=int, default=rounds, help="on one core (default: %(default)s)")
    options.add_argument("--one-core", action="store_true", help="do not measure all cores as well")
    options.add_argument("--only", nargs="+", metavar="WORD", default=[""], help="jobs whose names have one of these")
    options.add_argument("--json", type=Path, help="also write the numbers here")
    return options


def run(arguments: argparse.Namespace, jobs: Sequence[Job], others: Sequence[Speed] = ()) -> list[Speed]:
    """Measures the chosen jobs and reports them.

    Args:
        others: what was measured in another way, such as other programs.
    """
    about = machine()
    chosen = [job for job in jobs if any(word in f"{job.what} {job.by}" for word in arguments.only)]
    limits, speeds = measure(chosen, arguments.rounds, not arguments.one_core)
    speeds += others
    header = ["what", "by", "s of audio a s, one core", "all cores", "ms per s of audio", "of the limit", "peak memory"]
    show([*header, "pysid beside it"], [_cells(speed, speeds) for speed in speeds], n_left=2)
    texts = f"products {limits[PRODUCT] / 1e9:.1f} GFLOP/s, memory {limits[MEMORY] / 1e9:.1f} GB/s read and written"
    console().print(f"limits of one core: {texts}")
    console().print("machine:", ", ".join(f"{name} {value}" for name, value in about.items()))
    if arguments.json:
        rows = [asdict(speed) for speed in speeds]
        write_json(arguments.json, {"machine": about, "limits": limits, "speeds": rows})
    return speeds


def _cells(s: Speed, speeds: Sequence[Speed]) -> list[str]:
    all_cores = "" if s.all_cores is None else round_rate(s.all_cores)
    share = "" if s.share is None else f"{_percent(s.share)} of {s.limit}"
    ours = next((x for x in speeds if x.what == s.what and x.by == "pysid"), s)
    ratio = "" if ours is s else f"{ours.one_core / s.one_core:.2f} times as fast"
    time_ms = f"{1000 / s.one_core:.3g}"
    return [s.what, s.by, round_rate(s.one_core), all_cores, time_ms, share, f"{s.peak_gib:.2f} GiB", ratio]


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%" if share >= 0.1 else f"{100 * share:.2g}%"
