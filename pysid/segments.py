"""Pieces of time: a part of a recording, and a part of it that one speaker speaks."""

from dataclasses import dataclass

LONGEST_S = 1e9  # thirty years; beyond this a time in a file is a mistake


@dataclass(frozen=True, order=True)
class Segment:
    """The half-open piece of time [start_s, end_s) of a recording, in seconds.

    >>> Segment(1.0, 2.5).duration_s
    1.5
    """

    start_s: float
    end_s: float

    def __post_init__(self) -> None:
        if not 0 <= self.start_s <= self.end_s:
            raise ValueError(f"a segment needs 0 <= start <= end, got [{self.start_s}, {self.end_s})")

    @property
    def duration_s(self) -> float:
        """Its length in seconds."""
        return self.end_s - self.start_s


@dataclass(frozen=True, order=True)
class Turn:
    """A `Segment` in which `speaker` talks; `speaker` is a label that means something within one recording."""

    segment: Segment
    speaker: str
