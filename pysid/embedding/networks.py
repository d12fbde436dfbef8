"""The networks that can be trained here, and their configurations."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from pysid.embedding.campplus import CamPlusPlus, CamPlusPlusConfig
from pysid.embedding.ecapa import Ecapa, EcapaConfig
from pysid.embedding.eres2net import ERes2Net, ERes2NetConfig
from pysid.embedding.lstm import Lstm, LstmConfig
from pysid.embedding.preactivated_resnet import PreactivatedResNet, PreactivatedResNetConfig
from pysid.embedding.resnet import ResNet, ResNetConfig
from pysid.embedding.time_delay import TimeDelay, TimeDelayConfig
from pysid.embedding.titanet import TitaNet, TitaNetConfig
from pysid.embedding.xvector import XVector, XVectorConfig

TrainableConfig = (
    XVectorConfig
    | ResNetConfig
    | CamPlusPlusConfig
    | EcapaConfig
    | ERes2NetConfig
    | LstmConfig
    | TitaNetConfig
    | TimeDelayConfig
    | PreactivatedResNetConfig
)
TrainableNetwork = XVector | ResNet | CamPlusPlus | Ecapa | ERes2Net | Lstm | TitaNet | TimeDelay | PreactivatedResNet

_NETWORKS: dict[type, Callable[[Any], TrainableNetwork]] = {
    XVectorConfig: XVector,
    ResNetConfig: ResNet,
    CamPlusPlusConfig: CamPlusPlus,
    EcapaConfig: Ecapa,
    ERes2NetConfig: ERes2Net,
    LstmConfig: Lstm,
    TitaNetConfig: TitaNet,
    TimeDelayConfig: TimeDelay,
    PreactivatedResNetConfig: PreactivatedResNet,
}


def make_network(config: TrainableConfig) -> TrainableNetwork:
    """The network that `config` describes, with new weights."""
    return _NETWORKS[type(config)](config)


@torch.no_grad()
def n_parameters(model: nn.Module) -> int:
    """Number of trainable numbers in a network.

    >>> n_parameters(XVector())
    4482524
    """
    return sum(p.numel() for p in model.parameters())
