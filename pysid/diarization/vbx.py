"""Variational Bayes HMM clustering of the windows of a recording (VBx).

Source: F. Landini, J. Profant, M. Diez, L. Burget, "Bayesian HMM clustering of x-vector sequences (VBx) in speaker
diarization: theory, implementation and analysis on standard tasks", Computer Speech & Language 71, 2022. Numbers in
brackets are the equations there.

A recording is a chain of states, a speaker each. From window to window the speaker stays with the loop probability;
otherwise one is drawn, perhaps the same again, with the speakers' probabilities pi (1). In the space of a PLDA model
the noise is unit and speaker s lies at V y_s, where V = diag(sqrt(psi)) and y_s ~ N(0, I) (5). Variational Bayes finds
q(Y), a Gaussian for each speaker, q(Z), who speaks in each window, and the most likely pi. A speaker must
explain more than it costs to have one, so pi of a superfluous speaker goes to zero: speakers are dropped, never added.
Two that share one voice are seldom dropped, though, since each explains its own windows: `join` tries that.
"""

import math
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from scipy.special import softmax

from pysid.backend.chain import PldaBackend
from pysid.diarization.ahc import AhcConfig
from pysid.diarization.linkage import LinkageConfig
from pysid.diarization.steps import Clusterer, Clustering, SpeakerCount, Windows

TRIED = 8  # pairs of speakers, where some have to be joined, and iterations for each: enough to see which one is best
MAX_HALVINGS = 6  # of what a speaker costs, where speakers have to be kept


