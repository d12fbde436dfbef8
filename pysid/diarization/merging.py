"""The merges of average-linkage clustering, cheapest pair first, every cost rounded as Kaldi rounds it.

Source: Kaldi ivector/agglomerative-clustering.cc, which keeps all pairs in a queue. Here each cluster knows its
nearest neighbour only, which is looked for again once it is gone and this cluster's turn comes: the generic algorithm
of Müllner, "Modern hierarchical, agglomerative clustering algorithms" (2011), figure 3."""

from dataclasses import dataclass

import numpy as np

from pysid.errors import DataError

LARGEST = float(np.finfo(np.float32).max)  # the threshold of Kaldi where it ignores the one it is given
SHRINK = 0.75  # share of slots in use at which the empty ones are given up
BLOCK = 512  # rows and columns that fit into the cache together


@dataclass(frozen=True, eq=False)
class MergeTree:
    """Which clusters were joined, in order.

    Clusters are numbered as in Kaldi, but from 0: the N that were there at first, then each new one.

    Attributes:
        n_points: N.
        merges: (M, 2) int, the two clusters that merge m joins into cluster N + m, the smaller number first;
            M = N - 1 unless something ended the merging.
        heights: (M,) float32, the mean cost between the points of the two. Sums and means are rounded, so a height
            may lie a little below the one before.
    """

    n_points: int
    merges: np.ndarray
    heights: np.ndarray

    @property
    def fewest(self) -> int:
        """The number of clusters after all merges."""
        return self.n_points - len(self.merges)

    def n_clusters(self, threshold: float) -> int:
        """How many clusters are left at the first merge that costs more than `threshold`."""
        dear = np.flatnonzero(self.heights > as_threshold(threshold))
        return self.n_points - int(dear[0]) if len(dear) else self.fewest

    def members(self, n_clusters: int) -> list[list[int]]:
        """The points of each cluster when so many are left; clusters by number, points in Kaldi's order.

        Raises:
            ValueError: never were so many, or so few, left.
        """
        if not self.fewest <= n_clusters <= self.n_points:
            raise ValueError(f"n_clusters must lie in [{self.fewest}, {self.n_points}], got {n_clusters}")
        clusters = {point: [point] for point in range(self.n_points)}
        for new, (first, second) in enumerate(self.merges[: self.n_points - n_clusters].tolist(), self.n_points):
            points = clusters.pop(first)
            points.extend(clusters.pop(second))
            clusters[new] = points
        return list(clusters.values())

    def cut(self, n_clusters: int) -> np.ndarray:
        """(N,) int: the cluster of each point when so many are left, from 0 in order of their numbers.

        Raises:
            ValueError: as in `members`.

        >>> tree = merge_tree(np.array([[0.0, 5.0, 1.0], [5.0, 0.0, 6.0], [1.0, 6.0, 0.0]]))
        >>> tree.merges.tolist(), tree.heights.tolist()
        ([[0, 2], [1, 3]], [1.0, 5.5])
        >>> tree.cut(tree.n_clusters(threshold=2.0))
        array([1, 0, 1])
        """
        labels = np.empty(self.n_points, dtype=np.int64)
        for label, points in enumerate(self.members(n_clusters)):
            labels[points] = label
        return labels


def merge_tree(
    costs: np.ndarray,
    *,
    threshold: float = LARGEST,
    n_clusters: int = 1,
    max_size: int | None = None,
    overwrite: bool = False,
) -> MergeTree:
    """Joins the two clusters with the least mean cost between their points, again and again.

    A tree that nothing ended early serves for all thresholds and numbers: `cut`, and `n_clusters` of a threshold,
    give exactly what merging up to there gives, to the last label.

    Args:
        costs: (N, N), N >= 1, finite; what lies above the diagonal counts. Taken as float32.
        threshold: merging ends where the least mean cost is above it.
        n_clusters: merging ends where so many are left.
        max_size: no cluster gets more points than this.
        overwrite: use the memory of `costs` where it is float32 in C order, instead of a copy.
    Raises:
        ValueError: `costs` is not square.
        DataError: it is empty, or holds a NaN or an infinity.
    """
    merger = Merger(as_costs(costs, overwrite), max_size=max_size)
    merger.run(threshold, n_clusters)
    return merger.tree()


def as_threshold(threshold: float) -> np.float32:
    """A threshold as float32, at most `LARGEST`."""
    return np.float32(min(threshold, LARGEST))


def as_costs(costs: np.ndarray, overwrite: bool) -> np.ndarray:
    """(N, N) float32 in C order that may be overwritten; see `merge_tree`."""
    if costs.ndim != 2 or costs.shape[0] != costs.shape[1]:
        raise ValueError(f"costs must be (points, points), got shape {costs.shape}")
    if not len(costs):
        raise DataError("expected costs of at least one point, got none")
    costs = np.require(costs, np.float32, ["C", "W"]) if overwrite else np.array(costs, np.float32, order="C")
    for first in range(0, len(costs), BLOCK):
        if not np.isfinite(costs[first : first + BLOCK]).all():
            raise DataError("expected finite costs, got a NaN or an infinity")
    return costs


