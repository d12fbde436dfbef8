"""What is trained: the network, and the loss of one batch."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pysid.activity.network import OVERLAP, SPEECH, ActivityConfig, ActivityNetwork
from pysid.training.trainer import BatchResult


class ActivityClassifier(nn.Module):
    """The mean cross-entropy of the two decisions; `accuracy` is the share of outputs where both are right."""

    def __init__(self, config: ActivityConfig) -> None:
        super().__init__()
        self.network = ActivityNetwork(config)

    def forward(self, features: Tensor, counts: Tensor, step: int) -> BatchResult:
        """features (B, T, D), speakers of each output (B, T') -> the batch's loss.

        Args:
            features: (B, T, D).
            counts: (B, T') speakers of each output.
            step: of the optimizer; plays no part here.
        """
        log_odds = self.network(features).float()
        truth = torch.stack([counts > 0, counts > 1], dim=-1)
        assert (SPEECH, OVERLAP) == (0, 1)
        loss = F.binary_cross_entropy_with_logits(log_odds, truth.float())
        accuracy = ((log_odds.detach() > 0) == truth).all(-1).float().mean()
        return BatchResult(loss, loss.new_zeros(()), accuracy)
