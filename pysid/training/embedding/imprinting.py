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


class Imprinter:
    """Gathers embeddings of speakers until each that is new has some.

    Args:
        head: of which `rows` are set; its other rows stay.
        rows: (C,) bool: of speakers that are new.
        rows_of: (N,) the speaker of each label that comes with embeddings, `UNLABELLED` for none; None where the labels
            are speakers.
    """

    def __init__(self, head: CosineHead, rows: Tensor, rows_of: Tensor | None = None) -> None:
        self._head = head
        self._new = rows
        self._rows_of = rows_of
        self._sums = head.weight.new_zeros(len(rows), head.weight.shape[1])
        self._counts = torch.zeros_like(rows, dtype=torch.int64)

    @property
    def is_done(self) -> bool:
        """Every new speaker has been heard often enough."""
        return bool((self._counts[self._new] >= ENOUGH).all())

    def add(self, x: Tensor, labels: Tensor) -> None:
        """Embeddings x (B, E) of chunks, and their labels (B,)."""
        rows = labels if self._rows_of is None else self._rows_of[labels]
        known = rows != UNLABELLED
        rows = rows[known]
        self._sums.index_add_(0, rows, F.normalize(x[known].to(self._sums.dtype)))
        self._counts.index_add_(0, rows, torch.ones_like(rows))

    @torch.no_grad()
    def finish(self) -> int:
        """Sets the vectors of the new speakers that were heard; how many these are.

        A vector keeps its length, on which depends how fast it turns. Of several centres of a speaker only the first is
        set: the others are for what is unlike it.
        """
        rows = self._new & (self._counts > 0)
        weight = self._head.weight
        if isinstance(self._head, SubCentreHead):
            weight = weight.unflatten(0, (-1, self._head.n_centres))[:, 0]
        weight[rows] = F.normalize(self._sums[rows]) * weight[rows].norm(dim=1, keepdim=True)
        return int(rows.sum())


def imprinter_for(head: nn.Module, n_classes: int, known: Set[int]) -> Imprinter | None:
    """What imprints the new speakers of a training head; None where it has no vectors of speakers, or none is new.

    A softmax begins with zeros, which pull at nothing.

    Args:
        n_classes: C.
        known: rows that were learnt before.
    """
    rows_of = None
    if isinstance(head, DistillationHead):
        rows_of = head.get_buffer("speakers")
        if head.margin is None:
            return None
        head = head.margin
    if not isinstance(head, CosineHead) or len(known) == n_classes:
        return None
    new = torch.ones(n_classes, dtype=torch.bool, device=head.weight.device)
    new[torch.tensor(sorted(known), dtype=torch.int64, device=new.device)] = False
    return Imprinter(head, new, rows_of)


@torch.no_grad()
def imprint(imprinter: Imprinter, batches: Iterable[tuple[Tensor, Tensor]]) -> int:
    """Imprints from batches of embeddings (B, E) and labels (B,), as many of them as it takes; how many speakers."""
    for x, labels in batches:
        imprinter.add(x, labels)
        if imprinter.is_done:
            break
    return imprinter.finish()
