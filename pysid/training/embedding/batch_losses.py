"""Losses within a batch with several utterances per speaker: no speaker has a vector of its own. The interface is that
of `losses`, but the logits are similarities to the C' speakers of the batch, and so is what is counted as right."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class BatchHead(nn.Module):
    """What the losses within a batch share.

    Sizes: B utterances of C' speakers, of whom each that counts has two or more. A guess is a place in
    `torch.unique(labels)`, not a speaker.
    """

    def forward(self, x: Tensor, labels: Tensor, step: int = 0) -> tuple[Tensor, Tensor]:
        """The loss, and similarities (B or C', C') by which accuracy goes, of embeddings x (B, D) and labels (B,).

        Args:
            x: embeddings.
            labels: of their speakers.
            step: of the optimizer; plays no part.
        Raises:
            ValueError: no speaker has two utterances in the batch.
        """
        with torch.autocast(x.device.type, enabled=False):
            x = x if x.dtype == torch.float64 else x.float()
            _, place = labels.unique(return_inverse=True)
            members = F.one_hot(place).to(x.dtype)  # (B, C')
            if not bool((members.sum(0) > 1).any()):
                raise ValueError(
                    "a loss within a batch needs two chunks of a speaker in it: set chunks.per_speaker to 2 or more"
                )
            return self.similarities(x, place, members)

    def similarities(self, x: Tensor, place: Tensor, members: Tensor) -> tuple[Tensor, Tensor]:
        """The loss, and logits (B, C'), of x (B, E) whose speakers are `place` (B,) and one-hot `members` (B, C')."""
        raise NotImplementedError


class _Scaled(BatchHead):
    """w s + b, w > 0: Wan et al., equation 5; they start at 10 and -5."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(10.0))
        self.bias = nn.Parameter(torch.tensor(-5.0))

    def scaled(self, similarity: Tensor) -> Tensor:
        return self.weight.clamp(min=1e-6) * similarity + self.bias


class GeneralizedEndToEndHead(_Scaled):
    """GE2E: an utterance should be nearest to the mean of its own speaker's other utterances.

    S_ji,k = w cos(e_ji, c_k) + b, c_k the mean of speaker k's embeddings of length 1, without e_ji itself for k = j;
    L = -S_ji,j + log sum_k exp S_ji,k, here the mean and there the sum over all utterances.

    Source: Wan et al., "Generalized end-to-end loss for speaker verification", ICASSP 2018, equations 5, 6, 8 and 9.
    """

    def similarities(self, x: Tensor, place: Tensor, members: Tensor) -> tuple[Tensor, Tensor]:
        """The loss and similarities (B, C'); arguments as of `BatchHead.similarities`."""
        x = F.normalize(x)
        sums, counts = members.T @ x, members.sum(0)
        cosine = x @ F.normalize(sums).T  # of means as of sums
        own = F.cosine_similarity(x, sums[place] - x)
        logits = self.scaled(torch.where(members > 0, own[:, None], cosine))
        counted = counts[place] > 1
        return F.cross_entropy(logits[counted], place[counted]), logits


class PrototypicalHead(_Scaled):
    """Each speaker's last utterance in the batch should be nearest to the mean of that speaker's others.

    S_j,k = -|x_j - c_k|^2, or with `angular` w cos(x_j, c_k) + b; L = -S_j,j + log sum_k exp S_j,k, the mean over
    speakers with two utterances or more; the means of the other speakers are among the c_k all the same.

    Sources: Snell, Swersky and Zemel, "Prototypical networks for few-shot learning", NeurIPS 2017, equations 1 and 2;
    Chung et al., "In defence of metric learning for speaker recognition", Interspeech 2020, equations 5 to 8.
    """

    def __init__(self, angular: bool = True) -> None:
        super().__init__()
        self.angular = angular
        if not angular:
            del self.weight, self.bias

    def similarities(self, x: Tensor, place: Tensor, members: Tensor) -> tuple[Tensor, Tensor]:
        """The loss and similarities of each speaker's query to all prototypes; arguments as of
        `GeneralizedEndToEndHead`.
        """
        order = torch.arange(len(x), device=x.device, dtype=x.dtype)[:, None] + 1
        last = (members * order).argmax(0)  # (C',) the query of each speaker
        counts = members.sum(0)
        alone = counts == 1
        queries = x[last]
        prototypes = (members.T @ x - torch.where(alone[:, None], 0.0, queries)) / (counts - 1 + alone)[:, None]

        def similarity(of: Tensor) -> Tensor:
            if self.angular:
                return self.scaled(F.normalize(of) @ F.normalize(prototypes).T)
            return -torch.cdist(of, prototypes).square()

        logits = similarity(queries)[~alone]
        return F.cross_entropy(logits, (~alone).nonzero()[:, 0]), similarity(x)
