import pytest
import torch

from pysid.frontend import add_deltas


@pytest.mark.parametrize("window", [1, 2, 5])
def test_a_ramp_has_a_constant_slope_and_no_curvature(window):
    ramp = 3.0 * torch.arange(40.0).reshape(1, 40, 1)
    inner = add_deltas(ramp, order=2, window=window)[0, 2 * window : -2 * window]
    torch.testing.assert_close(inner[:, 1], torch.full_like(inner[:, 1], 3.0))
    torch.testing.assert_close(inner[:, 2], torch.zeros_like(inner[:, 2]), rtol=0, atol=1e-4)


def test_a_parabola_has_a_constant_curvature():
    parabola = torch.arange(30.0).square().reshape(1, 30, 1)
    inner = add_deltas(parabola, order=3)[0, 6:-6]
    torch.testing.assert_close(inner[:, 2], torch.full_like(inner[:, 2], 2.0), rtol=0, atol=1e-3)
    torch.testing.assert_close(inner[:, 3], torch.zeros_like(inner[:, 3]), rtol=0, atol=1e-3)


def test_a_step_by_hand_with_repeated_edges():
    deltas = add_deltas(torch.tensor([0.0, 1.0, 1.0]).reshape(1, 3, 1), order=1)[0, :, 1]
    # (x[1] - x[-1]) + 2 (x[2] - x[-2]), over 2 (1 + 4)
    torch.testing.assert_close(deltas, torch.tensor([3.0, 3.0, 2.0]) / 10)


def test_a_padded_batch_gives_each_utterance_what_it_gets_alone():
    lengths = [20, 0, 1, 7]
    x = torch.randn(4, 20, 3, generator=torch.Generator().manual_seed(0))
    padded = x.clone()
    for row, n in zip(padded, lengths, strict=True):
        row[n:] = torch.nan
    together = add_deltas(padded, n_frames=lengths)
    assert together.shape == (4, 20, 9)
    for b, n in enumerate(lengths):
        torch.testing.assert_close(together[b, :n], add_deltas(x[b : b + 1, :n])[0])
        assert not together[b, n:].any()


def test_order_0_changes_nothing():
    x = torch.randn(1, 5, 2)
    assert torch.equal(add_deltas(x, order=0), x)


@pytest.mark.parametrize(("order", "window"), [(-1, 2), (2, 0)])
def test_wrong_options(order, window):
    with pytest.raises(ValueError, match=f"got order {order}, window {window}"):
        add_deltas(torch.zeros(1, 5, 2), order, window)
