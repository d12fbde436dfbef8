"""Each loss against its paper's formula, written out with angles and loops, gradients included."""

import math

import numpy as np
import pytest
import scipy.special
import torch

from pysid.training.embedding.heads import make_head
from pysid.training.embedding.losses import (
    AdditiveAngularMarginHead,
    AdditiveMarginHead,
    AngularSoftmaxHead,
    HeadConfig,
    LambdaSchedule,
    MarginSchedule,
    SoftmaxHead,
    monotonic_angle,
)

B, E, C = 7, 5, 4


def embeddings(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(B, E, generator=generator, dtype=torch.float64) * 3
    return x, torch.arange(B) % C


def angle(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    return torch.acos((x @ w) / x.norm() / w.norm())


def mean_cross_entropy(logits: list[list[torch.Tensor]], labels: torch.Tensor) -> torch.Tensor:
    losses = []
    for row, label in zip(logits, labels.tolist(), strict=True):
        total = sum(torch.exp(z) for z in row)
        losses.append(-torch.log(torch.exp(row[label]) / total))
    return sum(losses) / len(losses)


def check(head: torch.nn.Module, reference, step: int = 0) -> None:
    """Value and gradients (to embeddings and weights) of a head equal those of the formula."""
    head = head.double()
    x, labels = embeddings()
    results = []
    for compute in (lambda x: head(x, labels, step)[0], lambda x: reference(x, head.weight, labels)):
        leaf = x.clone().requires_grad_()
        head.zero_grad()
        loss = compute(leaf)
        loss.backward()
        results.append((loss.detach(), leaf.grad, head.weight.grad.clone()))
    for ours, formula in zip(*results, strict=True):
        torch.testing.assert_close(ours, formula, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("m", [1, 2, 3, 4])
@pytest.mark.parametrize("step", [0, 50])
def test_a_softmax_is_sphereface_equation_7(m: int, step: int) -> None:
    schedule = LambdaSchedule(base=10.0, gamma=1.0, power=1.0, minimum=1.0)

    def psi(theta: torch.Tensor) -> torch.Tensor:
        k = int(theta / (math.pi / m))
        return (-1) ** k * torch.cos(m * theta) - 2 * k

    def formula(x: torch.Tensor, weight: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        lam = max(1.0, 10.0 / (1 + step))
        rows = []
        for xi, label in zip(x, labels, strict=True):
            thetas = [angle(xi, w) for w in weight]
            row = [xi.norm() * torch.cos(t) for t in thetas]
            own = thetas[label]
            row[label] = xi.norm() * (lam * torch.cos(own) + psi(own)) / (1 + lam)
            rows.append(row)
        return mean_cross_entropy(rows, labels)

    check(AngularSoftmaxHead(E, C, m, schedule), formula, step)


class CaffeLayer:
    """The authors' layer, as its formulas stand there, in NumPy: psi by signs and powers, the gradient by hand.

    Source: github.com/wy1iu/sphereface, caffe/layers/margin_inner_product_layer.cpp.
    """

    def __init__(self, x: np.ndarray, weight: np.ndarray, labels: np.ndarray, m: int, mix: float) -> None:
        self.x, self.weight, self.own, self.mix = x, weight, (np.arange(len(x)), labels), mix
        self.length = np.linalg.norm(x, axis=1)
        c = (x @ weight.T)[self.own] / self.length
        sign = np.sign(c)
        if m == 1:
            self.psi, self.slope = c, np.ones_like(c)
        elif m == 2:
            self.psi, self.slope = 2 * sign * c**2 - 1, 4 * sign * c
        elif m == 3:
            sign_1 = np.sign(np.abs(c) - 0.5)
            sign_2 = sign * (1 + sign_1) - 2
            self.psi, self.slope = sign_1 * (4 * c**3 - 3 * c) + sign_2, sign_1 * (12 * c**2 - 3)
        else:
            sign_3 = sign * np.sign(2 * c**2 - 1)
            sign_4 = 2 * sign + sign_3 - 3
            self.psi, self.slope = sign_3 * (8 * c**4 - 8 * c**2 + 1) + sign_4, sign_3 * (32 * c**3 - 16 * c)
        self.to_x = (self.psi - c * self.slope) / self.length  # coeff_x; self.slope is coeff_w

    def logits(self) -> np.ndarray:
        found = self.x @ self.weight.T
        found[self.own] = (self.length * self.psi + self.mix * found[self.own]) / (1 + self.mix)
        return found

    def gradient(self, top: np.ndarray, scaled: bool) -> np.ndarray:
        """That of x for that of the logits; `scaled` as in the layer, which makes coeff_w and coeff_x a unit vector."""
        size = np.hypot(self.slope, self.to_x) if scaled else 1.0
        weight = self.weight[self.own[1]]
        own = (self.slope / size)[:, None] * weight + (self.to_x / size)[:, None] * self.x + self.mix * weight
        others = top.copy()
        others[self.own] = 0
        return others @ self.weight + top[self.own][:, None] / (1 + self.mix) * own


@pytest.mark.parametrize("m", [1, 2, 3, 4])
@pytest.mark.parametrize("step", [0, 50])
def test_a_softmax_has_the_gradient_of_the_authors_layer_but_for_its_length(m: int, step: int) -> None:
    schedule = LambdaSchedule(base=10.0, gamma=1.0, power=1.0, minimum=1.0)
    head = AngularSoftmaxHead(E, C, m, schedule).double()
    head.weight.data = torch.nn.functional.normalize(head.weight.data)  # the layer does so before each step
    x, labels = embeddings(seed=m)
    x = torch.cat([x, -x])  # angles in every part of [0, pi]
    labels = labels.repeat(2)
    leaf = x.clone().requires_grad_()
    loss, _ = head(leaf, labels, step)
    loss.backward()
    theirs = CaffeLayer(x.numpy(), head.weight.detach().numpy(), labels.numpy(), m, schedule.at(step))
    share = scipy.special.softmax(theirs.logits(), axis=1)
    assert loss.item() == pytest.approx(-np.log(share[theirs.own]).mean(), rel=1e-12)
    share[theirs.own] -= 1
    np.testing.assert_allclose(leaf.grad, theirs.gradient(share / len(x), scaled=False), rtol=0, atol=1e-12)
    if m > 1:  # where the layer does not follow its formula: see `AngularSoftmaxHead`
        scaled = theirs.gradient(share / len(x), scaled=True)
        assert np.abs(scaled - leaf.grad.numpy()).max() > 1e-3
    else:  # the layer's gradient of the weights, which it keeps at length 1
        theirs_of_weight = (share / len(x)).T @ x.numpy()
        along = (theirs_of_weight * theirs.weight).sum(1, keepdims=True) * theirs.weight
        np.testing.assert_allclose(head.weight.grad, theirs_of_weight - along, rtol=0, atol=1e-12)


def test_am_softmax_is_its_equation_5() -> None:
    def formula(x: torch.Tensor, weight: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        rows = [
            [8 * (torch.cos(angle(xi, w)) - (0.35 if j == label else 0)) for j, w in enumerate(weight)]
            for xi, label in zip(x, labels.tolist(), strict=True)
        ]
        return mean_cross_entropy(rows, labels)

    check(AdditiveMarginHead(E, C, 0.35, 8.0), formula)


def test_aam_softmax_is_arcface_equation_3() -> None:
    def formula(x: torch.Tensor, weight: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        rows = [
            [8 * torch.cos(angle(xi, w) + (0.3 if j == label else 0)) for j, w in enumerate(weight)]
            for xi, label in zip(x, labels.tolist(), strict=True)
        ]
        return mean_cross_entropy(rows, labels)

    head = AdditiveAngularMarginHead(E, C, 0.3, 8.0).double()
    x, labels = embeddings()
    own = torch.acos(head.cosines(x).gather(1, labels[:, None]))
    assert (own + 0.3 < math.pi).all()  # within the part that the equation covers
    check(head, formula)


def test_aam_target_falls_over_the_whole_half_circle() -> None:
    cosine = torch.cos(torch.linspace(0, math.pi, 2001, dtype=torch.float64))
    target = AdditiveAngularMarginHead(E, C, 0.4, 1.0).target_cosine(cosine, 0.4)
    assert (target.diff() < 0).all()


@pytest.mark.parametrize("head", [AdditiveMarginHead(E, C, 0.3), AdditiveAngularMarginHead(E, C, 0.3)])
def test_no_margin_is_softmax_of_scaled_cosines(head: AdditiveMarginHead) -> None:
    head.schedule = MarginSchedule(10, 20)
    x, labels = embeddings()
    x = x.float()
    expected = torch.nn.functional.cross_entropy(head.scale * head.cosines(x), labels)
    torch.testing.assert_close(head(x, labels, step=0)[0], expected)
    losses = [head(x, labels, step)[0].item() for step in (10, 15, 20, 30)]
    assert losses[0] == pytest.approx(expected.item()) and losses[0] < losses[1] < losses[2] == losses[3]


@pytest.mark.parametrize("m", [1, 2, 3, 4])
def test_psi_is_monotonic_and_continuous(m: int) -> None:
    theta = torch.linspace(0, math.pi, 4001, dtype=torch.float64)
    psi = monotonic_angle(torch.cos(theta), m)
    assert (psi.diff() < 1e-12).all() and psi.diff().abs().max() < 4 * m * math.pi / 4000
    assert psi[0] == pytest.approx(1) and psi[-1] == pytest.approx(1 - 2 * m)


def test_gradients_stay_finite_at_the_ends_of_the_angle() -> None:
    for kind in (AngularSoftmaxHead(2, 2, 4), AdditiveMarginHead(2, 2), AdditiveAngularMarginHead(2, 2)):
        kind.weight.data = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
        x = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 0.0]], requires_grad=True)
        kind(x, torch.tensor([0, 0, 1]), 10**6)[0].backward()
        assert torch.isfinite(x.grad).all() and torch.isfinite(kind.weight.grad).all()


def test_softmax_starts_from_equal_odds_as_in_kaldi() -> None:
    x, labels = embeddings()
    loss, logits = SoftmaxHead(E, C)(x.float(), labels)
    assert loss.item() == pytest.approx(math.log(C)) and (logits == 0).all()
    normalized = SoftmaxHead(E, C, normalize_logits=True)(x.float(), labels)[1]
    torch.testing.assert_close(normalized.mean(0), torch.zeros(C), atol=1e-6, rtol=0)


def test_lambda_and_margin_of_the_config_reach_the_head() -> None:
    head = make_head(HeadConfig("a-softmax", 3, lambda_schedule=LambdaSchedule(minimum=7)), E, C)
    assert isinstance(head, AngularSoftmaxHead) and head.m == 3 and head.lambda_schedule.minimum == 7
    head = make_head(HeadConfig("aam-softmax", 0.25, scale=12, margin_schedule=MarginSchedule(1, 2)), E, C)
    assert isinstance(head, AdditiveAngularMarginHead)
    assert (head.margin, head.scale, head.schedule) == (0.25, 12, MarginSchedule(1, 2))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"loss": "a-softmax", "margin": 2.5}, "margin of 1, 2, 3 or 4, got 2.5"),
        ({"loss": "am-softmax", "margin": 2}, r"margin in \[0, 1\], got 2"),
        ({"scale": 0}, "scale must be positive, got 0"),
    ],
)
def test_impossible_options_are_refused(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        HeadConfig(**arguments)


def test_one_speaker_is_refused() -> None:
    with pytest.raises(ValueError, match="at least two speakers, got 1"):
        make_head(HeadConfig(), E, 1)
    with pytest.raises(ValueError, match="0 <= start <= end"):
        MarginSchedule(5, 2)
    with pytest.raises(ValueError, match="at least 0"):
        LambdaSchedule(minimum=-1)
