"""The training head that a configuration names."""

from torch import nn

from pysid.training.embedding.batch_losses import GeneralizedEndToEndHead, PrototypicalHead
from pysid.training.embedding.distillation import DistillationHead, Lessons
from pysid.training.embedding.hard_losses import SphereFace2Head, SubCentreHead
from pysid.training.embedding.losses import (
    AdditiveAngularMarginHead,
    AdditiveMarginHead,
    AngularSoftmaxHead,
    HeadConfig,
    SoftmaxHead,
)


def make_head(config: HeadConfig, in_dim: int, n_speakers: int, lessons: Lessons | None = None) -> nn.Module:
    """The head that `config` names, for embeddings of `in_dim` and `n_speakers` classes.

    Args:
        lessons: of the teachers of a distillation, which are labels, too.
    """
    if config.loss == "distillation":
        if lessons is None:
            raise ValueError("a distillation needs the lessons of its teachers")
        margin = None
        if config.distillation.margin_weight:
            margin = AdditiveAngularMarginHead(in_dim, n_speakers, config.margin, config.scale, config.margin_schedule)
        return DistillationHead(in_dim, lessons, config.distillation, margin)
    if n_speakers < 2:
        raise ValueError(f"training needs at least two speakers, got {n_speakers}")
    if config.loss == "softmax":
        return SoftmaxHead(in_dim, n_speakers, config.normalize_logits)
    if config.loss == "a-softmax":
        return AngularSoftmaxHead(in_dim, n_speakers, int(config.margin), config.lambda_schedule)
    if config.loss == "ge2e":
        return GeneralizedEndToEndHead()
    if config.loss in ("prototypical", "angular-prototypical"):
        return PrototypicalHead(angular=config.loss == "angular-prototypical")
    common = (in_dim, n_speakers, config.margin, config.scale, config.margin_schedule)
    if config.loss == "sub-centre":
        return SubCentreHead(*common, n_centres=config.n_centres, top_k=config.top_k, top_margin=config.top_margin)
    if config.loss == "sphereface2":
        return SphereFace2Head(*common)
    kind = AdditiveMarginHead if config.loss == "am-softmax" else AdditiveAngularMarginHead
    return kind(*common)
