"""Average linkage that keeps apart what is known to be of different speakers, and counts speakers by their speech.

Local speakers of one window are different people, so clusters that hold two of one window are not joined, unless that
is so in a few windows alone: segmentation errs. A voice heard for a second or two is often a cluster of its own by
accident: such small clusters do not count as speakers, and go to the others.

Sources: K. Wagstaff et al., "Constrained k-means clustering with background knowledge", ICML 2001, for pairs that
cannot be linked; pyannote.audio's pipelines/clustering.py, AgglomerativeClustering, for small clusters.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pysid.diarization.steps import Affinity, Clustering, SpeakerCount, Windows
from pysid.errors import DataError


@dataclass(frozen=True, kw_only=True)
class LinkageConfig:
    """Settings of `Linkage`.

    Attributes:
        threshold: clusters are joined while the mean score between them is at least this, unless the number of
            speakers is given.
        min_speaker_s, min_share: a cluster with less speech than that, in seconds and as a share of all, does not
            count as a speaker, unless that many are asked for. A second of speech means something in half a minute,
            but is an accident in an hour.
        apart_share: clusters are kept apart that hold two of one window in more than this share of the smaller one's
            members.
    """

    kind: Literal["linkage"] = "linkage"
    threshold: float = 0.4
    min_speaker_s: float = 3.0
    min_share: float = 0.02
    apart_share: float = 0.5

    def __post_init__(self) -> None:
        if not math.isfinite(self.threshold):
            raise ValueError(f"threshold must be finite, got {self.threshold}")
        if not self.min_speaker_s >= 0:
            raise ValueError(f"min_speaker_s must not be negative, got {self.min_speaker_s}")
        for name in ("min_share", "apart_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must lie in [0, 1], got {getattr(self, name)}")


class Linkage:
    """A `Clusterer`; memory 9 N^2 bytes.

    Args:
        config: settings.
        affinity: scores of pairs.
    """

    def __init__(self, config: LinkageConfig, affinity: Affinity) -> None:
        self.config = config
        self.affinity = affinity

    def __call__(self, embeddings: np.ndarray, windows: Windows, count: SpeakerCount) -> Clustering:
        """Clusters embeddings (N, E), N >= 1.

        Raises:
            DataError: a score is a NaN or an infinity.
        """
        c, scores = self.config, self.affinity(embeddings)
        if not np.isfinite(scores).all():
            raise DataError("expected finite scores, got a NaN or an infinity")
        merges, heights = link(scores, windows.apart, c.apart_share)
        speech_s = windows.end_s - windows.start_s if windows.speech_s is None else windows.speech_s
        min_s = min(c.min_speaker_s, c.min_share * float(speech_s.sum()))
        labels = _labels_at_cut(merges, heights, speech_s, count, c.threshold, min_s)
        return Clustering.in_order(_without_small(labels, scores, speech_s, count, min_s))


def link(scores: np.ndarray, apart: np.ndarray | None = None, share: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Joins the two clusters with the highest mean score between their points, again and again.

    Args:
        scores: (N, N), symmetric and finite.
        apart: (N,) int: points of one number are not joined; None joins any.
        share: of the smaller cluster's points that may be of one number with one of the other cluster.
    Returns:
        merges: (M, 2) int, the first points of the clusters that each merge joins, the smaller number first; M < N.
        heights: (M,) mean scores.

    >>> link(np.array([[1.0, 0.8, 0.6], [0.8, 1.0, 0.1], [0.6, 0.1, 1.0]]), np.array([0, 0, 1]))
    (array([[0, 2]]), array([0.6]))
    """
    n = len(scores)
    mean = scores.astype(np.float64 if n < 1000 else np.float32)  # between clusters, by their first points
    clashes = np.zeros((n, n), np.uint16) if apart is None else (apart[:, None] == apart).astype(np.uint16)
    np.fill_diagonal(clashes, 0)
    size, alive = np.ones(n), np.ones(n, bool)

    def row(i: int) -> np.ndarray:
        """(N,) scores to all that `i` may be joined with; -inf else."""
        allowed = alive & (clashes[i] <= share * np.minimum(size, size[i]))
        allowed[i] = False
        return np.where(allowed, mean[i], -np.inf)

    best, nearest = np.empty(n), np.empty(n, np.int64)
    for i in range(n):
        own = row(i)
        nearest[i] = own.argmax()
        best[i] = own[nearest[i]]
    merges, heights = [], []
    while True:
        i = int(best.argmax())
        if not best[i] > -np.inf:
            break
        a, b = sorted((i, int(nearest[i])))
        merges.append((a, b))
        heights.append(float(best[i]))
        weight = size[a] / (size[a] + size[b])
        mean[a] = weight * mean[a] + (1 - weight) * mean[b]
        mean[:, a] = mean[a]
        clashes[a] += clashes[b]
        clashes[:, a] = clashes[a]
        size[a] += size[b]
        alive[b], best[b] = False, -np.inf
        own = row(a)
        nearest[a] = own.argmax()
        best[a] = own[nearest[a]]
        gone = alive & ((nearest == a) | (nearest == b))
        gone[a] = False
        for j in np.flatnonzero(gone).tolist():
            other = row(j)
            nearest[j] = other.argmax()
            best[j] = other[nearest[j]]
        nearer = alive & (own > best) & ~gone
        nearer[a] = False
        best[nearer], nearest[nearer] = own[nearer], a
    return np.array(merges, np.int64).reshape(-1, 2), np.array(heights)


