"""Time and memory of commands from a cold start: `python -m benchmarks.cold_start [--minutes M] [--json PATH]`.

`pysid --help`, `pysid verify` on two recordings of the examples, and `pysid diarize` on ten minutes, each as a user has
it: a new Python, which loads what it needs. The best of several runs, but for `diarize`, which runs once.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.diarization import example_pieces, write_recording
from benchmarks.measure.machine import GIB
from benchmarks.measure.tables import console, show, write_json
from pysid.parallel.isolated import bytes_of

AUDIO = Path(__file__).parents[1] / "examples" / "dev" / "audio"
ROUNDS = 3


@dataclass(frozen=True)
class Cost:
    """What a command took: seconds of wall-clock time, CPU seconds on all cores, and its peak of memory."""

    command: str
    seconds: float
    cpu_seconds: float
    peak_gib: float


def cost(what: str, command: Sequence[str], rounds: int, n_threads: int) -> Cost:
    """Runs a command, in several rounds, and gives the one with the least CPU time.

    Raises:
        SystemExit: it fails.
    """
    runs = []
    for _ in range(rounds):
        environment = os.environ | {"OMP_NUM_THREADS": str(n_threads)}
        start = time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            raise SystemExit(f"failed: {' '.join(command)}")
        cpu_seconds = usage.ru_utime + usage.ru_stime
        runs.append(Cost(what, time.monotonic() - start, cpu_seconds, bytes_of(usage) / GIB))
    return min(runs, key=lambda run: run.cpu_seconds)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cold_start", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="of audio to diarize (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="(default: %(default)s)")
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    arguments = parser.parse_args()
    pysid = [sys.executable, "-m", "pysid"]
    enrol, test = sorted(AUDIO.glob("*.ogg"))[:2]
    costs = [
        cost("python -c 'import torch'", [sys.executable, "-c", "import torch"], ROUNDS, arguments.threads),
        cost("pysid --help", [*pysid, "--help"], ROUNDS, arguments.threads),
        cost("pysid verify", [*pysid, "verify", str(enrol), "--test", str(test)], ROUNDS, arguments.threads),
    ]
    with tempfile.TemporaryDirectory() as folder:
        recording = Path(folder) / "recording.flac"
        write_recording(recording, arguments.minutes, example_pieces())
        command = [*pysid, "diarize", str(recording), "-o", f"{folder}/out"]
        costs.append(cost(f"pysid diarize, {arguments.minutes:g} min", command, 1, arguments.threads))
    rows = [[c.command, f"{c.seconds:.2f}", f"{c.cpu_seconds:.2f}", f"{c.peak_gib:.2f} GiB"] for c in costs]
    show(["command", "seconds", "CPU seconds", "peak memory"], rows)
    console().print(f"threads: {arguments.threads}")
    if arguments.json:
        write_json(arguments.json, [asdict(c) for c in costs])


if __name__ == "__main__":
    main()
