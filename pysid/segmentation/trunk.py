"""The first stages of a speaker network: what it makes of each stretch of 80 ms.

A segmentation network sees a few thousand hours of mixtures at most, from a thousand or so voices. Frames of a network
that learned to recognise speakers tell far more about who speaks than it could learn from these, also in noisy rooms.

The stages are kept fixed, batch norms included.
"""

from copy import deepcopy
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pysid.embedding.fused.resnet import fuse_norms
from pysid.embedding.resnet import ResNet, ResNetConfig
from pysid.frontend import CmvnConfig, SlidingCmvn

FRAMES = 8  # feature frames to one of the trunk


@dataclass(frozen=True)
class TrunkConfig:
    """Configuration of `Trunk`.

    Attributes:
        resnet: the speaker network.
        cmvn: of its features.
        n_blocks: residual blocks, from the first, that are kept; their strides in time make up 8 frames.
    """

    resnet: ResNetConfig = field(default_factory=ResNetConfig)
    cmvn: CmvnConfig = field(default_factory=lambda: CmvnConfig(window=300, center=True))
    n_blocks: int = 6

    def __post_init__(self) -> None:
        strides = self._strides
        if not 0 < self.n_blocks <= len(strides):
            raise ValueError(f"n_blocks must lie in [1, {len(strides)}], got {self.n_blocks}")
        step = self.resnet.stem_stride[0]
        for stride, _ in strides[: self.n_blocks]:
            step *= stride
        if step != FRAMES:
            raise ValueError(f"expected blocks whose strides make up {FRAMES} frames, got {step}")

    @property
    def _strides(self) -> list[tuple[int, int]]:
        c = self.resnet
        return [s if i == 0 else (1, 1) for s, n in zip(c.strides, c.blocks, strict=True) for i in range(n)]

    @property
    def dim(self) -> int:
        """Numbers of a frame: channels times bands that are left."""
        c = self.resnet
        bands = -(-c.n_bands // c.stem_stride[1])
        for _, stride in self._strides[: self.n_blocks]:
            bands = -(-bands // stride)
        channels = [n for n, blocks in zip(c.channels, c.blocks, strict=True) for _ in range(blocks)]
        return bands * channels[self.n_blocks - 1] * (1 if c.block == "basic" else 4)


class Trunk(nn.Module):
    """The first stages of a speaker network.

    Shape: features (B, T, feature_dim) before CMVN -> (B, ceil(T / 8), dim).
    """

    def __init__(self, config: TrunkConfig) -> None:
        super().__init__()
        self.config = config
        whole = ResNet(config.resnet)
        self.cmvn = SlidingCmvn(config.cmvn)
        self.stem = whole.stem
        self.blocks = whole.blocks[: config.n_blocks]
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> "Trunk":
        """Stays in eval mode."""
        return super().train(False)

    def take(self, network: ResNet) -> None:
        """Takes the weights of a speaker network of the same form."""
        self.stem.load_state_dict(network.stem.state_dict())
        self.blocks.load_state_dict(network.blocks[: self.config.n_blocks].state_dict())

    def fused(self) -> "Trunk":
        """A copy whose convolutions hold the batch norms, which is quicker."""
        copy = deepcopy(self)
        fuse_norms(copy)
        return copy.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @torch.no_grad()
    def forward(self, features: Tensor) -> Tensor:
        """As the class says."""
        x = self.cmvn(features)[..., int(self.config.resnet.skip_energy) :]
        if self.config.resnet.subtract_mean:
            x = x - x.mean(1, keepdim=True)
        x = F.relu(self.stem(x[:, None].contiguous(memory_format=torch.channels_last)))
        for block in self.blocks:
            x, _ = block(x, None)
        return x.permute(0, 2, 3, 1).flatten(2)
