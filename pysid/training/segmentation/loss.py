"""What is trained: the network, and the loss of a batch whose speakers have no order."""

import torch
from torch import Tensor, nn

from pysid.segmentation.network import MelNet, MelNetConfig
from pysid.segmentation.powerset import Powerset
from pysid.segmentation.trunk import Trunk
from pysid.training.trainer import BatchResult


class SegmentationClassifier(nn.Module):
    """The cross-entropy of `permutation_free_loss`; `accuracy` is the share of frames with the right class."""

    def __init__(self, config: MelNetConfig) -> None:
        super().__init__()
        self.network = MelNet(config)
        self._fused: list[Trunk] = []  # a copy, made when the trunk's weights are known; in a list, as it is not saved
        self.register_buffer("orders", torch.from_numpy(config.powerset.permutations), persistent=False)

    def forward(self, features: Tensor, targets: Tensor, step: int) -> BatchResult:
        """The loss of a batch.

        Args:
            features: (B, T, D).
            targets: (B, F, K), as of `permutation_free_loss`.
            step: of the training; other losses change with it, this one does not.
        """
        log_probabilities = self.network(features, self._from_trunk(features))
        targets = targets.float()
        orders: Tensor = self.orders  # type: ignore[assignment]
        best = best_orders(log_probabilities.detach(), targets, orders)
        wanted = reordered(targets, orders[best])
        n_frames = wanted.sum().clamp(min=1.0)
        loss = -(wanted * log_probabilities).sum() / n_frames
        right = wanted.gather(2, log_probabilities.detach().argmax(2, keepdim=True)).sum() / n_frames
        return BatchResult(loss, loss.new_zeros(()), right)

    def _from_trunk(self, features: Tensor) -> Tensor | None:
        """What the trunk makes of the features: it is fixed, so its norms can be part of its convolutions."""
        trunk = self.network.trunk
        if trunk is None:
            return None
        if not self._fused:
            self._fused.append(trunk.fused())
        fused: Tensor = self._fused[0](features)
        return fused


def permutation_free_loss(log_probabilities: Tensor, targets: Tensor, powerset: Powerset) -> Tensor:
    """Cross-entropy in nats a frame, with the speakers of each window in the order that makes it least.

    Args:
        log_probabilities: (B, F, K).
        targets: (B, F, K) distributions; frames of zeros do not count.

    Source: D. Yu et al., "Permutation invariant training of deep models for speaker-independent multi-talker speech
    separation", ICASSP 2017; of sets: Plaquet and Bredin, Interspeech 2023.
    """
    orders = torch.from_numpy(powerset.permutations).to(targets.device)
    best = best_orders(log_probabilities, targets, orders)
    return -(reordered(targets, orders[best]) * log_probabilities).sum() / targets.sum().clamp(min=1.0)


def best_orders(log_probabilities: Tensor, targets: Tensor, orders: Tensor) -> Tensor:
    """(B,) which order of the speakers makes the cross-entropy of each window least.

    Args:
        log_probabilities, targets: (B, F, K), as of `permutation_free_loss`.
        orders: (P, K) of the classes, a row for each order of the speakers.
    """
    # What a class of the target adds where another class is expected: all orders are sums of these.
    pairs = targets.transpose(1, 2) @ log_probabilities  # (B, K wanted, K said)
    n_classes = pairs.shape[1]
    said = torch.arange(n_classes, device=pairs.device)
    likelihoods = torch.stack([pairs[:, order, said].sum(1) for order in orders], 1)  # (B, P)
    return likelihoods.argmax(1)


def reordered(targets: Tensor, orders: Tensor) -> Tensor:
    """Targets (B, F, K) with the classes of each window in its order (B, K)."""
    return targets.gather(2, orders[:, None].expand(-1, targets.shape[1], -1))
