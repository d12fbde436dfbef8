"""PLDA trained on, after EM, to tell speakers apart trial by trial.

EM asks how embeddings come about, and its scores are the best if embeddings are Gaussian about Gaussian speakers. They
are not quite. Here projection and PLDA keep their form, so that all that scores, enrols and searches with them goes on,
and their numbers move a little to where decisions about the training trials are better.

Source: Burget et al., "Discriminatively trained probabilistic linear discriminant analysis for speaker verification",
ICASSP 2011; Ferrer, McLaren and Brummer, "A speaker verification backend with robust performance across conditions",
Computer Speech & Language 2022, who train the projection as well.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike
from torch import Tensor, nn

from pysid.backend.calibration import LogisticCalibration
from pysid.backend.chain import PldaBackend
from pysid.backend.checks import check_labels
from pysid.backend.normalize import length_normalize
from pysid.backend.plda import Plda
from pysid.backend.projection import Projection
from pysid.backend.statistics import speaker_statistics
from pysid.progress import track
from pysid.training.running_mean import RunningMean

CALIBRATION_RATE = 0.02  # learning rate of the map from scores to decisions, which is thrown away
SMALLEST_PSI = 1e-6  # logarithms are trained
BLOCK_ROWS = 1024  # speakers that are compared with all others at a time


@dataclass(frozen=True)
class DiscriminativeConfig:
    """Configuration of `train_discriminatively`.

    Attributes:
        n_steps: batches to learn from.
        learning_rate: of Adam at the start; it falls to nothing by a cosine.
        pull: weight of the squared change of all parameters, divided by their dimensions, against the cost of a
            decision, which is 1 for whoever knows the prior alone.
        p_target: prior probability of a target trial at which decisions are to be good, in (0, 1).
        n_speakers, n_utterances: speakers in a batch, and utterances of each, at most.
        n_alike: a batch is made of groups of so many speakers whose embeddings are alike.
        average_decay: of the running mean of the parameters, which is what comes out.
        seed: of the batches.
    """

    n_steps: int = 600
    learning_rate: float = 5e-4
    pull: float = 5.0
    p_target: float = 0.05
    n_speakers: int = 128
    n_utterances: int = 4
    n_alike: int = 16
    average_decay: float = 0.99
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.n_steps, self.n_alike) < 1 or min(self.n_speakers, self.n_utterances) < 2 or self.seed < 0:
            raise ValueError("n_steps and n_alike must be at least 1, n_speakers and n_utterances 2, seed 0")
        if not 0 < self.learning_rate < math.inf or not 0 <= self.pull < math.inf:
            raise ValueError("learning_rate must be positive, pull not negative, and both finite")
        if not 0 < self.p_target < 1 or not 0 < self.average_decay < 1:
            raise ValueError("p_target and average_decay must lie in (0, 1)")


def train_discriminatively(
    backend: PldaBackend, X: ArrayLike, y: ArrayLike, config: DiscriminativeConfig | None = None
) -> PldaBackend:
    """A back-end of the same form that decides better whether two training embeddings are of one speaker.

    What it gives is not calibrated, and means nothing by itself before it is, on speakers that were not heard here. A
    group of voices (`PldaBackend.group_`) is not kept, as the projection is another.

    Args:
        backend: fitted, to begin from.
        X: (N, D) embeddings. It learns what noise, rooms and telephones do from copies of utterances that have them.
        y: (N,) their speakers.
    Raises:
        DataError: fewer than two speakers, none with two utterances, or embeddings that the back-end does not take.
    """
    config = config or DiscriminativeConfig()
    projected = backend.projection.transform(X)
    X = np.asarray(X)
    batches = _Batches(projected, y, config)
    network = TrainablePlda(backend, X.shape[1], float(X.std(axis=0, dtype=np.float64).mean()))
    embeddings = torch.from_numpy(X.astype(np.float32))
    rows, speakers = next(iter(batches))
    decisions = _Decisions(network(embeddings[rows]).detach(), speakers, config.p_target)
    adam = torch.optim.Adam(network.parameters(), lr=config.learning_rate)
    adam.add_param_group({"params": list(decisions.parameters()), "lr": CALIBRATION_RATE})
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, config.n_steps)
    mean = RunningMean(network, config.average_decay)
    for step, (rows, speakers) in enumerate(track(batches, "discriminative training", config.n_steps), 1):
        cost = decisions(network(embeddings[rows]), speakers) + config.pull * network.change()
        adam.zero_grad()
        cost.backward()
        adam.step()
        schedule.step()
        mean.update(network, step)
    with mean.applied(network), torch.no_grad():
        return network.backend()


class TrainablePlda(nn.Module):
    """Projection, PLDA and cosine of a back-end as changes of it, which begin as nothing.

    Args:
        backend: to begin from.
        dim: D of the embeddings.
        spread: the standard deviation of a component of them, the unit of the change of their mean.
    """

    mean: Tensor
    matrix: Tensor
    offset: Tensor
    plda_mean: Tensor
    whitening: Tensor
    log_psi: Tensor

    def __init__(self, backend: PldaBackend, dim: int, spread: float) -> None:
        super().__init__()
        self.start, self.spread = backend, spread
        projection, plda = backend.projection, backend.plda_
        mean = np.zeros(dim) if projection.mean_ is None else projection.mean_
        matrix = np.eye(dim) if projection.transform_ is None else projection.transform_
        offset = matrix[:, dim] if matrix.shape[1] > dim else np.zeros(len(matrix))
        for name, array in (
            ("mean", mean),
            ("matrix", matrix[:, :dim]),
            ("offset", offset),
            ("plda_mean", plda.mean_),
            ("whitening", plda.transform_),
            ("log_psi", np.log(np.maximum(plda.psi_, SMALLEST_PSI))),
        ):
            self.register_buffer(name, torch.tensor(np.ascontiguousarray(array), dtype=torch.float32))
        d = plda.dim
        self.mean_change = nn.Parameter(torch.zeros(dim))
        self.projection_change = nn.Parameter(torch.zeros(d, d))
        self.plda_mean_change = nn.Parameter(torch.zeros(d))  # in standard deviations within a speaker
        self.whitening_change = nn.Parameter(torch.zeros(d, d))
        self.psi_change = nn.Parameter(torch.zeros(d))  # of its logarithm

    def forward(self, x: Tensor) -> Tensor:
        """The (B, B) scores of embeddings (B, D) against each other, as `PldaBackend.score` has them."""
        p = self._changed("projection", (x - self.mean - self.spread * self.mean_change) @ self.matrix.T + self.offset)
        direction = F.normalize(p)
        if self.start.projection.length_norm:
            p = direction * p.shape[1] ** 0.5
        u = self._changed("whitening", (p - self.plda_mean) @ self.whitening.T) - self.plda_mean_change
        psi = (self.log_psi + self.psi_change).exp()
        if self.start.plda_length_norm is not None:
            energy = u.square() / (psi + 1) if self.start.plda_length_norm == "kaldi" else u.square()
            u = u * (u.shape[1] / energy.sum(1, keepdim=True).clamp_min(1e-12)).sqrt()
        # log N(v; e u, 1 + e) - log N(v; 0, 1 + psi) with e = psi / (1 + psi), which is the same for v and u
        same, other = 1 + psi / (1 + psi), 1 + psi
        square = u.square() @ (1 / other - 1 / same) / 2
        constant = (other.log() - same.log()).sum() / 2
        score = (u * (psi / other / same)) @ u.T + square + square[:, None] + constant
        return score + self.start.cosine_weight * direction @ direction.T

    def _changed(self, name: str, x: Tensor) -> Tensor:
        return x + x @ self.get_parameter(f"{name}_change").T

    def change(self) -> Tensor:
        """The sum of the squares of all changes, divided by the dimensions of PLDA."""
        return torch.stack([x.square().sum() for x in self.parameters()]).sum() / len(self.log_psi)

    def backend(self) -> PldaBackend:
        """What scores like this, not calibrated."""
        projection, plda = self.start.projection, self.start.plda_
        one = np.eye(plda.dim)
        change = {name: x.double().numpy() for name, x in self.state_dict().items() if name.endswith("_change")}
        matrix = np.eye(len(self.mean)) if projection.transform_ is None else projection.transform_
        matrix, offset = matrix[:, : len(self.mean)], matrix[:, len(self.mean) :]
        # What moves the mean goes into the offset: the mean itself is what plain cosines take off.
        offset = offset.sum(axis=1) - self.spread * matrix @ change["mean_change"]
        matrix = (one + change["projection_change"]) @ np.column_stack([matrix, offset])
        whitening = (one + change["whitening_change"]) @ plda.transform_
        psi = np.maximum(plda.psi_, SMALLEST_PSI) * np.exp(change["psi_change"])
        order = np.argsort(-psi, kind="stable")
        # (1 + C) W (p - m) - c = W' (p - m - W'^-1 c) with W' = (1 + C) W
        plda_mean = plda.mean_ + np.linalg.solve(whitening, change["plda_mean_change"])
        return PldaBackend.of(
            Projection.from_parts(projection.mean_, matrix, length_norm=projection.length_norm),
            Plda.from_parameters(plda_mean, whitening[order], psi[order]),
            plda_length_norm=self.start.plda_length_norm,
            cosine_weight=self.start.cosine_weight,
        )


class _Decisions(nn.Module):
    """The cost of decisions at a prior, by scores that an affine map calibrates; that is learned beside."""

    def __init__(self, scores: Tensor, speakers: Tensor, p_target: float) -> None:
        super().__init__()
        self.p_target = p_target
        calibration = LogisticCalibration(p_target).fit(*(x.numpy() for x in _trials(scores, speakers)))
        self.log_scale = nn.Parameter(torch.tensor(math.log(max(calibration.scale_, 1e-6))))
        self.offset = nn.Parameter(torch.tensor(calibration.offset_))

    def forward(self, scores: Tensor, speakers: Tensor) -> Tensor:
        """Mean cross-entropy at the prior, over that of the prior itself."""
        p = self.p_target
        logit = math.log(p) - math.log1p(-p)
        target, nontarget = (self.log_scale.exp() * x + self.offset + logit for x in _trials(scores, speakers))
        cost = p * F.softplus(-target).mean() + (1 - p) * F.softplus(nontarget).mean()
        return cost / -(p * math.log(p) + (1 - p) * math.log1p(-p))


def _trials(scores: Tensor, speakers: Tensor) -> tuple[Tensor, Tensor]:
    """Scores of pairs of one speaker, and of two."""
    same = speakers[:, None] == speakers
    pair = torch.ones_like(same).triu(1)
    return scores[same & pair], scores[~same & pair]


class _Batches:
    """Rows of embeddings and their speakers, of groups of speakers who are alike.

    Args:
        projected: (N, d).
        y: (N,) speakers.
    """

    def __init__(self, projected: np.ndarray, y: ArrayLike, config: DiscriminativeConfig) -> None:
        _, self._speaker = check_labels(y, len(projected))
        statistics = speaker_statistics(projected, self._speaker)
        statistics.require_within_speaker_variation("discriminative training")
        self._config = config
        by_speaker = np.argsort(self._speaker, kind="stable")
        self._rows = np.split(by_speaker, np.cumsum(statistics.counts)[:-1])
        self._with_several = np.flatnonzero(statistics.counts > 1)
        self._alike = _most_alike(length_normalize(statistics.means).astype(np.float32), config.n_alike)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        random = np.random.default_rng(self._config.seed)
        for _ in range(self._config.n_steps):
            rows = self._draw(random)
            yield torch.from_numpy(rows), torch.from_numpy(self._speaker[rows])

    def _draw(self, random: np.random.Generator) -> np.ndarray:
        n_all, n_wanted = len(self._rows), min(self._config.n_speakers, len(self._rows))
        seeds = random.permutation(n_all)
        alike = self._alike[seeds[: -(-n_wanted // self._alike.shape[1])]].ravel()
        speakers = dict.fromkeys([*alike.tolist(), *seeds.tolist()])  # those groups share are made up for by others
        chosen = [self._rows[speaker] for speaker in list(speakers)[:n_wanted]]
        if all(len(rows) == 1 for rows in chosen):  # no trial of one speaker
            chosen[-1] = self._rows[random.choice(self._with_several)]
        return np.concatenate([random.permutation(rows)[: self._config.n_utterances] for rows in chosen])


def _most_alike(vectors: np.ndarray, n: int) -> np.ndarray:
    """(K, min(n, K)) rows of the vectors that have the largest inner products with each of K, itself among them."""
    n = min(n, len(vectors))
    blocks = np.split(vectors, range(BLOCK_ROWS, len(vectors), BLOCK_ROWS))
    # A slice that is not copied keeps all of what it is from in memory: over all blocks, K numbers for each of K.
    return np.concatenate([np.argpartition(-(block @ vectors.T), n - 1, axis=1)[:, :n].copy() for block in blocks])
