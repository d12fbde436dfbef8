"""Time and memory of clustering: `python -m benchmarks.clustering [--n N ...] [--kind KIND ...] [--json PATH]`.

Each measurement has a process of its own, so that the peak of its memory is its own, too.
"""

import argparse
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import cached_property
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.tables import console, show, write_json

N_SPEAKERS, DIM = 8, 128
SHIFT_S, TURN_S = 0.75, 6.0
THRESHOLD = 0.2  # of the cosine: far from those of one speaker and those of two, which are about 0.5 and 0
GIB = 2**30


@dataclass(frozen=True)
class Conversation:
    """Windows of `N_SPEAKERS` speakers who take turns, seeded; as many as Kaldi cuts from that much speech."""

    n: int

    @cached_property
    def speaker(self) -> np.ndarray:
        """(N,) who speaks in each window."""
        rng = np.random.default_rng(0)
        new_turn = rng.random(self.n) < SHIFT_S / TURN_S
        return rng.integers(0, N_SPEAKERS, self.n)[np.maximum.accumulate(np.arange(self.n) * new_turn)]

    @cached_property
    def embeddings(self) -> np.ndarray:
        """(N, DIM) float32 of length one: what makes a speaker and what does not are about as strong."""
        rng = np.random.default_rng(1)
        speakers = rng.normal(size=(N_SPEAKERS, DIM))
        X = (speakers[self.speaker] + rng.normal(size=(self.n, DIM))).astype(np.float32)
        return X / np.linalg.norm(X, axis=1, keepdims=True)

    def costs(self) -> np.ndarray:
        """(N, N) float32, the negated cosines."""
        return -self.embeddings @ self.embeddings.T


@dataclass(frozen=True)
class Measurement:
    """What one clustering took.

    Attributes:
        seconds: CPU time of one core, from scores or embeddings, whichever the method takes, to labels.
        peak_gib: the most memory that its process held, the interpreter and the costs among it.
        n_speakers: clusters found, of `N_SPEAKERS`.
        n_wrong: windows whose speaker is not the one that most windows of their cluster have.
    """

    kind: str
    n: int
    seconds: float
    peak_gib: float
    n_speakers: int
    n_wrong: int


def ahc(conversation: Conversation) -> Callable[[], np.ndarray]:
    from pysid.diarization.ahc import agglomerative_clustering

    costs = conversation.costs()
    return lambda: agglomerative_clustering(costs, threshold=-THRESHOLD, overwrite=True)


def scipy_linkage(conversation: Conversation) -> Callable[[], np.ndarray]:
    from scipy.cluster.hierarchy import fcluster, linkage

    costs = conversation.costs() + 1
    condensed = np.concatenate([row[i + 1 :] for i, row in enumerate(costs)], dtype=np.float64)
    del costs
    return lambda: fcluster(linkage(condensed, method="average"), 1 - THRESHOLD, criterion="distance")


def sklearn_agglomerative(conversation: Conversation) -> Callable[[], np.ndarray]:
    from sklearn.cluster import AgglomerativeClustering

    model = AgglomerativeClustering(None, metric="precomputed", linkage="average", distance_threshold=1 - THRESHOLD)
    costs = conversation.costs() + 1
    return lambda: model.fit_predict(costs)


def spectral(conversation: Conversation) -> Callable[[], np.ndarray]:
    from pysid.diarization.affinity import CosineAffinity
    from pysid.diarization.spectral import Spectral, SpectralConfig
    from pysid.diarization.steps import SpeakerCount, Windows

    start_s = SHIFT_S * np.arange(conversation.n)
    windows = Windows(start_s, start_s + 2 * SHIFT_S, np.zeros(conversation.n, dtype=np.int64))
    embeddings, clusterer = conversation.embeddings, Spectral(SpectralConfig(), CosineAffinity())
    return lambda: clusterer(embeddings, windows, SpeakerCount()).labels


KINDS: dict[str, Callable[[Conversation], Callable[[], np.ndarray]]] = {
    "ahc": ahc,
    "spectral": spectral,
    "scipy": scipy_linkage,
    "sklearn": sklearn_agglomerative,
}
"""What makes ready, not timed, and returns what is timed: a function that gives a label (N,) for each window."""


def measure(kind: str, n: int) -> Measurement:
    """Clusters once, in this process, on one core."""
    with threadpool_limits(1):
        conversation = Conversation(n)
        task = KINDS[kind](conversation)
        start = time.process_time()
        labels = task()
        seconds = time.process_time() - start
    _, cluster = np.unique(labels, return_inverse=True)
    table = np.zeros((cluster.max() + 1, N_SPEAKERS), dtype=np.int64)
    np.add.at(table, (cluster, conversation.speaker), 1)
    return Measurement(kind, n, seconds, peak_bytes() / GIB, len(table), n - int(table.max(axis=1).sum()))


def peak_bytes() -> int:
    """The most memory this process has held; a process that was forked first counts its parent's by `getrusage`."""
    status = Path("/proc/self/status")
    if status.exists():
        fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(fields["VmHWM"].split()[0]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def main() -> None:
    from benchmarks.speed import machine

    parser = argparse.ArgumentParser(prog="python -m benchmarks.clustering", description=__doc__)
    parser.add_argument("--n", type=int, nargs="+", default=[1000, 5000, 20000], help="windows (default: %(default)s)")
    parser.add_argument("--kind", nargs="+", choices=KINDS, default=["ahc"], help="methods (default: %(default)s)")
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    arguments = parser.parse_args()
    about = machine()
    measurements = []
    for kind in arguments.kind:
        for n in arguments.n:
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
                measurements.append(process.submit(measure, kind, n).result())
    header = ["method", "windows", "seconds", "peak memory", "clusters", "windows in the wrong one"]
    show(header, [_cells(m) for m in measurements])
    console().print("machine:", ", ".join(f"{name} {value}" for name, value in about.items()))
    if arguments.json:
        write_json(arguments.json, {"machine": about, "measurements": [asdict(m) for m in measurements]})


def _cells(m: Measurement) -> list[str]:
    return [m.kind, f"{m.n:,}", f"{m.seconds:.3g}", f"{m.peak_gib:.2f} GiB", f"{m.n_speakers:,}", f"{m.n_wrong:,}"]


if __name__ == "__main__":
    main()
