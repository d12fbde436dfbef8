"""Speaker diarization: the diarization and the Jaccard error rate of one recording, and where its errors lie.

Both rates are those of pyannote.metrics (Bredin, "pyannote.metrics: a toolkit for reproducible evaluation,
diagnostic, and error analysis of speaker diarization systems", Interspeech 2017). Names of speakers mean nothing:
each reference speaker is paired with at most one speaker of the hypothesis, so that the pairs share as much time as
they can. Turns of one speaker that overlap count once.

Only time inside `uem`, the pieces to score, counts. Where it is None, that is the time from the first start to the
last end of the turns of both, reference and hypothesis, as in pyannote.metrics and dscore; NIST's md-eval takes the
reference's turns alone, and so does not see what the hypothesis adds before or after them.
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pysid.io.turns.annotation import to_annotation
from pysid.io.turns.cues import by_speaker
from pysid.segments import Segment, Turn

if TYPE_CHECKING:
    from pyannote.core import Annotation

ErrorKind = Literal["missed", "false alarm", "confusion"]


@dataclass(frozen=True)
class DerCounts:
    """What the diarization error rate is made of; sums of recordings are sums of counts, not means of rates.

    Attributes:
        total: seconds of speech in the reference; while two speakers talk at once, each second is two.
        missed: seconds of it in which the hypothesis has fewer speakers than the reference, times how many fewer.
        false_alarm: seconds in which it has more, times how many more.
        confusion: seconds of speakers that are neither of these two, but not paired with each other.

    >>> (DerCounts(total=8.0, missed=1.0) + DerCounts(total=2.0, confusion=1.0)).der
    0.2
    """

    total: float = 0.0
    missed: float = 0.0
    false_alarm: float = 0.0
    confusion: float = 0.0

    def __add__(self, other: "DerCounts") -> "DerCounts":
        return DerCounts(
            self.total + other.total,
            self.missed + other.missed,
            self.false_alarm + other.false_alarm,
            self.confusion + other.confusion,
        )

    @property
    def der(self) -> float:
        """A fraction, above 1 where there is much false alarm; without reference speech 0, or 1 if there is any."""
        error = self.missed + self.false_alarm + self.confusion
        if self.total == 0:
            return float(error > 0)
        return error / self.total

    def rates(self) -> dict[str, float]:
        """The rate and its three parts, as fractions of the speech; by names that can be shown.

        >>> DerCounts(total=8.0, missed=1.0, confusion=1.0).rates()
        {'DER': 0.25, 'missed': 0.125, 'false alarm': 0.0, 'confusion': 0.125}
        """
        parts = {"missed": self.missed, "false alarm": self.false_alarm, "confusion": self.confusion}
        total = self.total or 1.0
        return {"DER": self.der} | {name: seconds / total for name, seconds in parts.items()}


@dataclass(frozen=True)
class JerCounts:
    """What the Jaccard error rate is made of.

    Attributes:
        n_speakers: speakers in the reference.
        error: sum of their error rates, each a fraction in [0, 1].

    >>> (JerCounts(n_speakers=3, error=0.5) + JerCounts(n_speakers=1, error=0.5)).jer
    0.25
    """

    n_speakers: int = 0
    error: float = 0.0

    def __add__(self, other: "JerCounts") -> "JerCounts":
        return JerCounts(self.n_speakers + other.n_speakers, self.error + other.error)

    @property
    def jer(self) -> float:
        """A fraction in [0, 1]: the mean over speakers, of all recordings alike; NaN where there is no speaker."""
        return self.error / self.n_speakers if self.n_speakers else math.nan


@dataclass(frozen=True)
class ErrorPiece:
    """A piece of time in which the hypothesis is wrong, always in the same way.

    Attributes:
        segment: when.
        reference: who speaks.
        hypothesis: who speaks according to the hypothesis, under its own names.
        missed, false_alarm, confusion: how many speakers are; never both of the first two.

    The duration of the segment times one of these numbers, summed over pieces, is the field of `DerCounts`.
    """

    segment: Segment
    reference: tuple[str, ...]
    hypothesis: tuple[str, ...]
    missed: int
    false_alarm: int
    confusion: int

    @property
    def kind(self) -> ErrorKind:
        """What to call it in one word: a confusion, even if another speaker is missed or added as well."""
        if self.confusion:
            return "confusion"
        return "missed" if self.missed else "false alarm"


def diarization_error(
    reference: Sequence[Turn],
    hypothesis: Sequence[Turn],
    uem: Sequence[Segment] | None = None,
    *,
    collar_s: float = 0.0,
    skip_overlap: bool = False,
) -> DerCounts:
    """The diarization error of a recording.

    Args:
        uem: the pieces to score, see above.
        collar_s: seconds left out on each side of each boundary of a turn of the reference: md-eval's -c, and half
            of what pyannote.metrics calls the collar. Speakers are paired by what is left (md-eval: by everything).
        skip_overlap: leave out the time in which two speakers or more of the reference talk: md-eval's -1.
    Raises:
        ValueError: collar_s is negative or not finite.

    >>> speaks = [Turn(Segment(0, 6), "anna"), Turn(Segment(6, 10), "ben")]
    >>> diarization_error(speaks, [Turn(Segment(0, 7), "1"), Turn(Segment(7, 9), "2")])
    DerCounts(total=10.0, missed=1.0, false_alarm=0.0, confusion=1.0)
    """
    from pyannote.metrics.diarization import DiarizationErrorRate

    if not 0 <= collar_s < math.inf:
        raise ValueError(f"collar_s must be 0 or more seconds, got {collar_s}")
    metric = DiarizationErrorRate(collar=2 * collar_s, skip_overlap=skip_overlap)
    parts = metric.compute_components(**_inputs(reference, hypothesis, uem))
    return DerCounts(parts["total"], parts["missed detection"], parts["false alarm"], parts["confusion"])


def jaccard_error(
    reference: Sequence[Turn], hypothesis: Sequence[Turn], uem: Sequence[Segment] | None = None
) -> JerCounts:
    """The Jaccard error of a recording: for each speaker, 1 - (time shared / time of either) with the paired one.

    As in dscore there is no collar, and overlapping speech counts. dscore pairs speakers so that this rate is least,
    pyannote.metrics, and so this function, as for the diarization error rate.

    Source: "The Second DIHARD Speech Diarization Challenge", evaluation plan, version 1.1.

    >>> speaks = [Turn(Segment(0, 6), "anna"), Turn(Segment(6, 10), "ben")]
    >>> jaccard_error(speaks, [Turn(Segment(0, 8), "1")])
    JerCounts(n_speakers=2, error=1.25)
    """
    from pyannote.metrics.diarization import JaccardErrorRate

    parts = JaccardErrorRate().compute_components(**_inputs(reference, hypothesis, uem))
    return JerCounts(int(parts["speaker count"]), parts["speaker error"])


def speaker_mapping(
    reference: Sequence[Turn], hypothesis: Sequence[Turn], uem: Sequence[Segment] | None = None
) -> dict[str, str]:
    """{speaker of the hypothesis: speaker of the reference} of the pairs; a speaker left over is not in it.

    >>> speaker_mapping([Turn(Segment(0, 2), "anna")], [Turn(Segment(0, 0.5), "1"), Turn(Segment(0.5, 3), "2")])
    {'2': 'anna'}
    """
    from pyannote.metrics.diarization import DiarizationErrorRate

    inputs = _inputs(reference, hypothesis, uem)
    # pyannote takes an empty uem for none.
    return DiarizationErrorRate().optimal_mapping(**inputs) if inputs["uem"] else {}


def error_pieces(
    reference: Sequence[Turn], hypothesis: Sequence[Turn], uem: Sequence[Segment] | None = None
) -> list[ErrorPiece]:
    """Where a hypothesis is wrong, in order of time, without overlap; see `ErrorPiece` and `diarization_error`.

    >>> (piece,) = error_pieces([Turn(Segment(0, 2), "anna")], [Turn(Segment(0, 3), "1")])
    >>> piece.kind, piece.segment
    ('false alarm', Segment(start_s=2, end_s=3))
    """
    mapping = speaker_mapping(reference, hypothesis, uem)
    pieces = []
    for segment, speaks, said in _stretches(reference, hypothesis, _region(reference, hypothesis, uem)):
        n_right = sum(mapping.get(name) in speaks for name in said)
        missed, false_alarm = max(len(speaks) - len(said), 0), max(len(said) - len(speaks), 0)
        confusion = min(len(speaks), len(said)) - n_right
        if missed or false_alarm or confusion:
            pieces.append(ErrorPiece(segment, speaks, said, missed, false_alarm, confusion))
    return pieces


class _Stretch(NamedTuple):
    """A longest piece of scored time in which the same speakers talk, by the reference and by the hypothesis."""

    segment: Segment
    reference: tuple[str, ...]
    hypothesis: tuple[str, ...]


def _stretches(reference: Sequence[Turn], hypothesis: Sequence[Turn], region: Sequence[Segment]) -> list[_Stretch]:
    stretches: list[_Stretch] = []
    for segment, speaks, said in _steps(reference, hypothesis, region):
        last = stretches[-1] if stretches else None
        if last and last.segment.end_s == segment.start_s and (last.reference, last.hypothesis) == (speaks, said):
            stretches[-1] = _Stretch(Segment(last.segment.start_s, segment.end_s), speaks, said)
        else:
            stretches.append(_Stretch(segment, speaks, said))
    return stretches


def _steps(reference: Sequence[Turn], hypothesis: Sequence[Turn], region: Sequence[Segment]) -> Iterator[_Stretch]:
    """The scored time between each boundary and the next."""
    scored = [Turn(segment, "") for segment in region]
    events = [
        (time_s, step, layer, turn.speaker)
        for layer, turns in enumerate((reference, hypothesis, scored))
        for turn in turns
        for time_s, step in ((turn.segment.start_s, 1), (turn.segment.end_s, -1))
    ]
    active = (Counter[str](), Counter[str](), Counter[str]())
    last_s = 0.0
    for time_s, group in groupby(sorted(events), key=lambda event: event[0]):
        speaks, said, is_scored = (tuple(sorted(+counts)) for counts in active)
        if is_scored and time_s > last_s:
            yield _Stretch(Segment(last_s, time_s), speaks, said)
        for _, step, layer, speaker in group:
            active[layer][speaker] += step
        last_s = time_s


def _region(reference: Sequence[Turn], hypothesis: Sequence[Turn], uem: Sequence[Segment] | None) -> Sequence[Segment]:
    """The pieces to score."""
    if uem is not None:
        return uem
    segments = [turn.segment for turn in (*reference, *hypothesis) if turn.segment.duration_s > 0]
    if not segments:
        return []
    return [Segment(min(s.start_s for s in segments), max(s.end_s for s in segments))]


def _inputs(reference: Sequence[Turn], hypothesis: Sequence[Turn], uem: Sequence[Segment] | None) -> dict[str, Any]:
    """The arguments that metrics of pyannote take; with a uem they do not warn that they had to guess one."""
    from pyannote.core import Segment as Piece
    from pyannote.core import Timeline

    pieces = [Piece(segment.start_s, segment.end_s) for segment in _region(reference, hypothesis, uem)]
    return {
        "reference": _annotation(reference),
        "hypothesis": _annotation(hypothesis),
        "uem": Timeline(pieces),
    }


def _annotation(turns: Sequence[Turn]) -> "Annotation":
    """With the overlapping turns of a speaker made one, as pyannote.metrics would count both."""
    return to_annotation([Turn(segment, name) for name, segments in by_speaker(turns).items() for segment in segments])
