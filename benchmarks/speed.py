"""What the speed benchmarks share: timing on one core, what machine it was, the table and its file."""

import argparse
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from benchmarks.tables import console, show, write_json

PRODUCT_SIZE = 2048
PRODUCT = "float32 matrix product"


@dataclass(frozen=True)
class Timing:
    """One line of a speed table.

    Attributes:
        what: what was done.
        ratio: how it compares, free of the machine's speed; see ratio_to.
        ratio_to: in words, what the ratio is.
        time: in the unit.
        unit: such as "ms per second of audio".
    """

    what: str
    ratio: float
    ratio_to: str
    time: float
    unit: str


def best_of(tasks: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Least CPU seconds of each task over so many rounds, after one round that does not count.

    CPU time, as one core is what is measured: others on the machine then disturb less. The tasks take turns,
    so that a load that comes and goes does not favour one of them.
    """
    best = dict.fromkeys(tasks, np.inf)
    for round_number in range(repeats + 1):
        for name, task in tasks.items():
            start = time.process_time()
            task()
            if round_number:
                best[name] = min(best[name], time.process_time() - start)
    return best


def matrix_product() -> Callable[[], torch.Tensor]:
    """The task that shows the machine's rate: one product of two square float32 matrices."""
    a, b = torch.randn(2, PRODUCT_SIZE, PRODUCT_SIZE).unbind()
    return lambda: a @ b


def product_rate(seconds: float) -> float:
    """Floating-point operations per second of a `matrix_product` that took so long."""
    return 2 * PRODUCT_SIZE**3 / seconds


def machine() -> dict[str, object]:
    """The processor, its load before the measurement, and the versions of what does the work."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 2),
        "threads": 1,
        "torch": torch.__version__,
        "numpy": np.__version__,
    }


def run(module: str, measure: Callable[[int], tuple[float, Sequence[Timing]]], repeats: int) -> None:
    """The command line of a speed benchmark.

    Args:
        module: its name, for the help.
        measure: given the number of rounds, returns the machine's product rate and the lines of the table.
        repeats: rounds unless the user says otherwise.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description="Speed on one core.")
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    parser.add_argument("--repeats", type=int, default=repeats, help="rounds (default: %(default)s)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    about = machine()
    with threadpool_limits(1), torch.inference_mode():
        rate, timings = measure(arguments.repeats)
    about["float32_gflops"] = round(rate / 1e9, 1)
    show(["what", "ratio", "which is", "time", "unit"], [_cells(t) for t in timings])
    console().print("machine:", ", ".join(f"{name} {value}" for name, value in about.items()))
    if arguments.json:
        write_json(arguments.json, {"machine": about, "timings": [asdict(t) for t in timings]})


def _cells(t: Timing) -> list[str]:
    return [t.what, f"{t.ratio:.3g}", t.ratio_to, f"{t.time:.3g}", t.unit]


def _cpu_model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
