"""Speakers that are new to a trained network begin where their embeddings are."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from pysid.training.embedding.batch_losses import PrototypicalHead
from pysid.training.embedding.distillation import UNLABELLED, Lessons, distillation_targets
from pysid.training.embedding.heads import make_head
from pysid.training.embedding.imprinting import imprint
from pysid.training.embedding.losses import HeadConfig

C, E = 7, 16


@pytest.fixture
def speakers():
    """(C, E) directions, and batches of embeddings around them: lengths differ, directions a little."""
    torch.manual_seed(0)
    centres = F.normalize(torch.randn(C, E))
    labels = torch.arange(C).repeat(6)
    x = (centres[labels] + 0.05 * torch.randn(len(labels), E)) * torch.rand(len(labels), 1).add(0.5)
    return centres, [(x[i : i + 6], labels[i : i + 6]) for i in range(0, len(labels), 6)]


@pytest.mark.parametrize("loss", ["a-softmax", "am-softmax", "aam-softmax", "sphereface2", "sub-centre"])
def test_new_speakers_begin_as_their_mean_direction_and_known_ones_stay(speakers, loss):
    centres, batches = speakers
    head = make_head(HeadConfig(loss=loss, margin=1.0 if loss == "a-softmax" else 0.2), E, C)
    before = head.weight.detach().clone()
    known = {1, 4}
    assert imprint(head, known, batches) == C - len(known)
    n_centres = len(before) // C
    first, start = (w.unflatten(0, (C, n_centres))[:, 0] for w in (head.weight.detach(), before))
    new = [i for i in range(C) if i not in known]
    assert (F.cosine_similarity(first[new], centres[new]) > 0.97).all()
    torch.testing.assert_close(first[sorted(known)], start[sorted(known)])
    torch.testing.assert_close(first.norm(dim=1), start.norm(dim=1))
    others = [w.unflatten(0, (C, n_centres))[:, 1:] for w in (head.weight.detach(), before)]
    torch.testing.assert_close(*others)


def test_the_head_then_knows_the_speakers(speakers):
    _, batches = speakers
    head = make_head(HeadConfig(loss="aam-softmax", margin=0.2), E, C)
    x, labels = (torch.cat(part) for part in zip(*batches, strict=True))
    before = head(x, labels)[0]
    imprint(head, set(), batches)
    loss, logits = head(x, labels)
    assert (logits.argmax(1) == labels).all() and loss < before / 4


def test_no_more_is_heard_than_it_takes(speakers):
    _, batches = speakers
    heard = []

    def counted():
        for i, batch in enumerate(batches):
            heard.append(i)
            yield batch

    head = make_head(HeadConfig(loss="am-softmax", margin=0.2), E, C)
    assert imprint(head, set(range(C)) - {2, 3}, counted()) == 2
    assert heard == [0, 1, 2]  # the third chunk of speaker 3 is in the third batch


def test_who_is_not_heard_stays_random(speakers):
    _, batches = speakers
    head = make_head(HeadConfig(loss="am-softmax", margin=0.2), E, C + 1)
    before = head.weight.detach().clone()
    assert imprint(head, set(), batches) == C
    torch.testing.assert_close(head.weight.detach()[C], before[C])


def test_a_distillation_imprints_the_speakers_of_its_margin(speakers):
    centres, batches = speakers
    rng = np.random.default_rng(0)
    classes = np.array([0, UNLABELLED, 1, UNLABELLED, 2, 2, 1])  # of utterances
    lessons = Lessons([distillation_targets(rng.normal(size=(C, 5)))], [1.0], classes, ["a", "b", "c"])
    config = HeadConfig(loss="distillation", margin=0.2)
    assert imprint(make_head(config, E, 0, lessons), set(), batches) == 0
    beside = HeadConfig(loss="distillation", margin=0.2, distillation=type(config.distillation)(margin_weight=0.1))
    head = make_head(beside, E, 3, lessons)
    everything = tuple(torch.cat(part) for part in zip(*batches, strict=True))
    assert imprint(head, set(), [everything]) == 3
    means = torch.stack([centres[0], centres[2] + centres[6], centres[4] + centres[5]])
    assert (F.cosine_similarity(head.margin.weight.detach(), means) > 0.97).all()


def test_for_other_heads_nothing_is_heard():
    def never():
        raise AssertionError("was heard")
        yield

    for head, known in (
        (make_head(HeadConfig(), E, C), set()),
        (PrototypicalHead(), set()),
        (make_head(HeadConfig(loss="aam-softmax"), E, C), set(range(C))),
    ):
        assert imprint(head, known, never()) == 0
