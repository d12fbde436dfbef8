"""Voices of several recordings that are of one person, by a clustering of all of them.

Wrong links are worse than missing ones, as they put words into somebody's mouth. So clusters are merged by their least
alike pair (complete linkage), the pair must reach the threshold of a low prior, and two voices of one recording are
never of one person.
"""

from collections.abc import Sequence

import numpy as np

from pysid.backend.chain import Backend
from pysid.errors import DataError
from pysid.speakers.decision import OperatingPoint

LINK_POINT = OperatingPoint(p_target=0.01)
"""An LLR of 4.6: pairs of voices are taken for strangers unless they are a hundred times as likely to be one person.

With the model `default`, of 4,830 pairs of voices of different speakers of Common Voice (20 s against 10 s) 3 reached
it, and of 70 pairs of one speaker's 61 did.
"""


def link_voices(
    backend: Backend, embeddings: np.ndarray, recordings: Sequence[int], point: OperatingPoint = LINK_POINT
) -> np.ndarray:
    """(N,) the person of each voice, counted from 0 in the order of the voices.

    Args:
        backend: compares embeddings; with a calibration, unless `point` has a threshold.
        embeddings: (N, E) of the voices.
        recordings: (N,) which recording each is of.
        point: where a pair of voices is taken for one person's.
    Raises:
        DataError: there is neither a calibration nor a threshold.
    """
    point.require(backend.calibration_)
    n = len(embeddings)
    if not n:
        return np.zeros(0, dtype=np.int64)
    scores = backend.score(embeddings, embeddings)
    scores = (scores + scores.T) / 2  # PLDA scores are symmetric but for rounding
    if point.threshold is None:
        assert backend.calibration_ is not None
        gains = backend.calibration_.transform(scores) - point.llr_threshold
    else:
        gains = scores - point.threshold
    if not np.isfinite(gains).all():
        raise DataError("expected finite scores of voices, got others")
    own = np.asarray(recordings)
    gains[own[:, None] == own] = -np.inf
    return _complete_linkage(gains)


def _complete_linkage(gains: np.ndarray) -> np.ndarray:
    """(N,) clusters: the pair of clusters whose least gain (N, N) is highest is merged, as long as that is not below 0.

    >>> _complete_linkage(np.array([[-9, 2, 1], [2, -9, -1], [1, -1, -9]]))
    array([0, 0, 1])
    """
    gains = gains.astype(np.float64)
    np.fill_diagonal(gains, -np.inf)
    label = np.arange(len(gains))
    while True:
        a, b = sorted(np.unravel_index(gains.argmax(), gains.shape))
        if not gains[a, b] >= 0:
            break
        least = np.minimum(gains[a], gains[b])
        gains[a], gains[:, a] = least, least
        gains[b], gains[:, b] = -np.inf, -np.inf
        gains[a, a] = -np.inf
        label[label == b] = a
    return np.unique(label, return_inverse=True)[1].reshape(-1)
