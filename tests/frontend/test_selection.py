import pytest
import torch

from pysid.frontend import select_frames


def test_chosen_frames_move_together():
    features = torch.randn(4, 6, 2)
    mask = torch.tensor([[0, 1, 1, 0, 0, 1], [1, 1, 1, 1, 1, 1], [0, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0]]).bool()
    selected, n_selected = select_frames(features, mask, [6, 4, 6, 0])
    assert n_selected.tolist() == [3, 4, 0, 0]
    assert selected.shape == (4, 4, 2)
    assert torch.equal(selected[0, :3], features[0, [1, 2, 5]])
    assert torch.equal(selected[1], features[1, :4])
    assert not selected[0, 3:].any() and not selected[2:].any()


def test_gradients_reach_the_chosen_frames_only():
    features = torch.randn(1, 3, 2, requires_grad=True)
    select_frames(features, torch.tensor([[True, False, True]]))[0].sum().backward()
    assert features.grad[0, :, 0].tolist() == [1, 0, 1]


def test_nothing_to_choose_from():
    selected, n_selected = select_frames(torch.zeros(2, 0, 3), torch.zeros(2, 0, dtype=torch.bool))
    assert selected.shape == (2, 0, 3) and n_selected.tolist() == [0, 0]


def test_a_mask_of_another_length():
    with pytest.raises(ValueError, match=r"mask must be \(1, 5\) like the features, got \(1, 4\)"):
        select_frames(torch.zeros(1, 5, 2), torch.ones(1, 4, dtype=torch.bool))
