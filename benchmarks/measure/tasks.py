"""Tasks timed in processes of their own, on one core and on all, compared with the least time that the machine needs.

A task is made anew for each round, so that it may use up its input; making it is not timed. On one core CPU time
counts, which others on the machine disturb less. All cores: see `all_cores`.
"""

import argparse
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from benchmarks.measure.all_cores import all_cores_seconds, made_on_one_core
from benchmarks.measure.limits import LIMITS, MEMORY, measure_limits
from benchmarks.measure.machine import GIB, round_rate
from benchmarks.measure.tables import console, show, write_json
from pysid.parallel.isolated import isolated, peak_bytes

ROUNDS, MOST_ROUNDS = 5, 20
AT_LEAST_S = 1.0  # of measuring one task: a short one has up to `MOST_ROUNDS`
ENOUGH_S = 10.0  # no round begins later


@dataclass(frozen=True)
class Task:
    """What is timed.

    Attributes:
        what: the work; by: who does it.
        count: how many of `unit` are done, such as 37,720 "trials".
        work: floating-point operations, or bytes, that the task cannot avoid.
        limit: what they are counted in, one of `LIMITS`.
        make: a module's function that prepares the work; what it returns is timed.
        arguments: of `make`.
        remark: a module's function that tells what came out.
    """

    what: str
    by: str
    count: int
    unit: str
    work: float
    limit: str
    make: Callable[..., Callable[[], Any]]
    arguments: tuple[Any, ...] = ()
    remark: Callable[..., str] | None = None


@dataclass(frozen=True)
class Measurement:
    """What a task took.

    Attributes:
        one_core_s: least time of a round.
        all_cores: how many of `unit` all cores did together per second; None where it was not measured.
        share: of the machine's limit that one core reached; None likewise.
        peak_gib: the peak of memory of the process on one core, including Python, its packages and the input.
    """

    what: str
    by: str
    count: int
    unit: str
    limit: str
    one_core_s: float
    all_cores: float | None = None
    share: float | None = None
    peak_gib: float = 0.0
    remark: str = ""


def measure(task: Task, limits: dict[str, float], all_cores: bool = True) -> Measurement:
    """Times a task; `limits` are those of one core."""
    seconds, peak, remark = isolated(_time, task)
    share = task.work / limits[task.limit] / seconds
    result = Measurement(
        task.what, task.by, task.count, task.unit, task.limit, seconds, None, share, peak / GIB, remark
    )
    rounds = next(n for n in range(1, MOST_ROUNDS + 1) if not _goes_on(n, n * seconds))
    each = all_cores_seconds(task.make, task.arguments, rounds, fresh=True) if all_cores else None
    return replace(result, all_cores=(os.cpu_count() or 1) * task.count / each) if each else result


def _time(task: Task) -> tuple[float, int, str]:
    """The least CPU seconds of a round, the peak of memory in bytes, and the remark; in this process, on one core."""
    times: list[float] = []
    while _goes_on(len(times), sum(times)):
        result = None  # of the round before
        timed = made_on_one_core(task.make, task.arguments)
        with threadpool_limits(1):
            start = time.process_time()
            result = timed()
            times.append(time.process_time() - start)
        del timed
    return min(times), peak_bytes(), task.remark(result, *task.arguments) if task.remark else ""


def _goes_on(n_rounds: int, spent_s: float) -> bool:
    """Whether to run another round."""
    return spent_s < ENOUGH_S and (n_rounds < ROUNDS or (spent_s < AT_LEAST_S and n_rounds < MOST_ROUNDS))


def one_core_limits() -> dict[str, float]:
    return isolated(_limits_of_one_core)


def _limits_of_one_core() -> dict[str, float]:
    with threadpool_limits(1):
        return measure_limits()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that all of these benchmarks have."""
    parser.add_argument("--one-core", action="store_true", help="do not measure all cores as well")
    parser.add_argument("--json", type=Path, help="also write the numbers here")


def report(arguments: argparse.Namespace, limits: dict[str, float], measurements: Sequence[Measurement]) -> None:
    """Prints the table, and writes the file that `add_arguments` has asked for."""
    from benchmarks.measure.machine import machine

    about = {name: value for name, value in machine().items() if name != "threads"}
    limit_texts = {name: f"{limits[name] / 1e9:.1f} {'GB/s' if name == MEMORY else 'GFLOP/s'}" for name in LIMITS}
    header = [
        "what",
        "by",
        "a second, one core",
        "all cores",
        "time, one core",
        "of the limit",
        "peak memory",
        "remark",
    ]
    show(header, [_cells(m) for m in measurements], n_left=2)
    console().print("limits of one core:", ", ".join(f"{name} {text}" for name, text in limit_texts.items()))
    console().print("machine:", ", ".join(f"{name} {value}" for name, value in about.items()))
    if arguments.json:
        rows = [asdict(m) for m in measurements]
        write_json(arguments.json, {"machine": about, "limits": limits, "measurements": rows})


def _cells(m: Measurement) -> list[str]:
    all_cores = "" if m.all_cores is None else round_rate(m.all_cores)
    share = "" if m.share is None else f"{100 * m.share:.2g}% of {m.limit}"
    speed = f"{round_rate(m.count / m.one_core_s)} {m.unit}"
    return [m.what, m.by, speed, all_cores, f"{m.one_core_s:.3g} s", share, f"{m.peak_gib:.2f} GiB", m.remark]
