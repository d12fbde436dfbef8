"""The two-covariance model x = mean + speaker + noise, with speaker ~ N(0, B) and noise ~ N(0, W).

One change of basis, V with V' W V = I and V' B V = diag(psi), makes every matrix of the E-step diagonal for
speakers of any number of utterances. So an iteration costs one eigenvalue problem, not an inverse for each
distinct number, and three products of at most one row for each speaker; it gives what Kaldi's formulas give.
Source: Kaldi ivector/plda.cc, PldaEstimator.
"""

from dataclasses import dataclass

import numpy as np

from pysid.backend.statistics import CACHED_ROWS, SpeakerStatistics, row_blocks
from pysid.errors import DataError


def diagonalize(between: np.ndarray, within: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The space in which `within` is the identity and `between` is diagonal.

    Args:
        between, within: (D, D) covariances; `within` must be positive definite.
    Returns:
        transform: (D, D), transform @ within @ transform.T = I.
        psi: (D,) diagonal of transform @ between @ transform.T, descending, none negative.
    Raises:
        DataError: `within` is singular.
    """
    from scipy import linalg  # here, as programs that only score with a model need not wait for it

    try:
        psi, vectors = linalg.eigh(between, within)
    except linalg.LinAlgError as error:
        raise DataError(
            "the within-speaker covariance is singular: some direction of the embeddings does not vary"
        ) from error
    return vectors[:, ::-1].T, np.maximum(psi[::-1], 0.0)


@dataclass(frozen=True)
class PooledSpeakers:
    """What EM needs of the training data: no more rows than speakers, and far fewer where many are alike.

    Speakers of as many utterances enter an iteration only by the sum of m m', m the offset of a speaker's mean from
    the mean of all. Where they are more than D, D rows of the same sum take their place.

    Attributes:
        offsets: (R, D) rows m, R at most the number of speakers.
        counts: (R,) utterances of the speakers behind each row.
        sizes: {number of utterances: how many speakers have so many}.
        scatter: (D, D) sum of (x - mean of its speaker)(x - mean of its speaker)'.
    """

    offsets: np.ndarray
    counts: np.ndarray
    sizes: dict[int, int]
    scatter: np.ndarray


def pool_speakers(statistics: SpeakerStatistics, mean: np.ndarray) -> PooledSpeakers:
    """Pools speakers of the same number of utterances; `mean` (D,) is that of the model."""
    rows, counts, sizes = [], [], {}
    for count in np.unique(statistics.counts).tolist():
        own = statistics.means[statistics.counts == count] - mean
        sizes[count] = len(own)
        if len(own) > statistics.dim:
            values, vectors = np.linalg.eigh(own.T @ own)
            own = np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T
        rows.append(own)
        counts.append(np.full(len(own), count))
    return PooledSpeakers(np.concatenate(rows), np.concatenate(counts), sizes, statistics.scatter)


def em_step(between: np.ndarray, within: np.ndarray, speakers: PooledSpeakers) -> tuple[np.ndarray, np.ndarray]:
    """One EM iteration: the next (between, within), never of lower likelihood.

    With m the offset of a speaker's mean of n utterances, m = speaker + noise / n, and the posterior of
    `speaker` is N(w, C) with C = (B^-1 + n W^-1)^-1 and w = n C W^-1 m. Then B is the mean over speakers of
    w w' + C, and W the mean over utterances of the scatter plus n ((m - w)(m - w)' + C) for each speaker.

    Args:
        between, within: (D, D) covariances of the step before.
        speakers: their means and scatter, by the number of utterances.
    """
    transform, psi = diagonalize(between, within)
    n, size = (np.array(list(values))[:, None] for values in (speakers.sizes, speakers.sizes.values()))  # (G, 1)
    posterior_variance = size * psi / (1 + n * psi)  # diagonal of C, summed over the speakers of n utterances
    between_sum = np.diag(posterior_variance.sum(axis=0))
    within_sum = np.diag((n * posterior_variance).sum(axis=0))
    for rows in row_blocks(len(speakers.offsets), CACHED_ROWS):
        count = speakers.counts[rows, None]
        noise = speakers.offsets[rows] @ transform.T / (1 + count * psi)  # m - w
        speaker = count * psi * noise  # w
        between_sum += speaker.T @ speaker
        noise *= np.sqrt(count)
        within_sum += noise.T @ noise
    back = within @ transform.T  # the inverse of transform, as transform within transform' = I
    return (
        back @ between_sum @ back.T / size.sum(),
        (speakers.scatter + back @ within_sum @ back.T) / (n * size).sum(),
    )


def log_likelihood(statistics: SpeakerStatistics, mean: np.ndarray, transform: np.ndarray, psi: np.ndarray) -> float:
    """Log density of all the embeddings under the model, in nats.

    Along one axis of the diagonal space the n values u of a speaker are N(0, I + psi 11'), so their log
    density is -(n log 2 pi + log(1 + n psi) + sum u^2 - psi (sum u)^2 / (1 + n psi)) / 2.

    Args:
        statistics: counts, means and scatter of K speakers.
        mean: (D,).
        transform: (D, D), to unit noise and independent axes.
        psi: (D,) variances of speakers there.
    """
    n = statistics.counts[:, None]
    u = (statistics.means - mean) @ transform.T  # (K, D) mean of each speaker
    within = np.einsum("ij,ij->", transform @ statistics.scatter, transform)
    # sum u^2 = scatter + n mean^2; the second part and the last term join into n mean^2 / (1 + n psi).
    quadratic = within + (n * u**2 / (1 + n * psi)).sum()
    log_determinant = np.log1p(n * psi).sum()
    _, log_volume = np.linalg.slogdet(transform)
    n_values = statistics.n_utterances * statistics.dim
    return float(
        statistics.n_utterances * log_volume - 0.5 * (n_values * np.log(2 * np.pi) + log_determinant + quadratic)
    )
