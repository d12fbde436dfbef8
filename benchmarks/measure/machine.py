"""The machine: what it is, and how figures are shown."""

import os
import platform
from pathlib import Path

import numpy as np
import torch

GIB = 2**30


def round_rate(rate: float) -> str:
    """Three digits of a number, with commas between thousands.

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
