"""What callers give: sources that can be cut up, and what is done with the parts."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Protocol, Self, TypeVar

import numpy as np

from pysid.io.spooled_rows import SpooledRows

Part_contra = TypeVar("Part_contra", contravariant=True)
Result_co = TypeVar("Result_co", covariant=True)
Results = Iterable[tuple[str, np.ndarray | SpooledRows | str]]
"""Arrays by name, those that are too large to be held on disk, or one line that says why there is none."""


class Source(Protocol):
    """Utterances that can be read by name."""

    @property
    def keys(self) -> Sequence[str]:
        """Their names, in order."""
        ...

    def part(self, keys: Iterable[str]) -> Self:
        """Some of them, in the order given."""
        ...

    def entry(self, key: str) -> str:
        """Where an utterance comes from; it changes where the tables do."""
        ...

    def absolute(self) -> Self:
        """The same for a process with another working folder."""
        ...


class Work(Hashable, Protocol[Part_contra, Result_co]):
    """What is done with each part. It is sent along with every part, so it is small: paths, no models or tables."""

    def open(self) -> Callable[[Part_contra], Result_co]:
        """Loads what the work takes, such as a model; called once in each process."""
        ...


SourceT_contra = TypeVar("SourceT_contra", bound=Source, contravariant=True)


class ShardWork(Hashable, Protocol[SourceT_contra]):
    """Makes arrays, or reasons why there is none, of a stretch of utterances. See `Work`."""

    def open(self) -> Callable[[SourceT_contra], Results]:
        """What does the work; called once in each worker, so that a model is opened there."""
