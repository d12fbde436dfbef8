import pytest
import torch

from pysid.activity import ActivityConfig, ActivityNetwork

SMALL = ActivityConfig(feature_dim=9, channels=8, dilations=(1, 2, 4))


@pytest.fixture
def network():
    torch.manual_seed(0)
    network = ActivityNetwork(SMALL)
    network(torch.randn(4, 200, 9))  # moves the statistics of its batch norms
    return network.eval()
