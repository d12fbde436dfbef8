"""Sets of speakers as classes: nobody, each speaker alone, each two together ...

Source: A. Plaquet and H. Bredin, "Powerset multi-class cross entropy loss for neural speaker diarization", Interspeech
2023. The order of classes is that of pyannote.audio: by size, then as itertools.combinations has them.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, permutations

import numpy as np

MOST_SPEAKERS = 8  # whose 40,320 orders are listed


@dataclass(frozen=True)
class Powerset:
    """The K sets of at most `max_together` of `n_speakers` speakers.

    >>> Powerset(3, 2).sets
    ((), (0,), (1,), (2,), (0, 1), (0, 2), (1, 2))
    """

    n_speakers: int = 3
    max_together: int = 2

    def __post_init__(self) -> None:
        if not 1 <= self.max_together <= self.n_speakers:
            raise ValueError(
                f"expected 1 <= max_together <= n_speakers, got {self.max_together} and {self.n_speakers} speakers"
            )
        if self.n_speakers > MOST_SPEAKERS:
            raise ValueError(f"expected at most {MOST_SPEAKERS} speakers, got {self.n_speakers}")

    def __len__(self) -> int:
        return len(self.sets)

    @cached_property
    def sets(self) -> tuple[tuple[int, ...], ...]:
        """The speakers of each class."""
        sizes = range(self.max_together + 1)
        return tuple(group for size in sizes for group in combinations(range(self.n_speakers), size))

    @cached_property
    def matrix(self) -> np.ndarray:
        """(K, S) float32: 1 where the class has the speaker.

        Probabilities of classes (..., K) times this matrix are those of speakers (..., S).
        """
        matrix = np.zeros((len(self.sets), self.n_speakers), np.float32)
        for k, group in enumerate(self.sets):
            matrix[k, list(group)] = 1.0
        return matrix

    @cached_property
    def permutations(self) -> np.ndarray:
        """(S!, K) int64: the classes after each reordering of speakers, the first of which changes nothing.

        For P = permutations[i] of the order o = list(itertools.permutations(range(S)))[i]: `posteriors[..., P]` is what
        a network says whose speaker j is the former speaker o[j].

        >>> Powerset(2, 2).permutations
        array([[0, 1, 2, 3],
               [0, 2, 1, 3]])
        """
        index = {group: k for k, group in enumerate(self.sets)}
        rows = [
            [index[tuple(sorted(order[s] for s in group))] for group in self.sets]
            for order in permutations(range(self.n_speakers))
        ]
        return np.array(rows, np.int64)

    def classes(self, active: np.ndarray) -> np.ndarray:
        """(...,) int64: the class of who speaks, (..., S) bool. Of more than `max_together`, the first ones count.

        >>> Powerset(3, 2).classes(np.array([[0, 0, 0], [0, 1, 0], [1, 0, 1]], bool))
        array([0, 2, 5])
        """
        active = np.asarray(active, bool)
        if active.shape[-1] != self.n_speakers:
            raise ValueError(f"expected {self.n_speakers} speakers, got {active.shape[-1]}")
        kept = active & (active.cumsum(-1) <= self.max_together)
        codes = kept @ (1 << np.arange(self.n_speakers))
        table = np.zeros(1 << self.n_speakers, np.int64)
        for k, group in enumerate(self.sets):
            table[sum(1 << s for s in group)] = k
        return np.asarray(table[codes])

    def active(self, classes: np.ndarray) -> np.ndarray:
        """(..., S) bool: who speaks, of classes (...,); the inverse of `classes`."""
        return np.asarray(self.matrix[classes] > 0)
