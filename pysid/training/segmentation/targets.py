"""What a network is to say of a window: for each frame a distribution over the sets of its speakers."""

import numpy as np

from pysid.segmentation.powerset import Powerset


def true_classes(active: np.ndarray, powerset: Powerset) -> tuple[np.ndarray, np.ndarray]:
    """The class of each frame of a window, and whether it counts.

    Where a window has more speakers than the powerset, those who speak least are left out, and frames in which they
    speak do not count. Where more speak at once than it knows, those count who speak most in the window.

    Args:
        active: (F, N) bool, of the N speakers of the window.
    Returns:
        classes (F,) int64, counts (F,) bool.

    >>> classes, counts = true_classes(np.array([[0, 0], [1, 0], [1, 1]], bool), Powerset(3, 2))
    >>> classes.tolist(), counts.tolist()
    ([0, 1, 4], [True, True, True])
    """
    order = np.argsort(-active.sum(0), kind="stable")
    kept, others = order[: powerset.n_speakers], order[powerset.n_speakers :]
    known = np.zeros((len(active), powerset.n_speakers), bool)
    known[:, : len(kept)] = active[:, kept]
    return powerset.classes(known), np.logical_not(active[:, others].any(1))


def one_hot(classes: np.ndarray, counts: np.ndarray, n_classes: int) -> np.ndarray:
    """(F, K) float32: distributions that are sure of a class, and zeros where a frame does not count.

    Args:
        classes: (F,) in [0, n_classes), as of `true_classes`.
        counts: (F,) bool, likewise.
        n_classes: K.
    """
    target = np.zeros((len(classes), n_classes), np.float32)
    target[np.flatnonzero(counts), classes[counts]] = 1.0
    return target


def matched(posteriors: np.ndarray, target: np.ndarray, powerset: Powerset) -> np.ndarray:
    """Posteriors with the speakers in the order in which they agree best with a target.

    Args:
        posteriors: (F, K) of another network, which has put the speakers in an order of its own.
        target: (F, K), as of `one_hot`.
        powerset: whose classes these are.
    """
    agreement = [np.vdot(posteriors[:, order], target) for order in powerset.permutations]
    return np.asarray(posteriors[:, powerset.permutations[int(np.argmax(agreement))]])


def resampled(posteriors: np.ndarray, times_s: np.ndarray, wanted_s: np.ndarray) -> np.ndarray:
    """Posteriors (F', K) of frames at other times, by linear interpolation; beyond the ends, those of the end.

    Args:
        posteriors: (F, K).
        times_s: (F,) their middles, rising.
        wanted_s: (F',) middles of the frames that are wanted.
    """
    after = np.clip(np.searchsorted(times_s, wanted_s), 1, max(len(times_s) - 1, 1))
    if len(times_s) < 2:
        return np.repeat(posteriors[:1], len(wanted_s), 0)
    share = np.clip((wanted_s - times_s[after - 1]) / (times_s[after] - times_s[after - 1]), 0, 1)[:, None]
    return np.asarray((1 - share) * posteriors[after - 1] + share * posteriors[after])
