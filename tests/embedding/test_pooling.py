import pytest
import torch

from pysid.embedding.pooling import AttentionPooling, StatisticsPooling, diversity_penalty

POOLINGS = [
    StatisticsPooling(6),
    StatisticsPooling(6, unbiased=True),
    AttentionPooling(6, n_heads=3, hidden_dim=4),
]


def frames(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("unbiased", [False, True])
def test_statistics_are_mean_and_std(unbiased: bool) -> None:
    x = frames(4, 9, 6)
    pooled = StatisticsPooling(6, unbiased)(x)
    torch.testing.assert_close(pooled[:, :6], x.mean(1))
    torch.testing.assert_close(pooled[:, 6:], x.std(1, correction=int(unbiased)))


def test_variance_is_floored_as_in_kaldi() -> None:
    assert StatisticsPooling(1)(torch.full((1, 5, 1), 3.0))[0, 1].item() == pytest.approx(1e-5)


@pytest.mark.parametrize("pooling", POOLINGS, ids=["biased", "unbiased", "attention"])
def test_padding_does_not_count(pooling: torch.nn.Module) -> None:
    x, lengths = frames(3, 10, 6), torch.tensor([10, 4, 7])
    together = pooling(x, lengths)
    for i, n in enumerate(lengths.tolist()):
        torch.testing.assert_close(together[i], pooling(x[i : i + 1, :n])[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("pooling", POOLINGS, ids=["biased", "unbiased", "attention"])
def test_gradients(pooling: torch.nn.Module) -> None:
    x = frames(2, 5, 6).double().requires_grad_()
    assert torch.autograd.gradcheck(pooling.double(), (x,))
    pooling.float()


def test_gradient_is_finite_where_nothing_varies() -> None:
    x = torch.ones(1, 5, 3, requires_grad=True)
    StatisticsPooling(3)(x).sum().backward()
    torch.testing.assert_close(x.grad, torch.full((1, 5, 3), 0.2))


def test_attention_is_its_formula() -> None:
    pooling = AttentionPooling(6, n_heads=2, hidden_dim=4)
    x = frames(1, 8, 6)
    hidden = torch.tanh(x[0] @ pooling.hidden.weight.T + pooling.hidden.bias)
    a = (hidden @ pooling.heads.weight.T + pooling.heads.bias).softmax(0)  # (T, H)
    expected = []
    for head in a.T:
        mean = (head[:, None] * x[0]).sum(0)
        std = (head[:, None] * (x[0] - mean) ** 2).sum(0).sqrt()
        expected += [mean, std]
    torch.testing.assert_close(pooling(x)[0], torch.cat(expected), rtol=1e-5, atol=1e-5)


def test_equal_attention_is_statistics_pooling() -> None:
    pooling = AttentionPooling(6, n_heads=1, hidden_dim=4)
    torch.nn.init.zeros_(pooling.heads.weight)
    x = frames(2, 8, 6)
    torch.testing.assert_close(pooling(x), StatisticsPooling(6)(x), rtol=1e-5, atol=1e-5)


def test_diversity_penalty_rises_when_heads_agree() -> None:
    apart = torch.tensor([[[1.0, 0, 0, 0], [0, 1, 0, 0]]])
    near = torch.tensor([[[1.0, 0, 0, 0], [0.5, 0.5, 0, 0]]])
    same = torch.tensor([[[1.0, 0, 0, 0], [1, 0, 0, 0]]])
    penalties = [diversity_penalty(a).item() for a in (apart, near, same)]
    assert penalties == sorted(penalties) and penalties[0] == 0
    assert diversity_penalty(torch.cat([apart, same])).item() == pytest.approx(1.0)


def test_no_head_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one head"):
        AttentionPooling(6, n_heads=0)
