"""Training heads: from an embedding and a speaker label to a loss, plain or with an angular margin.

Every head maps (x (B, E), labels (B,), step) to (loss, logits): the mean cross-entropy over the batch, and the
logits (B, C) without any margin, whose largest entry is the head's guess; that of a distillation gives how well the
batch agrees with its teachers instead, a number. `step` counts optimizer steps; schedules
are functions of it alone, so that a resumed training needs no other state.
"""

import math
from dataclasses import dataclass, field
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pysid.training.embedding.distillation import DistillationConfig


@dataclass(frozen=True)
class MarginSchedule:
    """Raises a margin from 0 to its full value between two optimizer steps, linearly.

    Before `start_step` the margin is 0, from `end_step` on it is full; with both 0 it is full at once.

    >>> [MarginSchedule(10, 20).at(step) for step in (0, 10, 15, 20, 99)]
    [0.0, 0.0, 0.5, 1.0, 1.0]
    """

    start_step: int = 0
    end_step: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.start_step <= self.end_step:
            raise ValueError(f"a margin schedule needs 0 <= start <= end, got {self.start_step}, {self.end_step}")

    def at(self, step: int) -> float:
        """Share of the full margin at `step`, in [0, 1]."""
        if step >= self.end_step:
            return 1.0
        return max(0.0, (step - self.start_step) / (self.end_step - self.start_step))


@dataclass(frozen=True)
class LambdaSchedule:
    """How much plain softmax is mixed into A-Softmax: max(minimum, base (1 + gamma step)^-power).

    Source: the training settings of Liu et al., "SphereFace: deep hypersphere embedding for face recognition",
    CVPR 2017 (github.com/wy1iu/sphereface); the original port of the recipe uses these defaults.

    >>> [round(LambdaSchedule().at(step), 3) for step in (0, 1, 1000, 10**6)]
    [1000.0, 892.857, 8.264, 5.0]
    """

    base: float = 1000.0
    gamma: float = 0.12
    power: float = 1.0
    minimum: float = 5.0

    def __post_init__(self) -> None:
        if min(self.base, self.gamma, self.power, self.minimum) < 0:
            raise ValueError(f"a lambda schedule needs numbers of at least 0, got {self}")

    def at(self, step: int) -> float:
        """lambda at `step`, at least `minimum`."""
        return max(self.minimum, self.base * (1 + self.gamma * step) ** -self.power)


Loss = Literal[
    "softmax",
    "a-softmax",
    "am-softmax",
    "aam-softmax",
    "sub-centre",
    "sphereface2",
    "ge2e",
    "prototypical",
    "angular-prototypical",
    "distillation",
]

WITHIN_BATCH = ("ge2e", "prototypical", "angular-prototypical")


@dataclass(frozen=True)
class HeadConfig:
    """Which head, and its options; a head reads only those that are its own.

    Attributes:
        loss: "softmax", "a-softmax" (SphereFace), "am-softmax" (CosFace), "aam-softmax" (ArcFace), "sub-centre" (that
            with several centres per speaker, and Inter-TopK) or "sphereface2"; "ge2e", "prototypical" or
            "angular-prototypical", within a batch of several chunks per speaker (`chunks.per_speaker`); or
            "distillation", which learns from `teachers` and not, or only besides, from labels.
        margin: m. A-Softmax: a whole number, 1 to 4, that multiplies the angle; AM-Softmax: taken from the cosine;
            AAM-Softmax and sub-centre: radians added to the angle; SphereFace2: see `SphereFace2Head`.
        scale: s, the length given to normalised embeddings (of all with a margin but A-Softmax).
        margin_schedule: warm-up of the margin (of the same).
        lambda_schedule: annealing of A-Softmax.
        normalize_logits: a batch norm on the logits (softmax only; the original port of the recipe has it).
        n_centres, top_k, top_margin: of `SubCentreHead`.
        distillation: weights of the parts of that loss.
    """

    loss: Loss = "softmax"
    margin: float = 0.0
    scale: float = 30.0
    margin_schedule: MarginSchedule = field(default_factory=MarginSchedule)
    lambda_schedule: LambdaSchedule = field(default_factory=LambdaSchedule)
    normalize_logits: bool = False
    n_centres: int = 3
    top_k: int = 0
    top_margin: float = 0.06
    distillation: DistillationConfig = field(default_factory=DistillationConfig)

    def __post_init__(self) -> None:
        if self.loss == "a-softmax" and self.margin not in (1, 2, 3, 4):
            raise ValueError(f"a-softmax needs a margin of 1, 2, 3 or 4, got {self.margin}")
        with_margin = ("am-softmax", "aam-softmax", "sub-centre", "sphereface2", "distillation")
        if self.loss in with_margin and not 0 <= self.margin <= 1:
            raise ValueError(f"{self.loss} needs a margin in [0, 1], got {self.margin}")
        if self.scale <= 0:
            raise ValueError(f"scale must be positive, got {self.scale}")
        if self.n_centres < 1 or self.top_k < 0 or not 0 <= self.top_margin <= 1:
            raise ValueError(
                "n_centres must be positive, top_k not negative and top_margin in [0, 1], got "
                f"{self.n_centres}, {self.top_k} and {self.top_margin}"
            )


