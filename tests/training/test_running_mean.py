"""The mean of weights over the steps of a training."""

import pytest
import torch
from torch import nn

from pysid.training.running_mean import RunningMean
from pysid.training.trainer import TrainerConfig


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))


def test_a_step_moves_the_mean_by_the_rest():
    net = network()
    mean = RunningMean(net, 0.9)
    before = net[0].weight.detach().clone()
    with torch.no_grad():
        net[0].weight.add_(1.0)
        net[1].running_mean.add_(10.0)
        net[1].num_batches_tracked.add_(7)
    mean.update(net, step=1000)
    found = mean.state_dict()
    torch.testing.assert_close(found["0.weight"], before + 0.1)
    torch.testing.assert_close(found["1.running_mean"], torch.ones(4))
    assert int(found["1.num_batches_tracked"]) == 7


def test_the_start_does_not_count_for_long():
    net = network()
    mean = RunningMean(net, 0.999)
    with torch.no_grad():
        net[0].weight.fill_(5.0)
    for step in range(1, 101):
        mean.update(net, step)
    assert (mean.state_dict()["0.weight"] - 5.0).abs().max() < 1e-3


def test_the_network_has_its_own_weights_again():
    net = network()
    mean = RunningMean(net, 0.5)
    with torch.no_grad():
        net[0].weight.zero_()
    with pytest.raises(KeyError), mean.applied(net):
        assert net[0].weight.abs().max() > 0
        raise KeyError
    assert net[0].weight.abs().max() == 0


def test_a_saved_mean_is_the_same():
    net = network()
    mean = RunningMean(net, 0.5)
    other = RunningMean(nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)), 0.5)
    other.load_state_dict(mean.state_dict())
    assert all(torch.equal(x, other.state_dict()[name]) for name, x in mean.state_dict().items())


def test_a_share_that_cannot_be():
    with pytest.raises(ValueError, match=r"average_decay must lie in \[0, 1\)"):
        TrainerConfig(average_decay=1.0)
