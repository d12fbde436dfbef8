"""Cost of an embedding by the length of the recording: `python -m benchmarks.length [--figure PATH] [--json PATH]`.

From samples to an embedding, on one core, each length in a process of its own. Time should be a straight line, and
memory little more than the recording itself.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from benchmarks.frontend import SAMPLE_RATE, speech_like
from benchmarks.measure.machine import GIB, machine
from benchmarks.measure.tables import console, show, write_json
from pysid.parallel.isolated import isolated, peak_bytes

MINUTES = (0.5, 1, 2, 5, 10, 20, 40, 60)
ROUNDS = 3


@dataclass(frozen=True)
class Cost:
    """CPU seconds of the two steps, and the peak of memory beyond what the process held before."""

    minutes: float
    frontend_s: float
    network_s: float
    memory_gib: float


def cost(minutes: float) -> Cost:
    """Measured in this process."""
    import pysid

    torch.set_num_threads(1)
    with threadpool_limits(1):
        model = pysid.load("xvector")
        model.embed(pysid.Int16Scale(speech_like(3).numpy()))
        wave = np.resize(speech_like(30).numpy(), round(60 * minutes * SAMPLE_RATE))
        before, times = peak_bytes(), []
        for _ in range(ROUNDS):
            start = time.process_time()
            (features,) = model.features([wave])
            middle = time.process_time()
            list(model.embed_features([("recording", features)]))
            times.append((middle - start, time.process_time() - middle))
    frontend_s, network_s = (min(step) for step in zip(*times, strict=True))
    return Cost(minutes, frontend_s, network_s, (peak_bytes() - before) / GIB)


def draw(costs: Sequence[Cost], path: Path) -> None:
    """Both steps and memory against minutes."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "pysid"  # the same file for the same numbers
    from matplotlib import pyplot as plt

    figure, (times, memory) = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
    minutes = [c.minutes for c in costs]
    times.plot(minutes, [c.frontend_s + c.network_s for c in costs], "o-", label="together")
    times.plot(minutes, [c.network_s for c in costs], "s--", label="network")
    times.plot(minutes, [c.frontend_s for c in costs], "^:", label="front-end")
    times.set(xlabel="minutes of audio", ylabel="CPU seconds", xlim=0, ylim=0)
    times.legend()
    memory.plot(minutes, [c.memory_gib for c in costs], "o-", label="beyond what was held before")
    memory.plot(minutes, [240 * SAMPLE_RATE * m / GIB for m in minutes], ":", label="the samples themselves")
    memory.set(xlabel="minutes of audio", ylabel="memory in GiB", xlim=0, ylim=0)
    memory.legend()
    for axes in (times, memory):
        axes.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
    plt.close(figure)


def _cells(c: Cost) -> list[str]:
    times = (f"{seconds / c.minutes / 0.06:.3g}" for seconds in (c.frontend_s, c.network_s))
    return [f"{c.minutes:g} min", *times, f"{c.memory_gib:.2f} GiB"]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.length", description=__doc__)
    parser.add_argument("--minutes", type=float, nargs="+", default=MINUTES, help="(default: %(default)s)")
    parser.add_argument("--figure", type=Path, help="also draw it, as the ending says (.svg, .png)")
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    arguments = parser.parse_args()
    about = machine()
    costs = [isolated(cost, minutes) for minutes in arguments.minutes]
    header = ["audio", "front-end, ms per s of audio", "network, ms per s of audio", "memory"]
    show(header, [_cells(c) for c in costs])
    console().print("machine:", ", ".join(f"{name} {value}" for name, value in about.items()))
    if arguments.figure:
        draw(costs, arguments.figure)
    if arguments.json:
        write_json(arguments.json, {"machine": about, "costs": [asdict(c) for c in costs]})


if __name__ == "__main__":
    main()
