"""Speed of reading archives: `python -m benchmarks.archives [--json PATH]`.

100,000 vectors of 512 numbers and 1,000 matrices of 8 s of MFCCs, compared with kaldiio, which decodes most records for
pysid, and with reading the bytes of the file. Files were just written, so they come from memory, not the disk.
"""

import argparse
import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from benchmarks.measure.limits import MEMORY
from benchmarks.measure.tasks import Task, add_arguments, measure, one_core_limits, report
from pysid.io.ark.archive import ArkWriter

N_VECTORS, DIM = 100_000, 512
N_MATRICES, N_FRAMES, N_CEPS = 1000, 800, 30


def write_archives(folder: Path) -> None:
    rng = np.random.default_rng(0)
    with ArkWriter(folder / "vectors") as writer:
        for i in range(N_VECTORS):
            writer.write(f"utterance{i:06d}", rng.standard_normal(DIM, np.float32))
    for name, compress in (("mfcc", 0), ("mfcc_compressed", 1)):
        with ArkWriter(folder / name, compress=compress) as writer:
            for i in range(N_MATRICES):
                writer.write(f"utterance{i:06d}", rng.standard_normal((N_FRAMES, N_CEPS), np.float32))


def count(items: Iterable[object]) -> int:
    return sum(1 for _ in items)


def read(by: str, path: str) -> Callable[[], object]:
    from pysid.io.ark.archive import read_matrices, read_vectors
    from pysid.io.ark.bulk import read_vector_matrix

    if by == "the bytes alone":
        return lambda: len(Path(path).with_suffix(".ark").read_bytes())
    if by == "kaldiio":
        import kaldiio

        return lambda: count(kaldiio.load_ark(path) if path.endswith(".ark") else kaldiio.load_scp_sequential(path))
    if by == "pysid, as one array":
        return lambda: read_vector_matrix(path)
    one_by_one = read_vectors if "vectors" in path else read_matrices
    return lambda: count(one_by_one(path))


def tasks(folder: Path) -> list[Task]:
    tasks = []
    for name, n, unit in (
        ("vectors", N_VECTORS, "vectors"),
        ("mfcc", N_MATRICES, "matrices"),
        ("mfcc_compressed", N_MATRICES, "matrices"),
    ):
        size = os.path.getsize(folder / f"{name}.ark")
        readers = ["pysid, one by one", "kaldiio", "the bytes alone"]
        if name == "vectors":
            readers.insert(0, "pysid, as one array")
        for ending in ("ark", "scp"):
            path = str(folder / f"{name}.{ending}")
            what = f"{name}.{ending}, {size / 1e6:.0f} MB"
            tasks += [
                Task(what, by, n, unit, size, MEMORY, read, (by, path))
                for by in readers
                if (ending, by) != ("scp", "the bytes alone")
            ]
    return tasks


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.archives", description=__doc__)
    add_arguments(parser)
    arguments = parser.parse_args()
    limits = one_core_limits()
    with tempfile.TemporaryDirectory() as name:
        write_archives(Path(name))
        measurements = [measure(task, limits, all_cores=False) for task in tasks(Path(name))]
    report(arguments, limits, measurements)


if __name__ == "__main__":
    main()
