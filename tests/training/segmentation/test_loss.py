"""The loss of speakers without an order."""

import numpy as np
import pytest
import torch

from pysid.embedding.resnet import ResNetConfig
from pysid.segmentation import Powerset
from pysid.segmentation.network import MelNetConfig
from pysid.segmentation.trunk import TrunkConfig
from pysid.training.segmentation.loss import SegmentationClassifier, permutation_free_loss

POWERSET = Powerset(3, 2)


def by_hand(log_probabilities, targets):
    """The least cross-entropy over all orders, of one window."""
    return min(
        -(targets[:, order] * log_probabilities).sum() / targets.sum()
        for order in torch.from_numpy(POWERSET.permutations)
    )


@pytest.fixture
def windows():
    torch.manual_seed(0)
    said = torch.randn(4, 30, 7).mul(2).log_softmax(-1)
    truth = torch.nn.functional.one_hot(torch.randint(0, 7, (4, 30)), 7).float()
    truth[1, 10:20] = 0.0  # do not count
    truth[2] = torch.randn(30, 7).softmax(-1)  # what a teacher says
    return said, truth


def test_it_is_the_best_of_all_orders(windows):
    said, truth = windows
    for i in range(4):
        found = permutation_free_loss(said[i : i + 1], truth[i : i + 1], POWERSET)
        torch.testing.assert_close(found, by_hand(said[i], truth[i]))


def test_the_order_of_the_speakers_does_not_matter(windows):
    said, truth = windows
    before = permutation_free_loss(said, truth, POWERSET)
    for order in POWERSET.permutations:
        torch.testing.assert_close(permutation_free_loss(said, truth[..., order], POWERSET), before)
        torch.testing.assert_close(permutation_free_loss(said[..., order], truth, POWERSET), before)


def test_saying_the_truth_in_another_order_costs_nothing():
    classes = torch.from_numpy(POWERSET.classes(np.random.default_rng(0).random((2, 50, 3)) > 0.6))
    truth = torch.nn.functional.one_hot(classes, 7).float()
    swapped = truth[..., POWERSET.permutations[3]]
    assert permutation_free_loss((swapped + 1e-12).log(), truth, POWERSET) < 1e-6
    assert permutation_free_loss((truth.roll(1, 1) + 1e-12).log(), truth, POWERSET) > 1


def test_a_classifier_learns_two_voices():
    torch.manual_seed(0)
    config = MelNetConfig(feature_dim=9, channels=(8, 12, 12), hidden=8, n_heads=2)
    model = SegmentationClassifier(config)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    shapes = 3 * torch.randn(2, 9)
    rng = np.random.default_rng(0)
    for step in range(60):
        who = np.repeat(rng.integers(0, 3, (8, 10)), 8, axis=1)  # nobody, or one of two, in frames of 20 ms
        who[:, 40:] = np.where(rng.random((8, 1)) < 0.5, who[:, 40:], 0)
        x = 5 + 0.1 * torch.randn(8, 160, 9)
        for voice in (1, 2):
            x += torch.from_numpy(np.repeat(who == voice, 2, axis=1))[..., None] * shapes[voice - 1]
        truth = torch.nn.functional.one_hot(torch.from_numpy(who), 7).half()
        result = model(x, truth, step)
        optimizer.zero_grad()
        result.loss.backward()
        optimizer.step()
    assert result.loss < 0.35 and result.accuracy > 0.9
    torch.testing.assert_close(
        result.loss, permutation_free_loss(model.network(x), truth.float(), POWERSET), atol=0.3, rtol=0
    )


def test_the_trunk_that_is_trained_beside_is_the_one_that_is_saved():
    """Its copy, whose convolutions have the norms in them, says the same, learns nothing, and is not kept."""
    torch.manual_seed(0)
    trunk = TrunkConfig(ResNetConfig(feature_dim=9, channels=(8, 8, 12, 16), embedding_dim=8))
    model = SegmentationClassifier(MelNetConfig(feature_dim=9, channels=(4, 4, 4), hidden=4, n_heads=1, trunk=trunk))
    for name, values in model.network.trunk.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            torch.nn.init.uniform_(values, 0.1, 0.5)
    torch.nn.init.normal_(model.network.from_trunk[1].weight)
    names = set(model.state_dict())
    x, truth = 5 + torch.randn(2, 160, 9), torch.randn(2, 80, 7).softmax(-1)
    result = model.train()(x, truth, 0)
    torch.testing.assert_close(result.loss, permutation_free_loss(model.network(x), truth, POWERSET))
    result.loss.backward()
    assert model.network.from_trunk[1].weight.grad.abs().max() > 0
    assert set(model.state_dict()) == names and model.network.trunk.stem.conv.weight.grad is None
