"""Each loss against its paper's formula, written out with loops, gradients included."""

import math

import pytest
import torch

from pysid.training.embedding.hard_losses import SphereFace2Head, SubCentreHead
from pysid.training.embedding.heads import make_head
from pysid.training.embedding.losses import AdditiveAngularMarginHead, HeadConfig, MarginSchedule

B, E, C, K = 7, 5, 4, 3
MARGIN, SCALE = 0.2, 8.0


def check(head: torch.nn.Module, reference) -> None:
    """Value and gradients of a head equal those of the formula, which gets x, the head and the labels."""
    head = head.double()
    generator = torch.Generator().manual_seed(0)
    x, labels = 3 * torch.randn(B, E, generator=generator, dtype=torch.float64), torch.arange(B) % C
    results = []
    for compute in (lambda x: head(x, labels)[0], lambda x: reference(x, head, labels.tolist())):
        leaf = x.clone().requires_grad_()
        head.zero_grad()
        loss = compute(leaf)
        loss.backward()
        results.append([loss.detach(), leaf.grad, *(p.grad.clone() for p in head.parameters())])
    for ours, formula in zip(*results, strict=True):
        torch.testing.assert_close(ours, formula, rtol=1e-9, atol=1e-9)


def cosine(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    return (x @ w) / x.norm() / w.norm()


@pytest.mark.parametrize("top_k", [0, 2])
def test_sub_centres_and_inter_topk(top_k: int) -> None:
    def reference(x: torch.Tensor, head: SubCentreHead, labels: list[int]) -> torch.Tensor:
        losses = []
        for row, y in zip(x, labels, strict=True):
            nearest = [max(cosine(row, head.weight[K * j + k]) for k in range(K)) for j in range(C)]
            others = sorted((j for j in range(C) if j != y), key=lambda j: -float(nearest[j].detach()))
            logits = [SCALE * z for z in nearest]
            logits[y] = SCALE * torch.cos(torch.acos(nearest[y]) + MARGIN)
            for j in others[:top_k]:
                logits[j] = SCALE * torch.cos(torch.acos(nearest[j]) - 0.06)
            losses.append(torch.logsumexp(torch.stack(logits), 0) - logits[y])
        return torch.stack(losses).mean()

    torch.manual_seed(1)
    check(SubCentreHead(E, C, MARGIN, SCALE, n_centres=K, top_k=top_k, top_margin=0.06), reference)


def test_one_centre_without_penalty_is_aam_softmax() -> None:
    torch.manual_seed(0)
    plain, head = AdditiveAngularMarginHead(E, C, MARGIN, SCALE), SubCentreHead(E, C, MARGIN, SCALE, n_centres=1)
    head.load_state_dict(plain.state_dict())
    x, labels = torch.randn(B, E), torch.arange(B) % C
    for ours, theirs in zip(head(x, labels), plain(x, labels), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_penalties_grow_with_the_schedule_and_never_pull() -> None:
    torch.manual_seed(0)
    schedule = MarginSchedule(0, 10)
    head = SubCentreHead(E, C, MARGIN, SCALE, schedule, n_centres=1, top_k=C + 5, top_margin=0.1)
    x, labels = torch.randn(B, E), torch.arange(B) % C
    losses = [float(head(x, labels, step)[0]) for step in (0, 5, 10)]
    assert losses == sorted(losses) and losses[0] < losses[-1]
    exact = head.weight[1:2].detach()  # an utterance right at another speaker's centre
    near = head._penalized(head.cosines(exact), torch.tensor([0]), 0.1)
    assert float(near[0, 1]) == pytest.approx(1.0)


def test_sphereface2_is_one_decision_a_speaker() -> None:
    def reference(x: torch.Tensor, head: SphereFace2Head, labels: list[int]) -> torch.Tensor:
        losses = []
        for row, y in zip(x, labels, strict=True):
            for j in range(C):
                z = 2 * ((cosine(row, head.weight[j]) + 1) / 2) ** 3 - 1
                if j == y:
                    losses.append(0.7 * torch.log(1 + torch.exp(-(SCALE * (z - MARGIN) + head.bias))))
                else:
                    losses.append(0.3 * torch.log(1 + torch.exp(SCALE * (z + MARGIN) + head.bias)))
        return torch.stack(losses).sum() / B

    torch.manual_seed(1)
    check(SphereFace2Head(E, C, MARGIN, SCALE), reference)


def test_heads_by_name() -> None:
    head = make_head(HeadConfig("sub-centre", 0.3, n_centres=2, top_k=3, top_margin=0.05), E, C)
    assert isinstance(head, SubCentreHead) and (head.margin, head.n_centres, head.top_k) == (0.3, 2, 3)
    assert head.weight.shape == (2 * C, E) and math.isclose(head.top_margin, 0.05)
    assert isinstance(make_head(HeadConfig("sphereface2", 0.2), E, C), SphereFace2Head)
    with pytest.raises(ValueError, match="n_centres must be positive"):
        HeadConfig("sub-centre", n_centres=0)
    with pytest.raises(ValueError, match=r"sphereface2 needs a margin in \[0, 1\]"):
        HeadConfig("sphereface2", 2.0)
