"""Where the time of short utterances goes: `python -m benchmarks.short [--model M ...] [--seconds S ...]`.

The network of a shipped model embeds one utterance of so many seconds at a time, on one core, from features. The time
of each of PyTorch's operators is from its profiler, the least of many utterances; the rest of the CPU time, which is
measured without the profiler, is Python and what happens between operators. "At the rate of large products" is the
share of the rate at which PyTorch multiplies two square matrices in the same run.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

import pysid
from benchmarks.measure.machine import machine
from benchmarks.measure.speed import PRODUCT_SIZE, best_of
from benchmarks.measure.tables import console, show, write_json
from pysid.embedding.extract import extract
from pysid.model.directory import MODELS

FRAMES_PER_S = 100
ROUNDS = 8
PROFILED = 30  # utterances
AFFINE = "affine layers after pooling"
PARTS = {
    "products of frames, convolutions": ("mm", "addmm_", "mkldnn_convolution", "_slow_conv2d_forward"),
    AFFINE: ("addmm",),
    "ReLU and sums with shortcuts": ("relu_", "clamp_min_", "clamp_min", "add"),
    "pooling": ("batch_norm_update_stats", "_PlainStatistics", "sum", "mean", "square_", "pow", "sqrt"),
    "splicing and other copies": ("copy_", "clone", "cat", "stack", "fill_", "zero_"),
}
OTHER, PYTHON = "other operators", "Python and between operators"


def utterance(model: str, seconds: float) -> tuple[Callable[[], Any], float]:
    """A function that embeds one utterance, and the number of operations of its matrix products."""
    opened = pysid.load(model)
    n_frames = round(seconds * FRAMES_PER_S)
    features = np.random.default_rng(0).standard_normal((n_frames, opened.config.network.feature_dim), np.float32)
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        opened.network(torch.from_numpy(features)[None])
    return lambda: list(extract(opened.network, [("", features)], opened.config.extract)), counter.get_total_flops()


def operators_s(task: Callable[[], Any]) -> dict[str, float]:
    """Seconds that each part takes, without what it calls; the least of `PROFILED` calls."""
    part_of = {f"aten::{name}": part for part, names in PARTS.items() for name in names}
    part_of["_PlainStatistics"] = "pooling"
    found: dict[str, list[float]] = {part: [] for part in (*PARTS, OTHER)}
    for _ in range(PROFILED):
        with profile(activities=[ProfilerActivity.CPU]) as profiler:
            task()
        spent = dict.fromkeys(found, 0.0)
        events = profiler.key_averages()
        if any(event.key.endswith("convolution") for event in events):
            part_of["aten::mm"] = AFFINE  # frames go through convolutions
        for event in events:
            spent[part_of.get(event.key, OTHER)] += event.self_cpu_time_total / 1e6
        for part, s in spent.items():
            found[part].append(s)
    return {part: float(np.min(values)) for part, values in found.items()}


def measure(model: str, seconds: float) -> dict[str, Any]:
    """Seconds of one utterance: in all, by part, and for its products at the machine's rate."""
    task, operations = utterance(model, seconds)
    a, b = torch.randn(2, PRODUCT_SIZE, PRODUCT_SIZE).unbind()
    total_s, product_s = best_of([task, lambda: a @ b], ROUNDS)
    parts = operators_s(task)
    parts[PYTHON] = max(total_s - sum(parts.values()), 0.0)
    rate = 2 * PRODUCT_SIZE**3 / product_s
    return {"model": model, "seconds": seconds, "total_s": total_s, "limit_s": operations / rate, "parts_s": parts}


def cells(x: dict[str, Any], part: str) -> str:
    s = x["parts_s"][part]
    return f"{1000 * s:.2f} ms, {s / x['total_s']:.0%}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.short", description="Profile of short utterances.")
    shipped = sorted(path.parent.name for path in MODELS.glob("*/config.json"))
    parser.add_argument("--model", nargs="+", default=shipped, help="default: all that ship")
    parser.add_argument("--seconds", type=float, nargs="+", default=[1.0, 2.5, 10.0], help="default: %(default)s")
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    about = machine()
    found = [measure(model, s) for model in arguments.model for s in arguments.seconds]
    rows = [
        ["all", *(f"{1000 * x['total_s']:.2f} ms" for x in found)],
        ["at the rate of large products", *(f"{x['limit_s'] / x['total_s']:.0%}" for x in found)],
        *([part, *(cells(x, part) for x in found)] for part in found[0]["parts_s"]),
    ]
    show(["CPU time of one utterance", *(f"{x['model']}, {x['seconds']:g} s" for x in found)], rows)
    console().print("machine:", ", ".join(f"{name} {value}" for name, value in about.items()))
    if arguments.json:
        write_json(arguments.json, {"machine": about, "utterances": found})


if __name__ == "__main__":
    main()
