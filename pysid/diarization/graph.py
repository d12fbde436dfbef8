"""Graphs over the windows of a recording: who is whose near neighbour, and the spectrum of the Laplacian."""

from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import LinearOperator, eigsh

from pysid.backend.statistics import row_blocks

BLOCK_ROWS = 256
DENSE_MAX = 400  # windows up to which a whole eigendecomposition is quickest
TOLERANCE = 1e-5  # of an eigenvalue, relative to the spectrum's width; gaps that matter are far wider
LaplacianKind = Literal["normalised", "unnormalised"]
Weights: TypeAlias = np.ndarray | sparse.csr_array


def nearest_neighbours(affinity: np.ndarray, n: int) -> sparse.csr_array:
    """(N, N) float32, 1 at the `n` others that each row's window is most like, 0 elsewhere; not symmetric.

    Only the order of the affinities counts: they may have any scale, and any sign.

    Args:
        affinity: (N, N); its diagonal is ignored.
        n: neighbours of each window, in [1, N - 1].
    Raises:
        ValueError: `n` is outside that range.

    >>> nearest_neighbours(np.array([[9, 3, 1], [3, 9, 2], [1, 2, 9.0]]), 1).toarray()
    array([[0., 1., 0.],
           [1., 0., 0.],
           [0., 1., 0.]], dtype=float32)
    """
    size = len(affinity)
    if not 1 <= n < size:
        raise ValueError(f"{size} windows can have 1 to {size - 1} neighbours, got {n}")
    columns = np.empty((size, n), dtype=np.int32)
    for rows in row_blocks(size, BLOCK_ROWS):
        block = affinity[rows].copy()
        block[np.arange(len(block)), np.arange(rows.start, rows.stop)] = -np.inf
        columns[rows] = np.argpartition(block, size - n, axis=1)[:, size - n :]
    columns.sort(axis=1)
    ends = np.arange(0, size * n + 1, n, dtype=np.int32 if size * n < 2**31 else np.int64)
    return sparse.csr_array((np.ones(size * n, dtype=np.float32), columns.reshape(-1), ends), shape=(size, size))


def n_parts(graph: sparse.csr_array) -> int:
    """How many parts of a graph (N, N), symmetric or not, nothing connects."""
    return int(connected_components(graph, directed=False, return_labels=False))


def undirected(neighbours: sparse.csr_array) -> sparse.csr_array:
    """(W + W') / 2: weight 1 between windows that choose each other, 1/2 where one of them does.

    >>> undirected(nearest_neighbours(np.array([[9, 3, 1], [3, 9, 2], [1, 2, 9.0]]), 1)).toarray()
    array([[0. , 1. , 0. ],
           [1. , 0. , 0.5],
           [0. , 0.5, 0. ]], dtype=float32)
    """
    both = neighbours + neighbours.T.tocsr()
    both.data *= np.float32(0.5)
    return both


