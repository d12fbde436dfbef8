"""A residual network for inference on a CPU: the same numbers to 1e-5, without batch norms behind its convolutions."""

from collections.abc import Sequence
from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from pysid.embedding.resnet import ConvNorm, ResNet


class FusedResNet:
    """What a `ResNet` computes in eval mode. Several threads can use it at a time.

    Args:
        dtype: that of the convolutions: float32, or bfloat16, as in `FusedXVector`.
    """

    def __init__(self, network: ResNet, dtype: torch.dtype = torch.float32) -> None:
        self.dtype = dtype
        self.network = deepcopy(network)
        for module in self.network.modules():
            if isinstance(module, ConvNorm):
                module.conv = fuse_conv_bn_eval(module.conv, module.norm)
                module.norm = nn.Identity()  # type: ignore[assignment]
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @torch.inference_mode()
    def embed(self, utterances: Sequence[Tensor]) -> Tensor:
        """(N, E) embeddings of N utterances' features, (T_i, feature_dim) each; one by one, so nothing is padded."""
        with torch.autocast("cpu", self.dtype, enabled=self.dtype != torch.float32):
            found = [self.network(x[None])[0].float() for x in utterances]
        return torch.stack(found) if found else torch.zeros(0, self.network.config.embedding_dim)