@dataclass(frozen=True, kw_only=True)
class VbxConfig:
    """Settings of `Vbx`. The defaults suit windows of 1.5 s every 0.75 s.

    Attributes:
        fa: weight of what windows say, positive; below 1 since they overlap and resemble their neighbours.
        fb: weight of what a speaker costs, positive; higher finds fewer.
        full_cost_windows: with fewer windows than this, a speaker costs less in proportion; 0 is the full cost for all.
            Who talks for some seconds of half a minute has a few windows, which say less than `fb` costs.
        join: after the iterations join two speakers, and go on from there, as long as the lower bound gains by it. Less
            then depends on the start, which may be of a higher threshold.
        loop_probability: that the next window is of the same speaker without a draw, in [0, 1).
        centred: subtract the recording's mean from its embeddings in the PLDA space. Noise and a room move all of them
            one way, so that speakers there look alike; distances between them stay.
        dim: leading axes of the PLDA space to keep; None, or more than there are, keeps all.
        max_iterations: at least 1.
        epsilon: nats that an iteration must gain for another one.
        start_smoothing: the first posteriors are the softmax of this times the 0 or 1 of the start.
        start: the clustering to start from, which should find too many speakers.
        short_windows, short_start: with fewer windows than this, the clustering to start from, which can find more
            speakers than `start`: in half a minute, speakers who were joined too early are seldom told apart again,
            and those that are too many are dropped at little cost. 0 starts from `start` always.
        max_start_windows: a longer recording starts from evenly spaced windows, at least half as many, and gives the
            others the label of the nearest: what the start takes grows with the square of their number.
    """

    kind: Literal["vbx"] = "vbx"
    fa: float = 0.5
    fb: float = 8.0
    full_cost_windows: int = 0
    join: bool = False
    loop_probability: float = 0.6
    centred: bool = False
    dim: int | None = 40
    max_iterations: int = 40
    epsilon: float = 1e-4
    start_smoothing: float = 5.0
    start: AhcConfig | LinkageConfig = field(default_factory=lambda: AhcConfig(threshold=0.5))
    short_windows: int = 0
    short_start: AhcConfig | LinkageConfig = field(default_factory=lambda: AhcConfig(threshold=4.0))
    max_start_windows: int = 8000

    def __post_init__(self) -> None:
        if not (0 < self.fa < math.inf and 0 < self.fb < math.inf):
            raise ValueError(f"fa and fb must be positive numbers, got {self.fa} and {self.fb}")
        for name in ("full_cost_windows", "short_windows"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")
        if not 0 <= self.loop_probability < 1:
            raise ValueError(f"loop_probability must lie in [0, 1), got {self.loop_probability}")
        if self.dim is not None and self.dim < 1:
            raise ValueError(f"dim must be at least 1, got {self.dim}")
        for name in ("max_iterations", "max_start_windows"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("epsilon", "start_smoothing"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be a number of at least 0, got {getattr(self, name)}")


class Vbx:
    """A `Clusterer` that refines another one's speakers and drops those that explain too little.

    Where a number of speakers is given, or what it finds is out of bounds, it joins speakers until so many are left;
    without `join` it starts from so many. If that leaves too few of them, it tries again with speakers at half the
    cost, and after `MAX_HALVINGS` keeps the labels of a start from so many. Silence between windows is ignored.

    An iteration over N windows and S speakers of the start takes O(N S) time and memory: of 20,000 windows, 0.3 s and
    100 MB with 50 speakers, 0.6 s and 300 MB with 200.

    Args:
        config: settings; `config.start` is for who makes `start`.
        backend: of the embeddings. Its length normalisation before PLDA applies, the one after does not.
        start: the clusterer to start from.
        short_start: likewise for a short recording, where `config` knows of such; None for `start`.
    """

    def __init__(
        self, config: VbxConfig, backend: PldaBackend, start: Clusterer, short_start: Clusterer | None = None
    ) -> None:
        self.config = config
        self.backend = backend
        self.start = start
        self.short_start = short_start or start

    def __call__(self, embeddings: np.ndarray, windows: Windows, count: SpeakerCount) -> Clustering:
        """Clusters embeddings (N, E), N >= 1, of `windows`; posteriors are those of the windows' speakers.

        Raises:
            DataError: embeddings that the back-end does not fit, or with a NaN or an infinity.
        """
        u = self.backend.plda_.transform(self.backend.projection.transform(embeddings), length_norm=None)
        x, psi = u[:, : self.config.dim], self.backend.plda_.psi_[: self.config.dim]
        if self.config.centred:
            x = x - x.mean(axis=0)
        n_speakers, config = count.given, replace(self.config, fb=self._cost(len(x)))
        if n_speakers is None or config.join:
            many = self._start(embeddings, windows, SpeakerCount(minimum=count.minimum))
        if n_speakers is None:
            found = refine(x, psi, many, config)
            n_speakers = count.clip(found.n_speakers)
            if n_speakers == found.n_speakers:
                return found
        if config.join and (joined := refine_to(n_speakers, x, psi, many, config)):
            return joined
        start = self._start(embeddings, windows, SpeakerCount.exactly(n_speakers))
        return refine_to(start.n_speakers, x, psi, start, replace(config, join=False)) or start

    def _cost(self, n_windows: int) -> float:
        """What a speaker costs in a recording of so many windows."""
        c = self.config
        return c.fb * min(1.0, n_windows / c.full_cost_windows) if c.full_cost_windows else c.fb

    def _start(self, embeddings: np.ndarray, windows: Windows, count: SpeakerCount) -> Clustering:
        n = len(embeddings)
        begin = self.short_start if n < self.config.short_windows else self.start
        step = min(math.ceil(n / self.config.max_start_windows), max(n // count.minimum, 1))
        if step == 1:
            return begin(embeddings, windows, count)
        some = windows.chosen(slice(None, None, step))
        labels = begin(embeddings[::step], some, count).labels
        nearest = np.minimum((np.arange(n) + step // 2) // step, len(labels) - 1)
        return Clustering.in_order(labels[nearest])


def refine(
    x: np.ndarray, psi: np.ndarray, start: Clustering, config: VbxConfig, n_speakers: int | None = None
) -> Clustering:
    """The most likely speaker of each window, after `infer` from the labels of `start`.

    Args:
        x: (N, D) embeddings in the space of PLDA, with unit noise.
        psi: (D,) variances of speakers there.
        start: a first clustering.
        config: of VBx.
        n_speakers: where speakers are joined, go on until there are so many; None while that is likelier.
    """
    certain = np.eye(start.n_speakers)[start.labels]
    result = infer(x, psi, softmax(config.start_smoothing * certain, axis=1), config)
    gamma = (join(x, psi, result, config, n_speakers) if config.join else result).posteriors
    return Clustering.in_order(gamma.argmax(axis=1), gamma)


def refine_to(
    n_speakers: int, x: np.ndarray, psi: np.ndarray, start: Clustering, config: VbxConfig
) -> Clustering | None:
    """`n_speakers` by `refine`, at half the cost of a speaker as often as it takes; None where that does not help.

    Args:
        n_speakers: at least 1.
        x, psi, start, config: as in `refine`.
    """
    for halvings in range(MAX_HALVINGS + 1):
        found = refine(x, psi, start, replace(config, fb=config.fb / 2**halvings), n_speakers)
        if found.n_speakers == n_speakers:
            return found
    return None


@dataclass(frozen=True, eq=False)
class VbxResult:
    """What the iterations end with.

    Attributes:
        posteriors: (T, S) gamma, the probability of each speaker in each window.
        priors: (S,) pi, the speakers' probabilities where one is drawn.
        elbos: the lower bound of the log-likelihood, in nats, after each iteration; never falls.
    """

    posteriors: np.ndarray
    priors: np.ndarray
    elbos: list[float]


def infer(x: np.ndarray, psi: np.ndarray, posteriors: np.ndarray, config: VbxConfig) -> VbxResult:
    """Iterates from starting posteriors until the lower bound gains less than `config.epsilon`.

    Args:
        x: (T, D) embeddings in the space of a PLDA model, in order of time.
        psi: (D,) the model's speaker variances.
        posteriors: (T, S) where to start.
    """
    fa, fb, loop = config.fa, config.fb, config.loop_probability
    n_speakers = posteriors.shape[1]
    pi = np.full(n_speakers, 1 / n_speakers)
    rho = x * np.sqrt(psi)  # (18)
    log_noise = -0.5 * ((x**2).sum(axis=1, keepdims=True) + x.shape[1] * np.log(2 * np.pi))
    gamma, elbos = posteriors, list[float]()
    while len(elbos) < config.max_iterations:
        # The posterior of speaker s is N(alpha_s, diag(variance_s)).
        variance = 1 / (1 + fa / fb * gamma.sum(axis=0)[:, None] * psi)  # (17)
        alpha = fa / fb * variance * (gamma.T @ rho)  # (16)
        log_p = fa * (rho @ alpha.T - 0.5 * (variance + alpha**2) @ psi + log_noise)  # (23)
        gamma, draws, log_likelihood = forward_backward(log_p, pi, loop)
        cost = 0.5 * (variance + alpha**2 - 1 - np.log(variance)).sum()  # divergence of q(Y) from the prior
        elbos.append(log_likelihood - fb * cost)  # (25)
        pi = draws / draws.sum()
        if len(elbos) > 1 and elbos[-1] - elbos[-2] < config.epsilon:
            break
    return VbxResult(gamma, pi, elbos)


def join(
    x: np.ndarray, psi: np.ndarray, result: VbxResult, config: VbxConfig, n_speakers: int | None = None
) -> VbxResult:
    """Joins two speakers, iterates, and does so again, as long as the lower bound gains, or until there are so many.

    Of S speakers the S pairs whose means lie nearest to each other are tried each time, or a few of them where speakers
    have to be joined, and the best one is joined. Speakers without a window that is most likely theirs are dropped.

    Args:
        x, psi: as in `infer`.
        result: of `infer`.
        n_speakers: how many to stop at, whatever the bound says; None stops where it no longer gains.
    """
    trial = config if n_speakers is None else replace(config, max_iterations=min(TRIED, config.max_iterations))
    while True:
        gamma = result.posteriors[:, np.unique(result.posteriors.argmax(axis=1))]
        gamma = gamma / gamma.sum(axis=1, keepdims=True)
        left = gamma.shape[1]
        if n_speakers is not None and left <= n_speakers:
            return result
        weight = config.fa / config.fb * gamma.sum(axis=0)[:, None] * psi
        means = weight / (1 + weight) * (gamma.T @ x) / gamma.sum(axis=0)[:, None]  # V alpha, (16)
        first, second = np.triu_indices(left, 1)
        distance = ((means[first] - means[second]) ** 2).sum(axis=1)
        nearest = np.argsort(distance)[: left if n_speakers is None else TRIED]
        joined = (infer(x, psi, _together(gamma, first[pair], second[pair]), trial) for pair in nearest)
        best = max(joined, key=lambda tried: tried.elbos[-1], default=result)
        if n_speakers is not None:
            best = infer(x, psi, best.posteriors, config)
        elif not best.elbos[-1] > result.elbos[-1]:  # a NaN, of absurd settings, ends it too
            return result
        result = best


def _together(gamma: np.ndarray, a: int, b: int) -> np.ndarray:
    """Posteriors (T, S) with speaker `b` joined to speaker `a` before it, (T, S - 1)."""
    together = np.delete(gamma, b, axis=1)
    together[:, a] += gamma[:, b]
    return together


def forward_backward(log_p: np.ndarray, pi: np.ndarray, loop: float) -> tuple[np.ndarray, np.ndarray, float]:
    """The chain's posteriors, in O(T S): a speaker is left only for a draw, which forgets it.

    Whoever speaks first is drawn too, so with a_t(s) = p(x_1..x_t | z_t = s) and b_t(s) = p(x_t..x_T | z_t = s) the
    chain runs alike in both directions, since it keeps detailed balance with pi:
        a_t(s) = p_t(s) (loop a_{t-1}(s) + (1 - loop) sum_r pi_r a_{t-1}(r)), and b likewise from the end.
    The forward probability (20) is pi_s a_t(s), the backward one (21) b_t(s) / p_t(s).

    Args:
        log_p: (T, S) log-likelihood of each window for each speaker.
        pi: (S,) probabilities of a draw; 0 is allowed.
        loop: probability, in [0, 1), that there is no draw.
    Returns:
        posteriors: (T, S), rows add to 1 (19).
        draws: (S,) expected number of times that each speaker is drawn, the first window's included (24).
        log_likelihood: of all the windows (22).
    """
    with np.errstate(divide="ignore"):
        log_pi, log_loop, log_draw = np.log(pi), np.log(loop), np.log1p(-loop)
    both = np.stack((log_p, log_p[::-1]), axis=1)  # (T, 2, S): from the first window, and from the last
    any_speaker = np.empty((len(both), 2, 1))  # log sum_s pi_s of the above
    for t in range(len(both)):
        if t > 0:
            both[t] += np.logaddexp(log_loop + both[t - 1], log_draw + any_speaker[t - 1])
        any_speaker[t] = np.logaddexp.reduce(log_pi + both[t], axis=1, keepdims=True)
    log_a, log_b = both[:, 0], both[::-1, 1]
    log_likelihood = any_speaker[-1, 0, 0]
    posteriors = np.exp(log_pi + log_a + log_b - log_p - log_likelihood)
    drawn = np.exp(any_speaker[:-1, 0] + log_draw + log_pi + log_b[1:] - log_likelihood)
    return posteriors, posteriors[0] + drawn.sum(axis=0), float(log_likelihood)
