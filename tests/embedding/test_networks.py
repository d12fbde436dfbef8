"""A configuration names its network, and becomes it again."""

from dataclasses import dataclass
from typing import get_args

import pytest
import torch
from torch import nn

from pysid.config import from_plain, to_plain
from pysid.embedding.networks import TrainableConfig, TrainableNetwork, make_network, n_parameters
from pysid.errors import DataError


@dataclass(frozen=True)
class Named:
    network: TrainableConfig


@pytest.mark.parametrize("config", get_args(TrainableConfig), ids=lambda kind: kind.__name__)
def test_every_kind_is_told_from_the_others_by_its_name(config: type) -> None:
    plain = {"network": to_plain(config())}
    read = from_plain(Named, plain, "config.json").network
    assert read == config() and type(read) is config


def test_every_network_has_a_configuration() -> None:
    smallest = [make_network(config()) for config in get_args(TrainableConfig)]
    assert {type(network) for network in smallest} == set(get_args(TrainableNetwork))
    assert all(network.config == type(network.config)() for network in smallest)


def test_no_such_network() -> None:
    with pytest.raises(
        DataError, match=r"config\.json: 'network\.kind' must be one of resnet, campplus, .*, got 'vgg'"
    ):
        from_plain(Named, {"network": {"kind": "vgg"}}, "config.json")


def test_parameters_are_counted_and_buffers_are_not() -> None:
    assert n_parameters(nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4, affine=False))) == 16
    tied = nn.Linear(3, 3, bias=False)
    assert n_parameters(nn.ModuleList([tied, tied])) == 9
    assert n_parameters(torch.nn.ReLU()) == 0
