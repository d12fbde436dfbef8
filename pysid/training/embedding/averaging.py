"""The mean of several checkpoints as one network, with batch norms that fit it.

Kaldi averages its last models in the same way, and recomputes the statistics of batch norms. Source:
kaldi/src/nnet3bin/nnet3-combine.cc; Izmailov et al., "Averaging weights leads to wider optima and better
generalization", UAI 2018.
"""

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn

from pysid.embedding.networks import TrainableNetwork


def average_weights(states: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of each tensor of several state dicts of one module; counters are those of the last.

    >>> average_weights([{"weight": torch.tensor([1.0, 2.0])}, {"weight": torch.tensor([3.0, 6.0])}])
    {'weight': tensor([2., 4.])}
    """
    if not states:
        raise ValueError("expected at least one state to average, got none")
    mean = dict(states[-1])
    for name, last in states[-1].items():
        if last.is_floating_point():
            mean[name] = torch.stack([state[name].double() for state in states]).mean(0).to(last.dtype)
    return mean


@torch.no_grad()
def recompute_norms(network: TrainableNetwork, features: Iterable[Tensor]) -> None:
    """Sets the statistics of all batch norms to their means over batches (B, T, D); the mode stays as it was."""
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a cumulative mean
    was_training = network.training
    network.train()
    for batch in features:
        network.classifier_input(batch)
    network.train(was_training)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