class SoftmaxHead(nn.Module):
    """An affine layer and cross-entropy; weights start at zero, as Kaldi's output layer does.

    Args:
        normalize_logits: batch-normalise the logits, as the original port of the recipe does.
    """

    def __init__(self, in_dim: int, n_speakers: int, normalize_logits: bool = False) -> None:
        super().__init__()
        self.affine = nn.Linear(in_dim, n_speakers)
        self.norm = nn.BatchNorm1d(n_speakers) if normalize_logits else nn.Identity()
        if normalize_logits:
            return  # zero logits would have no variance to normalise by
        nn.init.zeros_(self.affine.weight)
        nn.init.zeros_(self.affine.bias)

    def forward(self, x: Tensor, labels: Tensor, step: int = 0) -> tuple[Tensor, Tensor]:
        """The loss and logits (B, C) of embeddings x (B, D) and labels (B,); `step` plays no part."""
        logits = self.norm(self.affine(x)).float()
        return F.cross_entropy(logits, labels), logits


class CosineHead(nn.Module):
    """What angular heads have in common: one unit vector per speaker, and the cosine to it."""

    def __init__(self, in_dim: int, n_speakers: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_speakers, in_dim))
        nn.init.xavier_normal_(self.weight)

    def cosines(self, x: Tensor) -> Tensor:
        """(B, C) cosines between embeddings and speakers' vectors, in float32 at least.

        Margins change a cosine in its third digit, which half precision does not have.
        """
        with torch.autocast(x.device.type, enabled=False):
            x = x if x.dtype == torch.float64 else x.float()
            return F.linear(F.normalize(x), F.normalize(self.weight.to(x.dtype))).clamp(-1, 1)


def replace_target(logits: Tensor, labels: Tensor, target: Tensor) -> Tensor:
    """`logits` (B, C) with the entry of each row's own label set to `target` (B,).

    Args:
        logits: (B, C).
        labels: (B,).
        target: (B,).
    """
    return logits.scatter(1, labels[:, None], target[:, None])


def target_entries(logits: Tensor, labels: Tensor) -> Tensor:
    """The entry of each row's own label: (B, C), (B,) -> (B,)."""
    return logits.gather(1, labels[:, None])[:, 0]


def cosine_of_multiple(cosine: Tensor, m: int) -> Tensor:
    """cos(m theta) from cos(theta), by the Chebyshev recurrence cos(m t) = 2 cos t cos((m-1) t) - cos((m-2) t)."""
    before, current = torch.ones_like(cosine), cosine
    for _ in range(m - 1):
        before, current = current, 2 * cosine * current - before
    return current


def monotonic_angle(cosine: Tensor, m: int) -> Tensor:
    """psi(theta) = (-1)^k cos(m theta) - 2 k for theta in [k pi / m, (k + 1) pi / m]: falls over all of [0, pi].

    Source: Liu et al., SphereFace, CVPR 2017, below equation 6.
    """
    edges = torch.cos(torch.arange(1, m, device=cosine.device, dtype=cosine.dtype) * math.pi / m)
    k = (cosine[..., None] <= edges).sum(dim=-1).to(cosine.dtype)  # constant between the edges: no gradient
    return (1 - 2 * (k % 2)) * cosine_of_multiple(cosine, m) - 2 * k


