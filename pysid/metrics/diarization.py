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
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from itertools import count, groupby, product
from string import ascii_uppercase
from typing import Literal, NamedTuple

from pysid.io.turns.cues import by_speaker
from pysid.metrics.sweep import NOTHING_S, Span, Tracks, best_pairs, common, doubled, joined, seconds, without
from pysid.segments import Segment, Turn

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
    if not 0 <= collar_s < math.inf:
        raise ValueError(f"collar_s must be 0 or more seconds, got {collar_s}")
    scored = _scored(reference, hypothesis, uem, collar_s, skip_overlap)
    mapping = best_pairs(scored.hypothesis, scored.reference)
    counts = DerCounts()
    for (start_s, end_s), speaks, said, n_right in _moments(scored, mapping):
        duration_s, n_speak, n_said = end_s - start_s, len(speaks), len(said)
        counts += DerCounts(
            total=duration_s * n_speak,
            missed=duration_s * max(n_speak - n_said, 0),
            false_alarm=duration_s * max(n_said - n_speak, 0),
            confusion=duration_s * (min(n_speak, n_said) - n_right),
        )
    return counts


def jaccard_error(
    reference: Sequence[Turn], hypothesis: Sequence[Turn], uem: Sequence[Segment] | None = None
) -> JerCounts:
    """The Jaccard error of a recording: for each speaker, 1 - (time shared / time of either) with the paired one.

    As in dscore there is no collar, and overlapping speech counts. dscore pairs speakers so that this rate is least,
    pyannote.metrics, and so this function, as for the diarization error rate.

    Args:
        reference: the truth.
        hypothesis: what was found.
        uem: the pieces to score; None is from the first start to the last end.
    Source: "The Second DIHARD Speech Diarization Challenge", evaluation plan, version 1.1.

    >>> speaks = [Turn(Segment(0, 6), "anna"), Turn(Segment(6, 10), "ben")]
    >>> jaccard_error(speaks, [Turn(Segment(0, 8), "1")])
    JerCounts(n_speakers=2, error=1.25)
    """
    scored = _scored(reference, hypothesis, uem)
    mapping = best_pairs(scored.reference, scored.hypothesis)
    error = 0.0
    for name, speaks in scored.reference.items():
        said = scored.hypothesis[mapping[name]] if name in mapping else ()
        error += _jaccard_distance(speaks, said) if said else 1.0
    return JerCounts(len(scored.reference), error)


def speaker_mapping(
    reference: Sequence[Turn], hypothesis: Sequence[Turn], uem: Sequence[Segment] | None = None
) -> dict[str, str]:
    """{speaker of the hypothesis: speaker of the reference} of the pairs; a speaker left over is not in it.

    Args:
        reference: the truth.
        hypothesis: what was found.
        uem: the pieces that count; None is from the first start to the last end.

    >>> speaker_mapping([Turn(Segment(0, 2), "anna")], [Turn(Segment(0, 0.5), "1"), Turn(Segment(0.5, 3), "2")])
    {'2': 'anna'}
    """
    scored = _scored(reference, hypothesis, uem)
    return best_pairs(scored.hypothesis, scored.reference)


def error_pieces(
    reference: Sequence[Turn], hypothesis: Sequence[Turn], uem: Sequence[Segment] | None = None
) -> list[ErrorPiece]:
    """Where a hypothesis is wrong, in order of time, without overlap; see `ErrorPiece` and `diarization_error`.

    Args:
        reference: the truth.
        hypothesis: what was found.
        uem: the pieces to score; None is from the first start to the last end.

    >>> (piece,) = error_pieces([Turn(Segment(0, 2), "anna")], [Turn(Segment(0, 3), "1")])
    >>> piece.kind, piece.segment
    ('false alarm', Segment(start_s=2, end_s=3))
    """
    scored = _scored(reference, hypothesis, uem)
    pieces: list[ErrorPiece] = []
    for (start_s, end_s), speaks, said, n_right in _moments(scored, best_pairs(scored.hypothesis, scored.reference)):
        missed, false_alarm = max(len(speaks) - len(said), 0), max(len(said) - len(speaks), 0)
        confusion = min(len(speaks), len(said)) - n_right
        if missed or false_alarm or confusion:
            names, said_names = tuple(sorted(speaks)), tuple(sorted(said))
            piece = ErrorPiece(Segment(start_s, end_s), names, said_names, missed, false_alarm, confusion)
            last = pieces[-1] if pieces else None
            if last and last.segment.end_s == start_s and (last.reference, last.hypothesis) == (names, said_names):
                pieces[-1] = replace(piece, segment=Segment(last.segment.start_s, end_s))
            else:
                pieces.append(piece)
    return pieces


