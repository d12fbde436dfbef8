"""Statistics of frames that come in pieces are those of the whole."""

from itertools import pairwise

import pytest
import torch

from pysid.embedding.fused.moments import KaldiMoments, Moments, statistics, unbiased, weighted_moments
from pysid.embedding.pooling import kaldi_statistics, weighted_statistics

CUTS = [(), (1,), (7, 8, 30), tuple(range(1, 50))]


def add_all(moments: Moments | KaldiMoments, x: torch.Tensor, cuts: tuple[int, ...]) -> None:
    rows = torch.cat([torch.full_like(x[:1], 9.0), x])  # the row to spare must not matter
    edges = [0, *cuts, len(x)]
    for first, end in pairwise(edges):
        moments.add(rows[first : end + 1])


@pytest.mark.parametrize("cuts", CUTS)
def test_pieces_make_up_the_whole(cuts: tuple[int, ...]) -> None:
    x = torch.randn(50, 3, generator=torch.Generator().manual_seed(0)) * 0.01 + torch.tensor([0.0, 10.0, 1000.0])
    moments = Moments()
    add_all(moments, x.clone(), cuts)
    mean, variance, size = moments.result()
    assert size == 50
    torch.testing.assert_close(mean.double(), x.double().mean(0), rtol=1e-6, atol=1e-6)
    # The last column has a spread of 1e-5 of its mean: the difference of two sums would have no digit left.
    expected = x.double().var(0, correction=0)
    torch.testing.assert_close(variance.double(), expected, rtol=2e-2 if cuts else 1e-3, atol=0)
    torch.testing.assert_close(variance[:2].double(), expected[:2], rtol=1e-4, atol=0)


def test_a_run_of_pieces() -> None:
    x = torch.randn(50, 3)
    moments = Moments()
    add_all(moments, x.clone(), (10, 20, 40))
    mean, variance, size = moments.result(1, 3)
    assert size == 30
    torch.testing.assert_close(mean, x[10:40].mean(0))
    torch.testing.assert_close(variance, x[10:40].var(0, correction=0))


@pytest.mark.parametrize("cuts", CUTS)
def test_kaldis_rounding_survives_cutting(cuts: tuple[int, ...]) -> None:
    x = torch.randn(50, 40, generator=torch.Generator().manual_seed(0)) + 3
    x[:, ::4] = 0.7371  # nothing varies: what is left is rounding
    moments = KaldiMoments()
    add_all(moments, x.clone(), cuts)
    # Sums are the same to the last bit; PyTorch's square root is not on every machine.
    torch.testing.assert_close(statistics(*moments.result()[:2]), kaldi_statistics(x[None], None)[0], rtol=2e-7, atol=0)


def test_unbiased_and_floored() -> None:
    x = torch.tensor([[1.0, 5.0], [3.0, 5.0]])
    moments = Moments()
    add_all(moments, x, ())
    mean, variance, size = moments.result()
    torch.testing.assert_close(statistics(mean, unbiased(variance, size)), torch.tensor([2.0, 5.0, 2**0.5, 1e-5]))


def test_weighted() -> None:
    x = torch.randn(300, 4) + 100
    weights = torch.rand(3, 300).softmax(1)
    weights[2] = 0.0
    weights[2, 7] = 1.0  # a head that looks at one frame
    found = statistics(*weighted_moments(x, weights))
    torch.testing.assert_close(found, weighted_statistics(x[None], weights[None])[0], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(found[2], torch.cat([x[7], torch.full((4,), 1e-5)]))
