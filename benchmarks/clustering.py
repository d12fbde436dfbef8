"""Speed and memory of clustering: `python -m benchmarks.clustering [--n N ...] [--kind KIND ...] [--figure PATH]`.

Compared with SciPy and scikit-learn, and Kaldi's program where it is on PATH. `ahc`, `scipy`, `sklearn` and `kaldi`
start from a matrix of costs, and reading it once is the least that they must do; `spectral` and `vbx` start from
embeddings, and must at least compute the affinities of all pairs.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks import kaldi_programs
from benchmarks.clustering_figure import draw
from benchmarks.measure.limits import FLOAT32, MEMORY
from benchmarks.measure.tasks import Measurement, Task, add_arguments, measure, one_core_limits, report

if TYPE_CHECKING:
    from pysid.diarization.steps import Windows

N_SPEAKERS, DIM = 8, 128
SHIFT_S, TURN_S = 0.75, 6.0
THRESHOLD = 0.2  # of the cosine: far from those of one speaker and those of two, which are about 0.5 and 0


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
        """(N, DIM) float32 of length one: what tells speakers apart and what does not are about equally strong."""
        rng = np.random.default_rng(1)
        speakers = rng.normal(size=(N_SPEAKERS, DIM))
        X = (speakers[self.speaker] + rng.normal(size=(self.n, DIM))).astype(np.float32)
        return X / np.linalg.norm(X, axis=1, keepdims=True)

    def windows(self) -> "Windows":
        from pysid.diarization.steps import Windows

        start_s = SHIFT_S * np.arange(self.n)
        return Windows(start_s, start_s + 2 * SHIFT_S, np.zeros(self.n, dtype=np.int64))

    def costs(self) -> np.ndarray:
        """(N, N) float32, the negated cosines."""
        return -self.embeddings @ self.embeddings.T


def ahc(n: int) -> Callable[[], np.ndarray]:
    from pysid.diarization.ahc import agglomerative_clustering

    costs = Conversation(n).costs()
    return lambda: agglomerative_clustering(costs, threshold=-THRESHOLD, overwrite=True)


def scipy_linkage(n: int) -> Callable[[], np.ndarray]:
    from scipy.cluster.hierarchy import fcluster, linkage

    costs = Conversation(n).costs()
    costs += 1
    condensed = np.concatenate([row[i + 1 :] for i, row in enumerate(costs)], dtype=np.float64)
    del costs
    return lambda: fcluster(linkage(condensed, method="average"), 1 - THRESHOLD, criterion="distance")


def sklearn_agglomerative(n: int) -> Callable[[], np.ndarray]:
    from sklearn.cluster import AgglomerativeClustering

    model = AgglomerativeClustering(None, metric="precomputed", linkage="average", distance_threshold=1 - THRESHOLD)
    costs = Conversation(n).costs()
    costs += 1
    return lambda: model.fit_predict(costs)


def spectral(n: int) -> Callable[[], np.ndarray]:
    from pysid.diarization.affinity import CosineAffinity
    from pysid.diarization.spectral import Spectral, SpectralConfig
    from pysid.diarization.steps import SpeakerCount

    conversation = Conversation(n)
    embeddings, windows = conversation.embeddings, conversation.windows()
    clusterer = Spectral(SpectralConfig(), CosineAffinity())
    return lambda: clusterer(embeddings, windows, SpeakerCount()).labels


def vbx(n: int) -> Callable[[], np.ndarray]:
    from pysid.backend import Plda, PldaBackend
    from pysid.diarization.affinity import CosineAffinity
    from pysid.diarization.ahc import Ahc, AhcConfig
    from pysid.diarization.steps import SpeakerCount
    from pysid.diarization.vbx import Vbx, VbxConfig

    conversation = Conversation(n)
    embeddings, windows = conversation.embeddings, conversation.windows()
    plda = Plda.from_parameters(np.zeros(DIM), np.sqrt(2 * DIM) * np.eye(DIM), np.ones(DIM))
    start = Ahc(AhcConfig(threshold=THRESHOLD), CosineAffinity())
    clusterer = Vbx(VbxConfig(), PldaBackend.from_parts(plda, length_norm=False), start)
    return lambda: clusterer(embeddings, windows, SpeakerCount()).labels


@dataclass(frozen=True)
class Kind:
    """A way to cluster: who does it, and `make`, which prepares a number of windows and gives the task to be timed."""

    what: str
    by: str
    make: Callable[[int], Callable[[], np.ndarray]]
    limit: str = MEMORY


KINDS = {
    "ahc": Kind("average linkage", "pysid", ahc),
    "scipy": Kind("average linkage", "SciPy", scipy_linkage),
    "sklearn": Kind("average linkage", "scikit-learn", sklearn_agglomerative),
    "spectral": Kind("spectral", "pysid", spectral, FLOAT32),
    "vbx": Kind("VBx", "pysid", vbx, FLOAT32),
}


def outcome(labels: np.ndarray, n: int) -> str:
    """How many clusters, and how many windows whose speaker is not that of most windows in their cluster."""
    _, cluster = np.unique(labels, return_inverse=True)
    table = np.zeros((cluster.max() + 1, N_SPEAKERS), dtype=np.int64)
    np.add.at(table, (cluster, Conversation(n).speaker), 1)
    return f"{len(table):,} clusters, {n - int(table.max(axis=1).sum()):,} windows wrong"


def task(kind: Kind, n: int) -> Task:
    work = 4.0 * n**2 if kind.limit == MEMORY else 2.0 * n**2 * DIM
    return Task(f"{kind.what}, {n:,}", kind.by, n, "windows", work, kind.limit, kind.make, (n,), outcome)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.clustering", description=__doc__)
    sizes = [1000, 2000, 4000, 10000, 20000]
    parser.add_argument("--n", type=int, nargs="+", default=sizes, help="windows (default: %(default)s)")
    parser.add_argument(
        "--peer-max", type=int, default=10_000, help="windows up to which others cluster, as their memory allows"
    )
    parser.add_argument("--kind", nargs="+", choices=KINDS, default=list(KINDS), help="methods (default: all)")
    parser.add_argument("--figure", type=Path, help="also draw time against the number of windows, .svg or .png")
    add_arguments(parser)
    arguments = parser.parse_args()
    limits = one_core_limits()
    measurements: list[Measurement] = []
    for kind in (KINDS[name] for name in arguments.kind):
        most = max(arguments.n) if kind.by == "pysid" else arguments.peer_max
        wanted = [task(kind, n) for n in arguments.n if n <= most]
        measurements += [measure(each, limits, not arguments.one_core) for each in wanted]
    for n in arguments.n:
        measurements += kaldi_programs.clustering(n, lambda n: Conversation(n).costs(), -THRESHOLD)
    report(arguments, limits, measurements)
    if arguments.figure:
        draw(measurements, arguments.figure)


if __name__ == "__main__":
    main()
