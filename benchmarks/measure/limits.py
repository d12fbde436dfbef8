"""What the machine can do at best: the rate of matrix products, and that of copying memory."""

import time
from collections.abc import Callable

import numpy as np

SIZE = 2048  # of the matrices
COPIED_BYTES = 2**28
ROUNDS = 5

FLOAT32, FLOAT64, MEMORY = "float32 products", "float64 products", "memory"
LIMITS = (FLOAT32, FLOAT64, MEMORY)


def measure_limits() -> dict[str, float]:
    """Floating-point operations per second of a matrix product in each precision, and bytes copied per second.

    For one core, where BLAS has one thread: in CPU time, which others on the machine disturb less.
    """
    rng = np.random.default_rng(0)
    rates = {}
    for name, dtype in ((FLOAT32, np.float32), (FLOAT64, np.float64)):
        a = rng.normal(size=(SIZE, SIZE)).astype(dtype)
        out = np.empty_like(a)
        rates[name] = 2 * SIZE**3 / least_seconds(lambda a=a, out=out: np.matmul(a, a, out=out))
    source = np.ones(COPIED_BYTES, dtype=np.uint8)
    target = np.empty_like(source)
    rates[MEMORY] = COPIED_BYTES / least_seconds(lambda: np.copyto(target, source))
    return rates


def least_seconds(task: Callable[[], object]) -> float:
    """The least CPU time of `ROUNDS`, after one that does not count."""
    times = []
    for _ in range(ROUNDS + 1):
        start = time.process_time()
        task()
        times.append(time.process_time() - start)
    return min(times[1:])