def _labels_at_cut(
    merges: np.ndarray, heights: np.ndarray, speech_s: np.ndarray, count: SpeakerCount, threshold: float, min_s: float
) -> np.ndarray:
    """(N,) labels after the merges that lead to an allowed number of speakers with enough speech.

    That is the cut by the threshold, or the nearest one to it with an allowed number; where there is none, that whose
    number comes nearest.
    """
    low = heights < threshold
    by_threshold = int(low.argmax()) if low.any() else len(heights)
    numbers = _speakers_after(merges, speech_s, min_s)  # (M + 1,)
    wanted = np.array([count.clip(int(n)) for n in numbers])
    distance = np.abs(numbers - wanted)
    best = np.flatnonzero(distance == distance.min())
    chosen = int(best[np.abs(best - by_threshold).argmin()])
    labels = np.arange(len(speech_s))
    for a, b in merges[:chosen]:
        labels[labels == b] = a
    return labels


def _speakers_after(merges: np.ndarray, speech_s: np.ndarray, min_s: float) -> np.ndarray:
    """(M + 1,) int: clusters with enough speech before the first merge, after it, after the second ... at least 1."""
    own = speech_s.astype(np.float64)
    n = int((own >= min_s).sum())
    numbers = [n]
    for a, b in merges:
        n += int(own[a] + own[b] >= min_s) - int(own[a] >= min_s) - int(own[b] >= min_s)
        own[a] += own[b]
        numbers.append(n)
    return np.maximum(numbers, 1)


def _without_small(
    labels: np.ndarray, scores: np.ndarray, speech_s: np.ndarray, count: SpeakerCount, min_s: float
) -> np.ndarray:
    """Labels in which the points of clusters with too little speech have that of the cluster most alike on average."""
    values, own = np.unique(labels, return_inverse=True)
    total_s = np.bincount(own, weights=speech_s)
    n_kept = min(max(int((total_s >= min_s).sum()), count.minimum, 1), len(values))
    if count.maximum is not None:
        n_kept = min(n_kept, count.maximum)
    kept = np.sort(np.argsort(-total_s, kind="stable")[:n_kept])
    if len(kept) == len(values):
        return labels
    members = (own[:, None] == kept).astype(np.float64)
    alike = scores @ members / members.sum(0)
    result = values[kept[alike.argmax(1)]]
    is_kept = np.isin(own, kept)
    return np.where(is_kept, labels, result)