class Merger:
    """The clusters that are left, and the sums of costs between them.

    Clusters live in slots, the rows and columns of the sums. A merge puts the new cluster into the slot of the
    older of the two and leaves that of the other empty.

    Args:
        sums: (N, N) sums of costs between the points of two clusters, float32 in C order; overwritten. What lies
            above the diagonal counts.
        sizes: (N,) points in each cluster; None means one.
        max_size: no cluster gets more points than this.
    """

    def __init__(self, sums: np.ndarray, sizes: np.ndarray | None = None, max_size: int | None = None) -> None:
        n = len(sums)
        self._sums = sums
        self._sizes = np.ones(n, dtype=np.float32) if sizes is None else sizes.astype(np.float32)
        self._max_size = max_size
        self._n_points = self._n_left = n
        self._ids = np.arange(n, dtype=np.int32)  # of the cluster in each slot, -1 in an empty one
        self._slots = np.full(2 * n, -1)  # of each cluster, -1 once it is gone
        self._slots[:n] = self._ids
        self._empty = np.zeros(n, dtype=np.float32)  # inf in an empty slot: a cost to add
        self._pairs: list[tuple[int, int]] = []
        self._heights: list[np.float32] = []
        # Of the cluster in each slot: its least mean cost to a younger one, and which that is. Once that one is
        # gone, the cost is a lower bound.
        self._least = np.full(n, np.inf, dtype=np.float32)
        self._nearest = np.full(n, -1)
        _mirror_upper(sums)
        for slot in range(n - 1):
            self._search(slot)

    def run(self, threshold: float, n_clusters: int) -> None:
        """Merges until `n_clusters` are left, or the next merge would cost more than `threshold`."""
        limit = as_threshold(threshold)
        while self._n_left > n_clusters:
            slot = self._cheapest(limit)
            if slot is None:
                break
            self._merge(slot, int(self._slots[self._nearest[slot]]))

    def tree(self) -> MergeTree:
        """The merges so far."""
        merges = np.array(self._pairs, dtype=np.int64).reshape(-1, 2)
        return MergeTree(self._n_points, merges, np.array(self._heights, dtype=np.float32))

    def sums(self) -> np.ndarray:
        """Sums of costs between the clusters left, in order of their numbers."""
        slots = self._slots[self._slots >= 0]
        return self._sums[np.ix_(slots, slots)]

    def _cheapest(self, limit: np.float32) -> int | None:
        """The slot of the older cluster of the next pair, whose nearest is the other.

        Of equally cheap pairs that with the oldest cluster comes first, and of those the one whose other is oldest.
        """
        while True:
            slot = int(self._least.argmin())
            cost = self._least[slot]
            if not cost <= limit:
                return None
            tied = np.flatnonzero(self._least == cost)
            if len(tied) > 1:
                slot = int(tied[self._ids[tied].argmin()])
            if self._slots[self._nearest[slot]] >= 0:
                return slot
            self._search(slot)

    def _search(self, slot: int) -> None:
        """Finds the nearest of the clusters younger than the one in `slot`, of which there are some."""
        younger = np.flatnonzero(self._ids > self._ids[slot])
        sizes = self._sizes.take(younger)
        costs = self._mean_costs(self._sums[slot].take(younger), sizes, self._sizes[slot])
        least = costs.min()
        self._least[slot] = least
        self._nearest[slot] = self._ids[younger[costs == least]].min()

    def _mean_costs(self, sums: np.ndarray, sizes: np.ndarray, size: np.float32) -> np.ndarray:
        """Of merging a cluster of `size` with others; inf where it is forbidden."""
        costs = sums / (sizes * size)
        if self._max_size is not None:
            costs[sizes + size > self._max_size] = np.inf
        return costs

    def _merge(self, kept: int, emptied: int) -> None:
        first, second, new = int(self._ids[kept]), int(self._ids[emptied]), self._n_points + len(self._pairs)
        self._pairs.append((first, second))
        self._heights.append(self._least[kept])
        self._sums[kept] += self._sums[emptied]
        self._sums[:, kept] = self._sums[kept]
        self._sizes[kept] += self._sizes[emptied]
        self._ids[[kept, emptied]] = new, -1
        self._slots[[first, second, new]] = -1, -1, kept
        self._empty[emptied] = np.inf
        self._least[[kept, emptied]] = np.inf  # nothing is younger than the new one
        self._n_left -= 1
        self._compare(kept, new)
        if self._n_left < SHRINK * len(self._ids):
            self._shrink()

    def _compare(self, slot: int, new: int) -> None:
        """Makes the new cluster in `slot` the nearest of all to which none was as near.

        Where it is exactly as near, the other is older and comes first. If that one is gone, some cluster between the
        two in age may be as near: `_search` will find it.
        """
        costs = self._mean_costs(self._sums[slot], self._sizes, self._sizes[slot])
        costs += self._empty
        costs[slot] = np.inf
        nearer = np.flatnonzero(costs < self._least)
        self._least[nearer] = costs[nearer]
        self._nearest[nearer] = new

    def _shrink(self) -> None:
        """Moves the slots in use together, within the memory of the sums."""
        used = np.flatnonzero(self._ids >= 0)
        n = len(used)
        smaller = self._sums.reshape(-1)[: n * n].reshape(n, n)
        for new, old in enumerate(used):  # what a row is written over has been read before, as new <= old
            smaller[new] = self._sums[old].take(used)
        self._sums = smaller
        self._sizes, self._ids, self._empty = self._sizes[used], self._ids[used], self._empty[used]
        self._least, self._nearest = self._least[used], self._nearest[used]
        self._slots[self._ids] = np.arange(n)


def _mirror_upper(matrix: np.ndarray) -> None:
    """Copies what lies above the diagonal to below it, block by block."""
    for first in range(0, len(matrix), BLOCK):
        rows = slice(first, first + BLOCK)
        square = matrix[rows, rows]
        square[:] = np.triu(square) + np.triu(square, 1).T
        for second in range(first + BLOCK, len(matrix), BLOCK):
            columns = slice(second, second + BLOCK)
            matrix[columns, rows] = matrix[rows, columns].T