class _Scored(NamedTuple):
    """What of the turns lies in the time that is scored."""

    reference: Tracks
    hypothesis: Tracks


def _scored(
    reference: Sequence[Turn],
    hypothesis: Sequence[Turn],
    uem: Sequence[Segment] | None,
    collar_s: float = 0.0,
    skip_overlap: bool = False,
) -> _Scored:
    speaks, said = _tracks(reference), _tracks(hypothesis)
    if uem is not None:
        region = joined((segment.start_s, segment.end_s) for segment in uem)
    else:
        spans = [span for tracks in (speaks, said) for own in tracks.values() for span in own]
        region = [(min(span[0] for span in spans), max(span[1] for span in spans))] if spans else []
    if collar_s > 0:
        bounds = [time_s for own in speaks.values() for span in own for time_s in span]
        region = without(region, joined((time_s - collar_s, time_s + collar_s) for time_s in bounds))
    if skip_overlap:
        region = without(region, doubled(speaks))
    # pyannote.metrics names speakers A, B ... Z, AA ... and 0, 1, 2 ... and sorts them as words: so equally good
    # pairings are chosen alike, and speakers added up in one order.
    return _Scored(_within_region(speaks, region, _letters()), _within_region(said, region, map(str, count())))


def _tracks(turns: Sequence[Turn]) -> dict[str, list[Span]]:
    """With the overlapping turns of a speaker made one."""
    return {
        name: [(segment.start_s, segment.end_s) for segment in segments if segment.duration_s > NOTHING_S]
        for name, segments in by_speaker(turns).items()
    }


def _within_region(tracks: Tracks, region: Sequence[Span], names: Iterator[str]) -> Tracks:
    inside = {name: common(tracks[name], region) for name in sorted(tracks)}
    numbered = sorted(zip(names, (name for name, spans in inside.items() if spans), strict=False))
    return {name: inside[name] for _, name in numbered}


def _letters() -> Iterator[str]:
    return ("".join(word) for length in count(1) for word in product(ascii_uppercase, repeat=length))


def _jaccard_distance(speaks: Sequence[Span], said: Sequence[Span]) -> float:
    """The time in which one of two speakers talks and the other does not, as a share of the time of either."""
    false_alarm = seconds(joined(said)) - seconds(joined(common(said, joined(speaks))))
    missed = seconds(joined(speaks)) - seconds(joined(common(speaks, joined(said))))
    return (false_alarm + missed) / seconds(joined([*speaks, *said]))


class _Moment(NamedTuple):
    """A piece of time with those who talk in it, by the reference and by the hypothesis, and how many pairs are both.

    The sets are those of one walk, and change when it goes on.
    """

    span: Span
    reference: Set[str]
    hypothesis: Set[str]
    n_right: int


def _moments(scored: _Scored, mapping: Mapping[str, str]) -> Iterator[_Moment]:
    """The scored time from each start or end of somebody's speech to the next, in order."""
    partners = ({speaks: said for said, speaks in mapping.items()}, mapping)
    events = sorted(
        (time_s, step, layer, name)
        for layer, tracks in enumerate(scored)
        for name, spans in tracks.items()
        for start_s, end_s in spans
        for time_s, step in ((start_s, 1), (end_s, -1))
    )
    talking: tuple[set[str], set[str]] = (set(), set())
    n_right, last_s = 0, 0.0
    for time_s, group in groupby(events, key=lambda event: event[0]):
        if any(talking) and time_s - last_s > NOTHING_S:
            yield _Moment((last_s, time_s), *talking, n_right)
        for _, step, layer, name in group:  # ends come first
            (talking[layer].add if step > 0 else talking[layer].discard)(name)
            n_right += step * (partners[layer].get(name) in talking[1 - layer])
        last_s = time_s
