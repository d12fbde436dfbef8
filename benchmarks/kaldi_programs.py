"""The same work by Kaldi's programs, where they are on PATH; otherwise there is nothing to measure.

Inputs are written by pysid in Kaldi's formats, to a temporary folder. A program's time is CPU time, and includes its
start and the reading and writing of its files, which are binary.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.measure.machine import GIB
from benchmarks.measure.tasks import Measurement
from pysid.backend.plda import Plda
from pysid.exchange.kaldi_backend import write_plda
from pysid.io.ark.archive import ArkWriter
from pysid.parallel.isolated import bytes_of

BY = "Kaldi"


def plda_training(X: np.ndarray, y: np.ndarray) -> list[Measurement]:
    """ivector-compute-plda on vectors (N, D) of speakers (N,), sorted by speaker."""
    if not on_path("ivector-compute-plda"):
        return []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        keys = write_vectors(folder / "train", X)
        speakers = [" ".join([f"s{s}", *keys[slice(*np.searchsorted(y, (s, s + 1)))]]) for s in np.unique(y).tolist()]
        (folder / "spk2utt").write_text("\n".join(speakers) + "\n")
        command = ["ivector-compute-plda", f"ark:{folder}/spk2utt", f"ark:{folder}/train.ark", f"{folder}/plda"]
        return [timed(command, "PLDA training, 10 iterations", len(X), "vectors")]


def plda_scoring(plda: Plda, X: np.ndarray, pairs: np.ndarray) -> list[Measurement]:
    """ivector-plda-scoring of trials (P, 2), pairs of rows of X (N, D)."""
    if not on_path("ivector-plda-scoring"):
        return []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        keys = write_vectors(folder / "vectors", X)
        write_plda(folder / "plda", plda)
        (folder / "trials").write_text("".join(f"{keys[i]} {keys[j]}\n" for i, j in pairs.tolist()))
        vectors = f"ark:{folder}/vectors.ark"
        command = ["ivector-plda-scoring", "--normalize-length=true", f"{folder}/plda", vectors, vectors]
        command += [f"{folder}/trials", f"{folder}/scores"]
        return [timed(command, f"PLDA scoring, {len(pairs):,} trials", len(pairs), "trials")]


def clustering(n: int, costs: Callable[[int], np.ndarray], threshold: float) -> list[Measurement]:
    """agglomerative-cluster of one recording of n windows; the costs (n, n) are made only if the program exists."""
    if not on_path("agglomerative-cluster"):
        return []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with ArkWriter(folder / "costs") as writer:
            writer.write("recording", costs(n))
        windows = " ".join(f"w{i}" for i in range(n))
        (folder / "reco2utt").write_text(f"recording {windows}\n")
        command = ["agglomerative-cluster", "--read-costs=true", f"--threshold={threshold:g}"]
        command += [f"ark:{folder}/costs.ark", f"ark:{folder}/reco2utt", f"ark,t:{folder}/labels"]
        measurement = timed(command, f"average linkage, {n:,}", n, "windows")
        n_found = len({line.split()[1] for line in (folder / "labels").read_text().splitlines()})
    return [replace(measurement, remark=f"{n_found:,} clusters")]


def on_path(*programs: str) -> bool:
    """Whether all of these programs exist."""
    return all(shutil.which(program) for program in programs)


def write_vectors(path: Path, X: np.ndarray) -> list[str]:
    """Writes the rows of X to path.ark, and gives their keys."""
    keys = [f"u{i:07d}" for i in range(len(X))]
    with ArkWriter(path) as writer:
        for key, vector in zip(keys, X, strict=True):
            writer.write(key, vector)
    return keys


def timed(command: Sequence[str], what: str, count: int, unit: str) -> Measurement:
    """Runs a program, on one core.

    Raises:
        SystemExit: it fails.
    """
    with tempfile.TemporaryFile() as errors:
        environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            errors.seek(0)
            words = errors.read().decode(errors="replace").strip().splitlines()
            raise SystemExit(f"{' '.join(command)}: failed: {words[-1] if words else 'it says nothing'}")
    seconds = usage.ru_utime + usage.ru_stime
    return Measurement(what, BY, count, unit, "", seconds, peak_gib=bytes_of(usage) / GIB)
