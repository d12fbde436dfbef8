"""Where the speakers of an angular head begin, if the network below it has learnt something already.

A trained network on which a head of random vectors is put is pulled towards them, and forgets, until the head has
learnt: with few utterances a speaker that is all of a fine-tuning. So each vector begins as the mean direction of the
network's embeddings of its speaker.

Source: Qi, Brown and Lowe, "Low-shot learning with imprinted weights", CVPR 2018.
"""

from collections.abc import Iterable, Set

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pysid.training.embedding.distillation import UNLABELLED, DistillationHead
from pysid.training.embedding.hard_losses import SubCentreHead
from pysid.training.embedding.losses import CosineHead

ENOUGH = 3  # chunks of a speaker, for a mean


@torch.no_grad()
def imprint(head: nn.Module, known: Set[int], batches: Iterable[tuple[Tensor, Tensor]]) -> int:
    """Sets the vectors of the speakers of an angular head, or of the margin beside a distillation, that are new to it.

    A vector keeps its length, on which depends how fast it turns. Of several centres of a speaker only the first is
    set: the others are for what is unlike it. Other heads are left as they are: a softmax begins with zeros, which pull
    at nothing.

    Args:
        known: the classes that were learnt before, whose vectors stay.
        batches: embeddings (B, E) of chunks and their labels (B,), of which no more are taken than new speakers need.
    Returns:
        how many vectors were set; those of speakers of whom nothing was heard stay random.
    """
    angular: nn.Module | None = head
    classes_of = None
    if isinstance(head, DistillationHead):
        angular, classes_of = head.margin, head.get_buffer("speakers")  # its labels are utterances
    if not isinstance(angular, CosineHead):
        return 0
    vectors: Tensor = angular.weight
    if isinstance(angular, SubCentreHead):
        vectors = vectors.unflatten(0, (-1, angular.n_centres))[:, 0]
    new = torch.ones(len(vectors), dtype=torch.bool, device=vectors.device)
    new[list(known)] = False
    if not bool(new.any()):
        return 0
    sums, counts = torch.zeros_like(vectors), torch.zeros_like(new, dtype=torch.int64)
    for x, labels in batches:
        classes = labels if classes_of is None else classes_of[labels]
        has_class = classes != UNLABELLED
        classes = classes[has_class]
        sums.index_add_(0, classes, F.normalize(x[has_class].to(sums.dtype)))
        counts.index_add_(0, classes, torch.ones_like(classes))
        if bool((counts[new] >= ENOUGH).all()):
            break
    heard = new & (counts > 0)
    vectors[heard] = F.normalize(sums[heard]) * vectors[heard].norm(dim=1, keepdim=True)
    return int(heard.sum())
