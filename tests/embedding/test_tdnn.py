"""Time-delay layers: Kaldi's, and a convolution."""

import itertools

import pytest
import torch

from pysid.embedding.tdnn import TdnnLayer


def test_layer_is_kaldis_affine_relu_batchnorm_over_appended_frames() -> None:
    torch.manual_seed(0)
    layer = TdnnLayer(3, 4, (-2, 0, 1)).eval()
    layer.norm.running_mean.copy_(torch.randn(4))
    layer.norm.running_var.copy_(torch.rand(4) + 0.5)
    x = torch.randn(1, 9, 3)
    y = layer(x)
    assert y.shape == (1, 6, 4)
    for t in range(2, 8):
        appended = torch.cat([x[0, t - 2], x[0, t], x[0, t + 1]])
        affine = layer.affine.weight @ appended + layer.affine.bias
        expected = (affine.relu() - layer.norm.running_mean) / (layer.norm.running_var + 1e-3).sqrt()
        torch.testing.assert_close(y[0, t - 2], expected, rtol=1e-5, atol=1e-5)


def test_layer_equals_a_convolution() -> None:
    layer = TdnnLayer(3, 4, (-3, 0, 3), padding=2)
    x = torch.randn(2, 11, 3)
    weight = layer.affine.weight.reshape(4, 3, 3).transpose(1, 2)  # (out, offset, in) -> (out, in, offset)
    conv = torch.nn.functional.conv1d(x.transpose(1, 2), weight, layer.affine.bias, padding=2, dilation=3)
    padded = torch.nn.functional.pad(x, (0, 0, 2, 2))
    torch.testing.assert_close(layer.splice_affine(padded), conv.transpose(1, 2), rtol=1e-5, atol=1e-5)


def test_offsets_must_ascend() -> None:
    for offsets in itertools.product((0, 1), repeat=2):
        if offsets != (0, 1):
            with pytest.raises(ValueError, match="ascend"):
                TdnnLayer(1, 1, offsets)


@pytest.mark.parametrize("order", ["relu-norm", "norm-relu"])
def test_padding_of_a_batch_changes_nothing(order: str) -> None:
    torch.manual_seed(0)
    layer = TdnnLayer(3, 4, (-2, 0, 2), order=order, padding=2).eval()
    x, n_frames = torch.randn(2, 11, 3), torch.tensor([11, 6])
    y = layer(x, n_frames)
    assert layer.n_out(n_frames).tolist() == [11, 6] and y.shape == (2, 11, 4)
    torch.testing.assert_close(y[1:, :6], layer(x[1:, :6]))
    assert layer.n_out(torch.tensor([0])).tolist() == [0]


def test_order_of_rectifier_and_norm() -> None:
    x = torch.randn(2, 5, 3)
    kaldi, port = (TdnnLayer(3, 4, order=order, slope=0.2).eval() for order in ("relu-norm", "norm-relu"))
    port.load_state_dict(kaldi.state_dict())
    for layer in (kaldi, port):
        layer.norm.running_mean.fill_(0.5)
    affine, scale = kaldi.affine(x), 1.001**-0.5
    leaky = torch.where(affine > 0, affine, 0.2 * affine)
    torch.testing.assert_close(kaldi(x), (leaky - 0.5) * scale)
    normalized = (affine - 0.5) * scale
    torch.testing.assert_close(port(x), torch.where(normalized > 0, normalized, 0.2 * normalized))


def test_reflection_repeats_no_frame_at_the_edge() -> None:
    layer = TdnnLayer(1, 1, (-1, 0, 1), padding=1, padding_mode="reflect").eval()
    x = torch.randn(1, 4, 1)
    around = torch.cat([x[:, 1:2], x, x[:, 2:3]], 1)
    torch.testing.assert_close(layer(x), layer.activate(layer.splice_affine(around)))
