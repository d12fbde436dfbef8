"""A residual network for inference on a CPU: the same numbers to 1e-5, without batch norms after its convolutions.

Utterances of one length go through together, such as the windows of a recording: each convolution first reorders its
weights, which takes as long for one utterance as for many.
"""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from pysid.embedding.resnet import ConvNorm, ResNet

BATCH_FRAMES = 600  # frames that go through together: more would not save time


class ByLength:
    """A folded network that utterances of one length go through together. Several threads can use it at once.

    Args:
        network: what it is; its `config` has the `embedding_dim`.
        dtype: of products and convolutions: float32, or bfloat16, as in `FusedXVector`.
    """

    def __init__(self, network: Any, dtype: torch.dtype) -> None:
        self.network = network
        self.dtype = dtype

    @torch.inference_mode()
    def embed(self, utterances: Sequence[Tensor]) -> Tensor:
        """(N, E) embeddings of N utterances' features, (T_i, feature_dim) each; nothing is padded."""
        found = torch.zeros(len(utterances), self.network.config.embedding_dim)
        with torch.autocast("cpu", self.dtype, enabled=self.dtype != torch.float32):
            for batch in _of_one_length([len(x) for x in utterances]):
                found[batch] = self.network(torch.stack([utterances[i] for i in batch])).float()
        return found


class FusedResNet(ByLength):
    """What a `ResNet` computes in eval mode; `dtype` as of `ByLength`."""

    def __init__(self, network: ResNet, dtype: torch.dtype = torch.float32) -> None:
        copy = deepcopy(network)
        fuse_norms(copy)
        super().__init__(copy.to(memory_format=torch.channels_last), dtype)  # type: ignore[call-overload]


def fuse_norms(network: nn.Module) -> None:
    """Folds the batch norms after convolutions, as in eval mode, into the convolutions' weights; in place."""
    for module in network.modules():
        if isinstance(module, ConvNorm):
            module.conv = fuse_conv_bn_eval(module.conv, module.norm)
            module.norm = nn.Identity()  # type: ignore[assignment]


def _of_one_length(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Indices of utterances of the same length, in groups of at most `BATCH_FRAMES` frames unless one alone is longer.

    >>> list(_of_one_length([150, 900, 150, 150, 150, 150]))
    [[0, 2, 3, 4], [5], [1]]
    """
    by_length: dict[int, list[int]] = {}
    for i, length in enumerate(lengths):
        by_length.setdefault(length, []).append(i)
    for length, own in by_length.items():
        n = max(1, BATCH_FRAMES // max(length, 1))
        yield from (own[start : start + n] for start in range(0, len(own), n))
