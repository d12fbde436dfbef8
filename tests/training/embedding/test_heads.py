"""The head that a configuration names, with what is set for it."""

import numpy as np
import pytest
import torch

from pysid.training.embedding import batch_losses, hard_losses, losses
from pysid.training.embedding.distillation import DistillationConfig, DistillationHead, Lessons
from pysid.training.embedding.heads import make_head
from pysid.training.embedding.losses import HeadConfig, LambdaSchedule, MarginSchedule

E, C = 6, 4
SCHEDULE = MarginSchedule(10, 20)


def made(loss, **settings):
    return make_head(HeadConfig(loss=loss, **settings), E, C)


@pytest.mark.parametrize(
    ("loss", "kind"),
    [
        ("am-softmax", losses.AdditiveMarginHead),
        ("aam-softmax", losses.AdditiveAngularMarginHead),
        ("sub-centre", hard_losses.SubCentreHead),
        ("sphereface2", hard_losses.SphereFace2Head),
    ],
)
def test_heads_with_a_margin(loss, kind):
    head = made(loss, margin=0.15, scale=7.0, margin_schedule=SCHEDULE)
    assert type(head) is kind
    assert (head.margin, head.scale, head.schedule) == (0.15, 7.0, SCHEDULE)


def test_what_only_one_head_has():
    assert isinstance(made("softmax").norm, torch.nn.Identity)
    assert isinstance(made("softmax", normalize_logits=True).norm, torch.nn.BatchNorm1d)
    angular = made("a-softmax", margin=3.0, lambda_schedule=LambdaSchedule(base=5.0))
    assert angular.m == 3 and isinstance(angular.m, int) and angular.lambda_schedule.base == 5.0
    head = made("sub-centre", n_centres=2, top_k=99, top_margin=0.01)
    assert head.weight.shape == (2 * C, E) and (head.top_k, head.top_margin) == (C - 1, 0.01)


def test_losses_within_a_batch_know_no_speakers():
    assert isinstance(made("ge2e"), batch_losses.GeneralizedEndToEndHead)
    x, labels = torch.randn(4, E), torch.tensor([0, 0, 1, 1])
    plain, angular = made("prototypical"), made("angular-prototypical")
    assert not torch.allclose(plain(x, labels)[0], angular(x, labels)[0])
    assert not any(C in parameter.shape for head in (plain, angular) for parameter in head.parameters())


def test_a_distillation_has_a_margin_only_where_it_counts():
    targets = torch.nn.functional.normalize(torch.randn(3, 5)).numpy()
    lessons = Lessons([targets], [1.0], np.array([0, 1, 0]), ["a", "b"])
    config = HeadConfig(loss="distillation", margin=0.1, distillation=DistillationConfig(margin_weight=0.0))
    head = make_head(config, E, C, lessons)
    assert isinstance(head, DistillationHead)
    with_margin = HeadConfig(loss="distillation", margin=0.1, distillation=DistillationConfig(margin_weight=0.5))
    n = [sum(p.numel() for p in make_head(c, E, C, lessons).parameters()) for c in (config, with_margin)]
    assert n[1] == n[0] + C * E
    with pytest.raises(ValueError, match="a distillation needs the lessons of its teachers"):
        make_head(config, E, C)


@pytest.mark.parametrize("loss", ["softmax", "aam-softmax", "ge2e"])
def test_one_speaker_is_too_few(loss):
    with pytest.raises(ValueError, match="training needs at least two speakers, got 1"):
        make_head(HeadConfig(loss=loss), E, 1)
