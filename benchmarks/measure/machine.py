"""The machine: what it is, how much memory processes take, and a process of one's own to measure in."""

import os
import platform
import resource
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch

GIB = 2**30


def isolated(function: Callable[..., Any], *arguments: Any) -> Any:
    """What a function returns in a fresh process, whose peak of memory is its own, then."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(function, *arguments).result()


def peak_bytes() -> int:
    """The most memory this process has held; a process that was forked first counts its parent's by `getrusage`."""
    status = Path("/proc/self/status")
    if status.exists():
        fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(fields["VmHWM"].split()[0]) * 1024
    return bytes_of(resource.getrusage(resource.RUSAGE_SELF))


def bytes_of(usage: resource.struct_rusage) -> int:
    """The peak of memory in what the system reports of a process."""
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def round_rate(rate: float) -> str:
    """Three digits of a number, its thousands set apart.

    >>> round_rate(1234567.0), round_rate(12.345)
    ('1,230,000', '12.3')
    """
    return f"{float(f'{rate:.3g}'):,.0f}" if rate >= 100 else f"{rate:.3g}"


def machine() -> dict[str, object]:
    """The processor, its load before the measurement, and the versions of what does the work."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 2),
        "torch": torch.__version__,
        "numpy": np.__version__,
    }


def _cpu_model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
