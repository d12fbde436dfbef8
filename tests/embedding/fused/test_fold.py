"""Batch norms folded into the maps around them compute the same."""

import pytest
import torch

from pysid.embedding.fused.fold import fold_input, fold_layer
from pysid.embedding.tdnn import TdnnLayer, append_context


def norm_that_does_something(layer: TdnnLayer) -> TdnnLayer:
    for x in (layer.norm.running_mean, layer.norm.running_var, layer.norm.weight, layer.norm.bias):
        if x is not None:
            x.data.copy_(torch.rand(x.shape) + 0.3)
    return layer.eval()


@pytest.mark.parametrize("order", ["relu-norm", "norm-relu"])
@pytest.mark.parametrize("norm_affine", [False, True])
def test_a_layer_behind_another_norm(order: str, norm_affine: bool) -> None:
    """The norm before the layer goes into its weights; its own one is left for the next layer, or goes in as well."""
    torch.manual_seed(0)
    layer = norm_that_does_something(TdnnLayer(3, 4, (-1, 0, 2), order=order, norm_affine=norm_affine))
    x, scale, shift = torch.randn(2, 9, 3), torch.rand(3) + 0.5, torch.randn(3)
    weight, bias, own_scale, own_shift = fold_layer(layer, scale, shift)
    rectified = torch.relu(append_context(x, layer.offsets) @ weight.T + bias)
    torch.testing.assert_close(rectified * own_scale + own_shift, layer(x * scale + shift), rtol=1e-5, atol=1e-5)
    is_left = order == "relu-norm"
    assert (own_scale != 1).any().item() == is_left and (own_shift != 0).any().item() == is_left


def test_the_affine_part_alone() -> None:
    torch.manual_seed(0)
    layer = TdnnLayer(3, 4, (0, 1)).eval()
    x, scale, shift = torch.randn(2, 9, 3), torch.rand(3) + 0.5, torch.randn(3)
    weight, bias = fold_input(layer, scale, shift)
    found = append_context(x, layer.offsets) @ weight.T + bias
    torch.testing.assert_close(found, layer.splice_affine(x * scale + shift), rtol=1e-5, atol=1e-5)
    assert not weight.requires_grad
