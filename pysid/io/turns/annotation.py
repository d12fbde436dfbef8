"""Turns as `pyannote.core.Annotation`, the type that pyannote's programs and metrics exchange, and back."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pysid.segments import Segment, Turn

if TYPE_CHECKING:
    from pyannote.core import Annotation


def to_annotation(turns: Sequence[Turn], recording: str | None = None) -> "Annotation":
    """An annotation with one track per turn; it cannot hold turns without a duration.

    >>> to_annotation([Turn(Segment(0.5, 2.0), "anna")]).labels()
    ['anna']
    """
    from pyannote.core import Annotation
    from pyannote.core import Segment as Piece

    annotation = Annotation(uri=recording)
    for track, turn in enumerate(turns):
        annotation[Piece(turn.segment.start_s, turn.segment.end_s), track] = turn.speaker
    return annotation


def from_annotation(annotation: "Annotation") -> list[Turn]:
    """The turns of an annotation by start; what lies before 0, as in pyannote's first frame, is cut off."""
    return [
        Turn(Segment(max(0.0, piece.start), piece.end), str(label))
        for piece, _, label in annotation.itertracks(yield_label=True)
        if piece.end > 0
    ]
