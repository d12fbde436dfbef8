"""Which Gaussians of a frame count, and their posteriors.

Source: Kaldi gmm/diag-gmm.cc, GaussianSelection; hmm/posterior.cc, VectorToPosteriorEntry;
fgmmbin/fgmm-global-gselect-to-post.cc.
"""

import math

import numpy as np
from numpy.typing import NDArray

from pysid.ivector.ragged import Chosen, Posteriors

Floats = NDArray[np.float32]


def best_gaussians(log_likelihoods: Floats, n: int) -> tuple[Chosen, Floats]:
    """The n Gaussians of each frame that are the most likely, the best first.

    Args:
        log_likelihoods: (T, G).
        n: at most G.
    Returns:
        chosen; and (T,) the log likelihood of each frame, by those alone.

    >>> best_gaussians(np.array([[-3, -1, -2]], np.float32), 2)[0].gaussians
    array([1, 2])
    """
    n_frames, n_gaussians = log_likelihoods.shape
    if not 1 <= n <= n_gaussians:
        raise ValueError(f"expected a number of Gaussians in [1, {n_gaussians}], got {n}")
    places = _best_places(log_likelihoods, n)
    values = np.take_along_axis(log_likelihoods, places, 1)
    return Chosen(np.full(n_frames, n), places.ravel()), log_sum(values)


def best_of(log_likelihoods: Floats, chosen: Chosen, n: int) -> tuple[Chosen, Floats]:
    """`best_gaussians` among those chosen before, whose log likelihoods are (N,); all where there are fewer.

    Args:
        log_likelihoods: (N,), one for each of `chosen`.
        chosen: Gaussians of each frame.
        n: how many of them to keep a frame.
    """
    table = chosen.table(log_likelihoods, -math.inf)
    gaussians = chosen.table(chosen.gaussians, -1)
    n = min(n, table.shape[1])
    if n == 0:
        return chosen, np.zeros(0, np.float32)
    order = np.lexsort((-gaussians, -table), axis=1)[:, :n]
    counts = np.minimum(chosen.counts, n)
    kept = np.arange(n) < counts[:, None]
    values = np.take_along_axis(table, order, 1)
    return Chosen(counts, np.take_along_axis(gaussians, order, 1)[kept]), log_sum(np.where(kept, values, -np.inf))


def pruned(log_likelihoods: Floats, chosen: Chosen, least: float = 0.0) -> tuple[Posteriors, Floats]:
    """Posteriors of the Gaussians chosen for each frame.

    Args:
        log_likelihoods: (N,) of the frames with the Gaussians.
        least: smaller posteriors are left out, the others scaled to a sum of 1; the largest stays.
    Returns:
        posteriors; and (T,) the log likelihood of each frame.
    """
    table = chosen.table(log_likelihoods, -math.inf)
    totals = log_sum(table)
    posteriors = np.exp(table - totals[:, None])
    if least:
        kept = posteriors >= np.float32(least)
        largest = posteriors.argmax(axis=1)
        none = ~kept.any(axis=1)
        posteriors = np.where(kept, posteriors, np.float32(0))
        posteriors[none, largest[none]] = 1
        posteriors = posteriors / posteriors.sum(axis=1, keepdims=True)
    gaussians = chosen.table(chosen.gaussians, 0)
    kept = posteriors != 0
    return Posteriors(kept.sum(axis=1), gaussians[kept], posteriors[kept]), totals


def best_posteriors(log_likelihoods: Floats, n: int, least: float = 0.0) -> tuple[Posteriors, Floats]:
    """Posteriors of the n best Gaussians of each frame, the best first.

    Args:
        log_likelihoods: (T, G).
        n: how many at most.
        least: smaller posteriors are left out; the others, one at least, are scaled to a sum of 1.
    Returns:
        posteriors; and (T,) the log likelihood of each frame, by those alone.
    """
    highest = log_likelihoods.max(axis=1, keepdims=True)
    places = _best_places(log_likelihoods, min(n, log_likelihoods.shape[1]))
    ratios = np.exp(np.take_along_axis(log_likelihoods, places, 1) - highest)
    if least:  # a first, coarse cut; the best is never cut
        likes = np.take_along_axis(log_likelihoods, places, 1)
        ratios = np.where(likes > highest + np.float32(math.log(least)), ratios, np.float32(0))
    totals = ratios.sum(axis=1, dtype=np.float32)
    cutoffs = np.float32(least) * totals  # of the sum before anything is taken away
    kept = (ratios != 0) & (ratios >= cutoffs[:, None])
    kept[:, 0] = True
    ratios = np.where(kept, ratios, np.float32(0))
    totals = ratios.sum(axis=1, dtype=np.float32)
    posteriors = ratios * (np.float32(1) / totals)[:, None]
    return Posteriors(kept.sum(axis=1), places[kept], posteriors[kept]), highest[:, 0] + np.log(totals)


def log_sum(log_values: Floats) -> Floats:
    """(T,) logarithm of the sum of exp of the rows of (T, M)."""
    if not log_values.shape[1]:
        return np.full(len(log_values), -np.inf, np.float32)
    highest = log_values.max(axis=1, keepdims=True)
    return np.asarray(highest[:, 0] + np.log(np.exp(log_values - highest).sum(axis=1)))


def _best_places(table: Floats, n: int) -> NDArray[np.int64]:
    """(T, n) where the largest values of each row are, the largest first; of equal ones the last first."""
    places = np.argpartition(-table, n - 1, axis=1)[:, :n]
    values = np.take_along_axis(table, places, 1)
    return np.asarray(np.take_along_axis(places, np.lexsort((-places, -values), axis=1), 1))