class AngularSoftmaxHead(CosineHead):
    """A-Softmax: the angle to the own speaker's vector counts m times.

    logit_y = |x| (lambda cos(theta) + psi(theta)) / (1 + lambda), the others |x| cos(theta_j); lambda is annealed.

    The gradient is that of this formula. The authors' Caffe layer scales it: d psi / dx = a w + b x is divided there by
    the root of a^2 + b^2, and speakers' vectors get the gradient of plain inner products, without the margin.

    Source: Liu et al., SphereFace, CVPR 2017, equation 7.
    """

    def __init__(self, in_dim: int, n_speakers: int, m: int = 2, lambda_schedule: LambdaSchedule | None = None) -> None:
        super().__init__(in_dim, n_speakers)
        self.m = m
        self.lambda_schedule = lambda_schedule or LambdaSchedule()

    def forward(self, x: Tensor, labels: Tensor, step: int = 0) -> tuple[Tensor, Tensor]:
        """The loss, and logits (B, C) without the margin, of embeddings x (B, D) and labels (B,); lambda is that of
        `step`.
        """
        cosine = self.cosines(x)
        length = x.to(cosine.dtype).norm(dim=1)
        own = target_entries(cosine, labels)
        mix = self.lambda_schedule.at(step)
        target = (mix * own + monotonic_angle(own, self.m)) / (1 + mix)
        logits = length[:, None] * cosine
        return F.cross_entropy(replace_target(logits, labels, length * target), labels), logits


class MarginHead(CosineHead):
    """What heads with a growing margin have in common.

    Args:
        margin: m, see `HeadConfig`.
        scale: s.
        schedule: growth of the margin; None has it in full from the start.
    """

    def __init__(
        self,
        in_dim: int,
        n_speakers: int,
        margin: float = 0.2,
        scale: float = 30.0,
        schedule: MarginSchedule | None = None,
    ) -> None:
        super().__init__(in_dim, n_speakers)
        self.margin = margin
        self.scale = scale
        self.schedule = schedule or MarginSchedule()


class AdditiveMarginHead(MarginHead):
    """AM-Softmax: logit_y = s (cos(theta) - m), the others s cos(theta_j).

    Source: Wang et al., "Additive margin softmax for face verification", IEEE SPL 2018, equation 5.
    """

    def target_cosine(self, own: Tensor, margin: float) -> Tensor:
        """What replaces the cosine to the own speaker, (B,) -> (B,)."""
        return own - margin

    def forward(self, x: Tensor, labels: Tensor, step: int = 0) -> tuple[Tensor, Tensor]:
        """The loss, and logits (B, C) without the margin, of embeddings x (B, D) and labels (B,); the margin is that of
        `step`.
        """
        cosine = self.cosines(x)
        own = self.target_cosine(target_entries(cosine, labels), self.margin * self.schedule.at(step))
        logits = self.scale * cosine
        return F.cross_entropy(replace_target(logits, labels, self.scale * own), labels), logits


class AdditiveAngularMarginHead(AdditiveMarginHead):
    """AAM-Softmax: logit_y = s cos(theta + m), the others s cos(theta_j).

    Where theta + m passes pi, cos would rise again; there it goes on as cos(theta) - m sin(m), as in the authors'
    code, so that it still falls.

    Source: Deng et al., "ArcFace: additive angular margin loss for deep face recognition", CVPR 2019, equation 3.
    """

    def target_cosine(self, own: Tensor, margin: float) -> Tensor:
        """(B,) cosines of angles that are `margin` (radians) larger than those of the cosines `own` (B,)."""
        # The root's slope is infinite at 0; the clamp, far below the resolution of own^2 in float32, keeps it finite.
        sine = (1 - own.square()).clamp(min=1e-12).sqrt()
        turned = own * math.cos(margin) - sine * math.sin(margin)
        return torch.where(own > -math.cos(margin), turned, own - margin * math.sin(margin))
