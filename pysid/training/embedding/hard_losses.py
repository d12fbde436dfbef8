"""Angular heads for large and noisy sets of speakers: several centres each, nearest others pushed away, or one yes
or no for every speaker. The interface is that of `losses`.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pysid.training.embedding.losses import (
    AdditiveAngularMarginHead,
    MarginHead,
    MarginSchedule,
    replace_target,
    target_entries,
)


class SubCentreHead(AdditiveAngularMarginHead):
    """AAM-Softmax with K vectors per speaker, of which the nearest counts; and a penalty on the nearest other speakers.

    cos(theta_j) = max_k cos(x, w_jk); logit_y = s cos(theta_y + m); the others s cos(theta_j), but of the `top_k` most
    similar ones s cos(theta_j - m'). Both margins grow with the schedule.

    Sources: Deng et al., "Sub-center ArcFace: boosting face recognition by large-scale noisy web faces", ECCV 2020;
    Zhao, Chen, Wang, Li and Yan, "Multi-query multi-head attention pooling and Inter-TopK penalty for
    speaker verification", ICASSP 2022.

    Args:
        n_centres: K.
        top_k: other speakers with a penalty; 0 for none.
        top_margin: m', radians taken from their angles.
    """

    def __init__(
        self,
        in_dim: int,
        n_speakers: int,
        margin: float = 0.2,
        scale: float = 32.0,
        schedule: MarginSchedule | None = None,
        *,
        n_centres: int = 3,
        top_k: int = 0,
        top_margin: float = 0.06,
    ) -> None:
        super().__init__(in_dim, n_speakers * n_centres, margin, scale, schedule)
        self.n_centres = n_centres
        self.top_k = min(top_k, n_speakers - 1)
        self.top_margin = top_margin

    def cosines(self, x: Tensor) -> Tensor:
        """(B, C) cosines to the nearest centre of each speaker."""
        return super().cosines(x).unflatten(1, (-1, self.n_centres)).amax(2)

    def forward(self, x: Tensor, labels: Tensor, step: int = 0) -> tuple[Tensor, Tensor]:
        """The loss, and logits (B, C) without margins, of embeddings x (B, D) and labels (B,); margins are those of
        `step`.
        """
        cosine = self.cosines(x)
        share = self.schedule.at(step)
        logits = self.scale * cosine
        margins = self.scale * self._penalized(cosine, labels, share * self.top_margin)
        own = self.scale * self.target_cosine(target_entries(cosine, labels), self.margin * share)
        return F.cross_entropy(replace_target(margins, labels, own), labels), logits

    def _penalized(self, cosine: Tensor, labels: Tensor, margin: float) -> Tensor:
        """The cosines, with those of the nearest other speakers at an angle that is `margin` smaller, down to 0."""
        if not self.top_k or not margin:
            return cosine
        others = replace_target(cosine.detach(), labels, torch.full_like(cosine[:, 0], -2))
        nearest = others.topk(self.top_k, dim=1).indices
        near = cosine.gather(1, nearest)
        sine = (1 - near.square()).clamp(min=1e-12).sqrt()
        turned = near * math.cos(margin) + sine * math.sin(margin)
        # An angle below the margin would come out on the other side of 0, and be pulled closer.
        return cosine.scatter(1, nearest, torch.where(near < math.cos(margin), turned, near))


class SphereFace2Head(MarginHead):
    """One binary decision for every speaker: same, or not.

    L = lambda log(1 + exp(-(s (g(cos theta_y) - m) + b))) + (1 - lambda) sum_{j != y} log(1 + exp(s (g(cos theta_j) +
    m) + b)), with g(z) = 2 ((z + 1) / 2)^t - 1, without the paper's division by s.

    Source: Wen, Liu, Weller, Raj and Singh, "SphereFace2: binary classification is all you need for deep face
    recognition", ICLR 2022; for speakers: Han, Chen and Qian, "Exploring binary classification loss for speaker
    verification", ICASSP 2023.

    Args:
        balance: lambda, the weight of the own speaker's decision.
        power: t.
    """

    def __init__(
        self,
        in_dim: int,
        n_speakers: int,
        margin: float = 0.2,
        scale: float = 32.0,
        schedule: MarginSchedule | None = None,
        *,
        balance: float = 0.7,
        power: float = 3.0,
    ) -> None:
        super().__init__(in_dim, n_speakers, margin, scale, schedule)
        self.balance = balance
        self.power = power
        self.bias = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor, labels: Tensor, step: int = 0) -> tuple[Tensor, Tensor]:
        """The loss, and logits (B, C) without margins, of embeddings x (B, D) and labels (B,); the margin is that of
        `step`.
        """
        cosine = self.cosines(x)
        margin = self.margin * self.schedule.at(step)
        bent = 2 * ((cosine + 1) / 2) ** self.power - 1
        own = self.scale * (target_entries(bent, labels) - margin) + self.bias
        others = (1 - self.balance) * F.softplus(self.scale * (bent + margin) + self.bias)
        losses = replace_target(others, labels, self.balance * F.softplus(-own))
        return losses.sum(1).mean(), self.scale * cosine
