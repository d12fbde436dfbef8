"""Local speakers given to clusters: in each window one to one."""

import numpy as np
from scipy.optimize import linear_sum_assignment


def assign_one_to_one(similarity: np.ndarray, window: np.ndarray) -> np.ndarray:
    """The cluster of each local speaker, so that those of a window get different ones and the sum is greatest.

    Args:
        similarity: (N, C) of local speakers to clusters.
        window: (N,) int: which window each is of, never falling.
    Returns:
        (N,) int; -1 for those that are left over where a window has more speakers than there are clusters.

    >>> assign_one_to_one(np.array([[0.9, 0.8], [0.7, 0.1], [0.2, 0.4]]), np.array([0, 0, 1]))
    array([1, 0, 1])
    """
    labels = np.full(len(similarity), -1, np.int64)
    borders = np.flatnonzero(np.diff(window)) + 1
    for rows in np.split(np.arange(len(window)), borders):
        if len(rows) == 1:
            labels[rows] = similarity[rows[0]].argmax()
        elif len(rows):
            own, clusters = linear_sum_assignment(similarity[rows], maximize=True)
            labels[rows[own]] = clusters
    return labels


def mean_directions(x: np.ndarray, labels: np.ndarray, n_clusters: int) -> np.ndarray:
    """(C, D) unit vectors: the mean of the unit vectors x (N, D) of each label; labels below 0 have none.

    Args:
        x: embeddings, none of them zero.
        labels: (N,) counted from 0.
        n_clusters: C.
    """
    sums = np.zeros((n_clusters, x.shape[1]))
    own = labels >= 0
    np.add.at(sums, labels[own], x[own])
    return np.asarray(sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12))
