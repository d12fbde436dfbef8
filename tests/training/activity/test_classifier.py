"""The loss of the two decisions about each output, and how often both are right."""

import pytest
import torch

from pysid.activity import ActivityConfig
from pysid.training.activity.classifier import ActivityClassifier


class Fixed(torch.nn.Module):
    """A network whose log odds are given: (B, T', 2) of speech and of overlap."""

    def __init__(self, log_odds):
        super().__init__()
        self.log_odds = torch.nn.Parameter(torch.tensor(log_odds))

    def forward(self, features):
        return self.log_odds


@pytest.fixture
def classifier():
    return ActivityClassifier(ActivityConfig(feature_dim=9, channels=8, dilations=(1, 2)))


def test_loss_is_the_mean_cross_entropy_of_both_decisions(classifier):
    classifier.network = Fixed([[[2.0, -1.0], [0.5, 3.0], [-1.0, -2.0]]])
    result = classifier(torch.zeros(1, 6, 9), torch.tensor([[1, 2, 0]]), 0)
    softplus = torch.nn.functional.softplus
    x = torch.tensor([-2.0, -1.0, -0.5, -3.0, -1.0, -2.0])  # minus the log odds of what is true
    assert result.loss.item() == pytest.approx(softplus(x).mean().item(), rel=1e-6)


def test_an_output_is_right_where_both_decisions_are(classifier):
    classifier.network = Fixed([[[2.0, -1.0], [0.5, -3.0], [-1.0, -2.0], [4.0, 1.0]]])
    assert classifier(torch.zeros(1, 8, 9), torch.tensor([[1, 2, 0, 3]]), 0).accuracy.item() == 0.75


@pytest.mark.slow
def test_it_can_be_learnt(classifier):
    torch.manual_seed(0)
    features, counts = torch.randn(2, 20, 9), torch.randint(0, 3, (2, 10))
    optimizer = torch.optim.Adam(classifier.parameters(), 0.01)
    losses = []
    for step in range(30):
        loss = classifier(features, counts, step).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]
