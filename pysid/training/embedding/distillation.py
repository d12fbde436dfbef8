"""A training head that learns the embeddings of stronger models, its teachers, instead of, or besides, speaker labels.

The network hears a chunk, made harder as in all training. Its target is what each teacher said of the whole clean
utterance: its embedding, less the mean of all of them, a little whitened, of length one. One linear map per teacher
leads from the network's embedding to that space, and is thrown away with the head.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

UNLABELLED = -1
RIDGE = 0.1  # of the mean variance of an embedding's numbers, beside few chunks


@dataclass(frozen=True, kw_only=True)
class DistillationConfig:
    """How much each part of the loss counts: `head.distillation` of `pysid train`.

    Attributes:
        cosine_weight: of 1 - cos between the mapped embedding and the teacher's.
        relational_weight: of the Kullback-Leibler divergence between the teacher's similarities to other utterances
            and the network's, each made a distribution by softmax.
        relational_scale: what the cosines are multiplied by before that; small is soft.
        relational_size: other utterances to compare with, besides those of the batch: drawn anew each step from all
            that the teacher has embedded, which is known without hearing them.
        margin_weight: of the additive angular margin loss on speaker labels (`head.margin`, `head.scale`), for speakers
            with two utterances or more; 0 ignores labels.
    """

    cosine_weight: float = 4.0
    relational_weight: float = 1.0
    relational_scale: float = 16.0
    relational_size: int = 3072
    margin_weight: float = 0.0

    def __post_init__(self) -> None:
        weights = (self.cosine_weight, self.relational_weight, self.margin_weight)
        if min(weights) < 0 or not sum(weights) > 0:
            raise ValueError(f"weights of a distillation must not be negative, and one above 0, got {weights}")
        if self.relational_scale <= 0 or self.relational_size < 0:
            raise ValueError("relational_scale must be positive, and relational_size not negative")


def distillation_targets(embeddings: np.ndarray, whitening: float = 0.5) -> np.ndarray:
    """Embeddings (N, D) of a teacher as targets (N, D): less their mean, whitened in part, of length one.

    Few directions hold most of the variance of speaker embeddings, such as that of women against men; what tells one
    woman from another is in the others, which the cosine would hardly notice.

    Args:
        whitening: p in x -> C^(-p/2) (x - mean), C the covariance; 0 leaves directions as they are, 1 makes them all
            alike.
    """
    centred = np.asarray(embeddings, np.float64) - np.mean(embeddings, axis=0, dtype=np.float64)
    if whitening:
        values, vectors = np.linalg.eigh(centred.T @ centred / len(centred))
        floor = max(float(values[-1]), np.finfo(float).tiny) * 1e-6  # directions that hold nothing stay empty
        centred = centred @ ((vectors / np.maximum(values, floor) ** (whitening / 2)) @ vectors.T)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    return (centred / np.maximum(length, np.finfo(float).tiny)).astype(np.float32)


@dataclass(frozen=True)
class Lessons:
    """What the teachers said of the training data.

    Attributes:
        targets: (N, D) of each teacher, as `distillation_targets` gives them; a row is an utterance at a speed.
        weights: of the teachers, relative to each other.
        speakers: (N,) class of each row for a margin loss beside, `UNLABELLED` for none.
        names: of the classes.
    """

    targets: Sequence[np.ndarray]
    weights: Sequence[float]
    speakers: np.ndarray
    names: Sequence[str]

    def __post_init__(self) -> None:
        if not self.targets or {len(x) for x in self.targets} != {len(self.speakers)}:
            raise ValueError("a distillation needs targets of one teacher or more, all for the same utterances")
        if len(self.weights) != len(self.targets):
            raise ValueError(f"expected a weight for each of {len(self.targets)} teachers, got {len(self.weights)}")


def speaker_classes(speakers: Sequence[str], least: int = 2) -> tuple[np.ndarray, list[str]]:
    """(N,) class of each utterance's speaker, `UNLABELLED` with fewer than `least` utterances, and the classes' names.

    >>> speaker_classes(["ann", "bob", "ann", "cy", "cy"])
    (array([ 0, -1,  0,  1,  1]), ['ann', 'cy'])
    """
    names, place, count = np.unique(np.asarray(speakers, dtype=object), return_inverse=True, return_counts=True)
    kept = count >= least
    number = np.where(kept, np.cumsum(kept) - 1, UNLABELLED)
    return number[place], [str(name) for name in names[kept]]


class DistillationHead(nn.Module):
    """The loss of a batch against all teachers.

    Args:
        in_dim: E, of the network's embeddings.
        margin: a head with a margin, on the network's own embeddings; None ignores speakers.

    The lessons are not part of the state: a resumed training reads them again.
    """

    def __init__(
        self,
        in_dim: int,
        lessons: Lessons,
        config: DistillationConfig | None = None,
        margin: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.config = config or DistillationConfig()
        self.weights = [weight / sum(lessons.weights) for weight in lessons.weights]
        self.maps = nn.ModuleList(nn.Linear(in_dim, x.shape[1], bias=False) for x in lessons.targets)
        self.margin = margin
        for i, x in enumerate(lessons.targets):
            self.register_buffer(f"targets{i}", torch.from_numpy(x), persistent=False)
        self.register_buffer("speakers", torch.from_numpy(lessons.speakers), persistent=False)

    def forward(self, x: Tensor, rows: Tensor, step: int = 0) -> tuple[Tensor, Tensor]:
        """Embeddings (B, E) of chunks of utterances `rows` (B,) -> the loss, and the mean cosine to the targets.

        Args:
            step: of the optimizer; it determines which other utterances are compared with.
        """
        c = self.config
        with torch.autocast(x.device.type, enabled=False):
            x = x if x.dtype == torch.float64 else x.float()
            loss, agreement = x.new_zeros(()), x.new_zeros(())
            for i, (share, linear) in enumerate(zip(self.weights, self.maps, strict=True)):
                targets = self.get_buffer(f"targets{i}")
                own = targets[rows]
                mapped = F.normalize(linear(x))
                cosine = (mapped * own).sum(1).mean()
                others = torch.cat([own, targets[self._others(len(targets), step).to(rows.device)]])
                relation = relational_loss(mapped, own, others, c.relational_scale)
                loss = loss + share * (c.cosine_weight * (1 - cosine) + c.relational_weight * relation)
                agreement = agreement + share * cosine.detach()
            if self.margin is not None:
                loss = loss + c.margin_weight * self._margin_loss(x, rows, step)
        return loss, agreement

    @torch.no_grad()
    def fit_maps(self, x: Tensor, rows: Tensor) -> None:
        """Sets the maps to those of least squares, so that a network that was trained before need not follow random
        ones.

        Args:
            x: (N, E) embeddings of chunks of utterances `rows` (N,).
        """
        gram, n_dims = x.double().T @ x.double(), x.shape[1]
        ridge = RIDGE * gram.diagonal().mean() * torch.eye(n_dims, dtype=gram.dtype, device=gram.device)
        for i, linear in enumerate(self.maps):
            assert isinstance(linear, nn.Linear)
            cross = x.double().T @ self.get_buffer(f"targets{i}")[rows].double()
            linear.weight.copy_(torch.linalg.solve(gram + ridge, cross).T)

    def _others(self, n: int, step: int) -> Tensor:
        generator = torch.Generator().manual_seed(step)
        return torch.randint(n, (self.config.relational_size,), generator=generator)

    def _margin_loss(self, x: Tensor, rows: Tensor, step: int) -> Tensor:
        assert self.margin is not None
        speakers = self.get_buffer("speakers")[rows]
        known = speakers != UNLABELLED
        if not bool(known.any()):
            # So that every weight has a gradient, if of zero: processes of a parallel training wait for each other's.
            return 0.0 * (x.sum() + sum(p.sum() for p in self.margin.parameters()))
        loss: Tensor = self.margin(x[known], speakers[known], step)[0]
        return loss * (known.sum() / len(known))


def relational_loss(mapped: Tensor, own: Tensor, others: Tensor, scale: float) -> Tensor:
    """How far the network's similarities to other utterances are from the teacher's.

    Mean over the batch of KL(softmax(s own others') || softmax(s mapped others')); zero where the two are the same.

    Args:
        mapped: (B, D) the network's embeddings in the teacher's space, of length one.
        own: (B, D) the teacher's of the same utterances; likewise
        others: (M, D) of any.
        scale: s.
    Source: after Park et al., "Relational knowledge distillation", CVPR 2019, and Fang et al., "SEED: self-supervised
        distillation for visual representation", ICLR 2021, equation 4, without its queue: the teacher is fixed.
    """
    wanted = scale * own @ others.T
    found = scale * mapped @ others.T
    return F.kl_div(found.log_softmax(1), wanted.log_softmax(1), reduction="batchmean", log_target=True)