class Laplacian:
    """The Laplacian of a graph: D - W, or normalised, I - D^-1/2 W D^-1/2, with D the row sums of W on the diagonal.

    Args:
        weights: (N, N) W, float32, symmetric and not negative. The diagonal is ignored; a dense matrix's is set to 0.
        kind: which of the two.
    Raises:
        ValueError: a weight is negative or a NaN.
    Source: U. von Luxburg, "A tutorial on spectral clustering", Statistics and Computing 17, 2007, section 3.
    """

    def __init__(self, weights: Weights, kind: LaplacianKind = "normalised") -> None:
        if isinstance(weights, np.ndarray):
            np.fill_diagonal(weights, 0.0)
        lowest = weights.min()
        if not lowest >= 0:
            raise ValueError(
                f"spectral clustering needs weights of at least 0, the lowest is {lowest:.4g}: prune the affinities, "
                "or refine them with a rescale or logistic step"
            )
        self._weights = weights
        self._degrees = np.asarray(weights.sum(axis=1, dtype=np.float64))
        self._kind = kind

    @property
    def n_parts(self) -> int:
        """How many parts of the graph nothing connects."""
        return self._null.shape[1]

    def smallest(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        """The `n` smallest eigenvalues (n,), ascending, and their eigenvectors (N, n); 1 <= n <= N."""
        if len(self._degrees) <= DENSE_MAX:
            values, vectors = self._all_eigenpairs
            return np.maximum(values[:n], 0.0), vectors[:, :n]
        known = min(n, self.n_parts)
        values, vectors = np.zeros(known), self._null[:, :known]
        if known < n:
            turned = self._operator(deflated=True)
            found, others = eigsh(turned, n - known, which="LA", v0=self._start(), tol=TOLERANCE)
            order = np.argsort(-found)
            values = np.concatenate([values, np.maximum(self._eigenvalue_bound - found[order], 0.0)])
            vectors = np.hstack([vectors, others[:, order]])
        return values, vectors

    def largest(self) -> float:
        """The largest eigenvalue."""
        if len(self._degrees) <= DENSE_MAX:
            return float(self._all_eigenpairs[0][-1])
        options = {"v0": self._start(), "tol": 100 * TOLERANCE, "return_eigenvectors": False}
        return self._eigenvalue_bound - float(eigsh(self._operator(deflated=False), 1, which="SA", **options)[0])

    @cached_property
    def _null(self) -> np.ndarray:
        """(N, C) orthonormal: the indicators of the C parts, which span the eigenvectors of eigenvalue 0.

        Lanczos need not find them then, and it might miss some of equal eigenvalues.
        """
        labels = _parts(self._weights)
        vectors = np.zeros((len(labels), labels.max() + 1))
        vectors[np.arange(len(labels)), labels] = 1.0 if self._kind == "unnormalised" else np.sqrt(self._safe_degrees)
        return vectors / np.linalg.norm(vectors, axis=0)

    @property
    def _safe_degrees(self) -> np.ndarray:
        return np.where(self._degrees > 0, self._degrees, 1.0)

    @property
    def _eigenvalue_bound(self) -> float:
        """What no eigenvalue exceeds."""
        return 2.0 if self._kind == "normalised" else max(2.0 * float(self._degrees.max()), 1.0)

    @cached_property
    def _all_eigenpairs(self) -> tuple[np.ndarray, np.ndarray]:
        """All eigenvalues (N,), ascending, and eigenvectors (N, N)."""
        weights = self._weights if isinstance(self._weights, np.ndarray) else self._weights.toarray()
        laplacian = np.diag(self._degrees) - weights
        if self._kind == "normalised":
            root = np.sqrt(self._safe_degrees)
            laplacian = laplacian / root[:, None] / root
        return np.linalg.eigh(laplacian)

    def _operator(self, deflated: bool) -> LinearOperator:
        """top I - L, which turns the spectrum round, as Lanczos finds the largest eigenvalues first.

        Deflated, the eigenvectors of L's eigenvalue 0 move to the other end of the spectrum.
        """
        top, null = self._eigenvalue_bound, self._null
        normalised = self._kind == "normalised"
        scale = 1 / np.sqrt(self._safe_degrees) if normalised else 1.0
        diagonal = (self._degrees > 0).astype(float) if normalised else self._degrees

        def multiply(x: np.ndarray) -> np.ndarray:
            x = x.reshape(-1)
            product = scale * (self._weights @ (scale * x).astype(np.float32)) + (top - diagonal) * x
            return product - top * (null @ (null.T @ x)) if deflated else product

        return LinearOperator((len(self._degrees),) * 2, matvec=multiply, dtype=np.float64)

    def _start(self) -> np.ndarray:
        """(N,) the same for every call, so that the same graph always gives the same vectors."""
        return np.random.default_rng(0).standard_normal(len(self._degrees))


def _parts(weights: Weights) -> np.ndarray:
    """(N,) the part that each window is in, counted from 0."""
    if not isinstance(weights, np.ndarray):
        return connected_components(weights, directed=False)[1]
    labels = np.full(len(weights), -1)  # a dense matrix as a sparse one would take several times the memory
    while len(rest := np.flatnonzero(labels < 0)):
        part, front = labels.max() + 1, rest[:1]
        while len(front):
            labels[front] = part
            touched = np.zeros(len(weights), dtype=bool)
            for rows in row_blocks(len(front), BLOCK_ROWS):
                touched |= weights[front[rows]].any(axis=0)
            front = np.flatnonzero(touched & (labels < 0))
    return labels
