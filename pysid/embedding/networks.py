"""The networks that can be trained here, and their options."""

import torch
from torch import nn

from pysid.embedding.resnet import ResNet, ResNetConfig
from pysid.embedding.xvector import XVector, XVectorConfig

TrainableConfig = XVectorConfig | ResNetConfig
TrainableNetwork = XVector | ResNet


def make_network(config: TrainableConfig) -> TrainableNetwork:
    """The network that `config` describes, with new weights."""
    return ResNet(config) if isinstance(config, ResNetConfig) else XVector(config)


@torch.no_grad()
def n_parameters(model: nn.Module) -> int:
    """Number of trainable numbers in a network.

    >>> n_parameters(XVector())
    4482524
    """
    return sum(p.numel() for p in model.parameters())
