"""Batch norms as part of the affine maps around them, for inference; in double precision, and rounded once."""

import torch
from torch import Tensor

from pysid.embedding.tdnn import TdnnLayer


@torch.no_grad()
def fold_input(layer: TdnnLayer, scale: Tensor, shift: Tensor) -> tuple[Tensor, Tensor]:
    """Weight (out, in) and bias (out,) of a layer's affine map that takes x where the layer takes x * scale + shift.

    Args:
        scale, shift: (D,), for each of the frames that the layer splices.
    """
    n = len(layer.offsets)
    weight = layer.affine.weight.double()
    bias = layer.affine.bias.double() + weight @ shift.double().repeat(n)
    return (weight * scale.double().repeat(n)).float(), bias.float()


@torch.no_grad()
def fold_layer(layer: TdnnLayer, scale: Tensor, shift: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """A layer in eval mode as weight, bias, a ReLU, then scale and shift (out,), which the next layer can absorb.

    Args:
        scale, shift: (D,), as in `fold_input`.
    """
    weight, bias = fold_input(layer, scale, shift)
    scale, shift = _norm(layer)
    if layer.order == "relu-norm":
        return weight, bias, scale, shift
    weight, bias = scale[:, None].double() * weight, scale.double() * bias + shift
    return weight.float(), bias.float(), torch.ones_like(scale), torch.zeros_like(shift)


def _norm(layer: TdnnLayer) -> tuple[Tensor, Tensor]:
    """Scale and shift (out,) of a layer's batch norm, rounded as `TdnnLayer` does."""
    norm = layer.norm
    mean, variance = norm.get_buffer("running_mean"), norm.get_buffer("running_var")
    scale = (variance + norm.eps).double().pow(-0.5)
    if not norm.affine:
        return scale.float(), -mean * scale.float()
    scale = scale * norm.weight
    return scale.float(), (norm.bias - mean * scale).float()
