"""What is trained: a network with a head on top, and the loss of one batch."""

from torch import Tensor, nn

from pysid.embedding.networks import TrainableConfig, make_network
from pysid.embedding.pooling import diversity_penalty
from pysid.training.embedding.batch_losses import BatchHead
from pysid.training.embedding.distillation import Lessons
from pysid.training.embedding.heads import make_head
from pysid.training.embedding.losses import HeadConfig
from pysid.training.trainer import BatchResult


class SpeakerClassifier(nn.Module):
    """An embedding network and a training head.

    Args:
        diversity_weight: factor of the attention heads' diversity penalty; 0 for none.
        lessons: of the teachers, where the head is that of a distillation.
    """

    def __init__(
        self,
        network: TrainableConfig,
        head: HeadConfig,
        n_speakers: int,
        diversity_weight: float = 0.0,
        lessons: Lessons | None = None,
    ) -> None:
        super().__init__()
        self.network = make_network(network)
        self.head = make_head(head, network.classifier_dim, n_speakers, lessons)
        self.diversity_weight = diversity_weight

    def forward(self, features: Tensor, labels: Tensor, step: int) -> BatchResult:
        """features (B, T, D), labels (B,), number of the optimizer step -> the batch's loss.

        Args:
            features: (B, T, D).
            labels: (B,) classes.
            step: of the optimizer, by which margins grow.
        """
        x, attention = self.network.classifier_input(features)
        loss, logits = self.head(x, labels, step)
        penalty = loss.new_zeros(())
        if attention is not None and self.diversity_weight:
            penalty = self.diversity_weight * diversity_penalty(attention)
        if logits.ndim == 0:  # of a distillation, which guesses no speaker
            return BatchResult(loss + penalty, penalty, logits)
        if isinstance(self.head, BatchHead):
            _, labels = labels.unique(return_inverse=True)
        accuracy = (logits.detach().argmax(dim=1) == labels).float().mean()
        return BatchResult(loss + penalty, penalty, accuracy)
