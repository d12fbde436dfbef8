"""CAM++ for inference on a CPU: the same numbers to 1e-5, with time-major matrix products and folded batch norms.

The layers of a dense block write into one array, so that nothing is joined; a convolution over time is a product for
each frame that it sees. Batch norms after a map become part of it, those before a ReLU one multiplication and addition.
"""

from copy import deepcopy

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from pysid.embedding.campplus import MASK_FRAMES, CamPlusPlus
from pysid.embedding.fused.resnet import ByLength


class FusedCamPlusPlus(ByLength):
    """What a `CamPlusPlus` computes in eval mode; `dtype` as of `ByLength`."""

    def __init__(self, network: CamPlusPlus, dtype: torch.dtype = torch.float32) -> None:
        super().__init__(_Folded(network), dtype)


class _Folded(CamPlusPlus):
    """The network with the folded weights of its dense blocks beside it."""

    def __init__(self, network: CamPlusPlus) -> None:
        nn.Module.__init__(self)
        copy = deepcopy(network).eval()
        self.config = copy.config
        self.dense_blocks = [[_DenseLayer(x) for x in layers] for layers in copy.blocks]  # type: ignore[attr-defined]
        self.affines = [(*_affine(x.norm), x.conv.weight[..., 0].detach()) for x in copy.transits]  # type: ignore
        self.last = _affine(copy.out_norm)
        for module in (*copy.head.modules(), copy.tdnn):
            conv = getattr(module, "conv", None)
            if isinstance(conv, nn.Conv1d | nn.Conv2d):
                module.conv = fuse_conv_bn_eval(conv, module.norm)  # type: ignore[arg-type]
                module.norm = nn.Identity()
        self.head, self.tdnn = copy.head, copy.tdnn
        self.head.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.pooling, self.dense, self.norm = copy.pooling, copy.dense, copy.norm
        self.eval()

    def frames(self, x: Tensor) -> Tensor:
        x = x.transpose(1, 2)[:, None].contiguous(memory_format=torch.channels_last)
        x = self.tdnn(self.head(x).flatten(1, 2)).transpose(1, 2)  # (B, T', C)
        for layers, (scale, shift, weight) in zip(self.dense_blocks, self.affines, strict=True):
            n, growth = x.shape[2], layers[0].growth
            grown = x.new_empty(*x.shape[:2], n + growth * len(layers), dtype=torch.float32)
            grown[..., :n] = x
            for layer in layers:
                grown[..., n : n + growth] = layer(grown[..., :n])
                n += growth
            x = F.linear(_rectified(grown, scale, shift), weight)
        return _rectified(x, *self.last)


class _DenseLayer:
    """One time-delay layer with its mask: (B, T, n_in) -> (B, T, growth)."""

    def __init__(self, layer: nn.Module) -> None:
        narrow, conv = layer.narrow, layer.conv
        self.scale, self.shift = _affine(narrow.norm)  # type: ignore
        scale, self.bias = _affine(layer.norm)  # type: ignore[arg-type]
        self.weight = scale[:, None] * narrow.conv.weight[..., 0].detach()  # type: ignore
        self.taps = [x.detach().contiguous() for x in conv.weight.unbind(2)]  # type: ignore
        self.dilation, self.growth = int(conv.dilation[0]), int(conv.out_channels)  # type: ignore
        self.context = (layer.context.weight[..., 0].detach(), layer.context.bias.detach())  # type: ignore
        self.mask = (layer.mask.weight[..., 0].detach(), layer.mask.bias.detach())  # type: ignore

    def __call__(self, x: Tensor) -> Tensor:
        x = F.linear(_rectified(x, self.scale, self.shift), self.weight, self.bias).relu_()
        n, d = x.shape[1], self.dilation
        padded = F.pad(x, (0, 0, d, d))
        before, here, after = (F.linear(padded[:, i * d :][:, :n], tap) for i, tap in enumerate(self.taps))
        pieces = torch.stack([piece.mean(1) for piece in x.split(MASK_FRAMES, 1)], 1)  # (B, P, bottleneck)
        seen = F.linear(x.mean(1, keepdim=True) + pieces, *self.context).relu_()
        mask = F.linear(seen, *self.mask).sigmoid().repeat_interleave(MASK_FRAMES, 1)[:, :n]
        return (before + here + after) * mask


def _rectified(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """ReLU of a batch norm of (B, T, D)."""
    return torch.addcmul(shift, x, scale).relu_()


@torch.no_grad()
def _affine(norm: nn.BatchNorm1d) -> tuple[Tensor, Tensor]:
    """Scale and shift (D,) of a batch norm in eval mode."""
    mean, variance = norm.get_buffer("running_mean"), norm.get_buffer("running_var")
    scale = (variance.double() + norm.eps).pow(-0.5)
    shift = -mean * scale
    if norm.affine:
        scale = scale * norm.weight
        shift = norm.bias - mean * scale
    return scale.float(), shift.float()
