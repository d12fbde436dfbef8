"""The form of a network that runs fastest on a CPU; made when first needed, then kept."""

import weakref

import torch
from torch import Tensor, nn

from pysid.embedding.campplus import CamPlusPlus
from pysid.embedding.fused.campplus import FusedCamPlusPlus
from pysid.embedding.fused.resnet import FusedResNet
from pysid.embedding.fused.xvector import FusedXVector
from pysid.embedding.resnet import ResNet
from pysid.embedding.xvector import XVector

FusedForm = FusedXVector | FusedResNet | FusedCamPlusPlus
State = list[tuple[Tensor, float]]  # a network's weights and buffers, and the state of each
_forms: weakref.WeakKeyDictionary[nn.Module, tuple[State, dict[torch.dtype, FusedForm]]]
_forms = weakref.WeakKeyDictionary()


def fused_form(network: nn.Module, dtype: torch.dtype = torch.float32) -> FusedForm | None:
    """The fused form of a network as it is now, or None where it has none.

    The form is kept, and made anew when a weight has changed. An `XVector`, a `ResNet` and a `CamPlusPlus` have one, in
    eval mode and single precision on a CPU. An `XVector` that pads its layers after a batch norm has none: a zero is no
    longer a zero once the norm is folded in. Nor has one with an offset of the variance.
    """
    if network.training or not _is_foldable(network):
        return None
    now: State = [(x, _version(x)) for x in network.state_dict(keep_vars=True).values()]
    state, forms = _forms.get(network, ([], {}))
    if len(now) != len(state) or any(a is not b or m != n for (a, m), (b, n) in zip(now, state, strict=True)):
        forms = {}
        _forms[network] = now, forms
    if dtype not in forms:
        forms[dtype] = _make(network, dtype)
    return forms[dtype]


def _make(network: nn.Module, dtype: torch.dtype) -> FusedForm:
    if isinstance(network, XVector):
        return FusedXVector(network, dtype)
    if isinstance(network, ResNet):
        return FusedResNet(network, dtype)
    assert isinstance(network, CamPlusPlus)
    return FusedCamPlusPlus(network, dtype)


def _is_foldable(network: nn.Module) -> bool:
    if type(network) is XVector:
        config = network.config
        known = config.order != "relu-norm" or not any(layer.padding for layer in config.frame_layers)
        known = known and not config.variance_offset
    else:
        known = type(network) in (ResNet, CamPlusPlus)
    return known and all(x.device.type == "cpu" and x.dtype == torch.float32 for x in network.parameters())


def _version(x: Tensor) -> float:
    """A number that changes with a tensor; a tensor made in inference mode does not count its changes itself."""
    return float(x.sum()) if x.is_inference() else x._version
