"""Which networks have a fused form, and when it is made anew."""

import gc
import weakref

import pytest
import torch
from torch import nn

from pysid.embedding.fused import forms
from pysid.embedding.fused.campplus import FusedCamPlusPlus
from pysid.embedding.fused.forms import fused_form
from pysid.embedding.fused.resnet import FusedResNet
from pysid.embedding.fused.xvector import FusedXVector
from pysid.embedding.networks import CamPlusPlusConfig, EcapaConfig, ResNetConfig, XVectorConfig, make_network

XVECTOR = XVectorConfig(feature_dim=13)


@pytest.mark.parametrize(
    ("config", "kind"),
    [
        (XVECTOR, FusedXVector),
        (ResNetConfig(feature_dim=13), FusedResNet),
        (CamPlusPlusConfig(feature_dim=17), FusedCamPlusPlus),
        (EcapaConfig(), type(None)),
    ],
)
def test_which_networks_have_one(config: object, kind: type) -> None:
    network = make_network(config).eval()  # type: ignore[arg-type]
    assert type(fused_form(network)) is kind
    assert fused_form(network.train()) is None
    assert fused_form(network.eval().double()) is None


@pytest.mark.parametrize("change", ["weight", "buffer", "replaced"])
def test_a_change_makes_another(change: str) -> None:
    network = make_network(XVECTOR).eval()
    first = fused_form(network)
    assert fused_form(network) is first is not None
    layer = network.get_submodule("frame_layers.1")
    with torch.no_grad():
        if change == "weight":
            layer.affine.weight.mul_(2.0)  # type: ignore[union-attr, operator]
        elif change == "buffer":
            layer.norm.running_mean.add_(1.0)  # type: ignore[union-attr, operator]
        else:
            layer.affine = nn.Linear(1536, 512)
    assert fused_form(network) is not first


def test_one_is_kept_for_each_precision_and_none_longer_than_its_network() -> None:
    network = make_network(XVECTOR).eval()
    single, half = fused_form(network), fused_form(network, torch.bfloat16)
    assert single is not half and fused_form(network, torch.bfloat16) is half and fused_form(network) is single
    n_kept, gone = len(forms._forms), weakref.ref(network)
    del network, single, half
    gc.collect()
    assert gone() is None and len(forms._forms) == n_kept - 1
