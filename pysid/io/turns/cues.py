"""Turns as text formats hold them: in whole milliseconds, under names of one line; and by speaker."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from pysid.errors import DataError
from pysid.segments import Segment, Turn


class RecordingTurns(NamedTuple):
    """The turns of a recording as a file has them; `duration_s` is None where the file does not give the length."""

    recording: str
    turns: list[Turn]
    duration_s: float | None


class Cue(NamedTuple):
    """A turn in whole milliseconds; `end_ms` is exclusive and above `start_ms`."""

    start_ms: int
    end_ms: int
    speaker: str


def milliseconds(seconds: float) -> int:
    """The nearest whole millisecond."""
    return round(1000 * seconds)


def cues(turns: Iterable[Turn]) -> list[Cue]:
    """The turns in whole milliseconds, in the order given.

    Starts and ends are rounded, durations are not: so turns that touch go on touching, and no error adds up. A
    turn that is rounded to nothing is left out, as programs that read RTTM or WebVTT refuse one without a duration.

    >>> cues([Turn(Segment(0.0, 1.2345), "a"), Turn(Segment(1.2345, 1.5), "b")])
    [Cue(start_ms=0, end_ms=1234, speaker='a'), Cue(start_ms=1234, end_ms=1500, speaker='b')]
    """
    rounded = (Cue(milliseconds(t.segment.start_s), milliseconds(t.segment.end_s), t.speaker) for t in turns)
    return [cue for cue in rounded if cue.end_ms > cue.start_ms]


def cues_in_order(turns: Iterable[Turn]) -> list[Cue]:
    """`cues` by their start, each speaker's name on one line, as formats for showing turns want them."""
    return sorted(cue._replace(speaker=one_line(cue.speaker)) for cue in cues(turns))


def seconds_text(time_ms: int) -> str:
    """Seconds with three decimals.

    >>> seconds_text(61002)
    '61.002'
    """
    return f"{time_ms // 1000}.{time_ms % 1000:03d}"


def one_line(name: str) -> str:
    r"""A name with a single space for each run of white space, so that it stays on its line.

    Raises:
        DataError: nothing is left of it.

    >>> one_line(" Ana\tMaria\n")
    'Ana Maria'
    """
    line = " ".join(name.split())
    if not line:
        raise DataError(f"expected a speaker's name, got {name!r}")
    return line


def told_apart(names: Mapping[str, str]) -> dict[str, str]:
    """What speakers are called, by the codes that stand for them in a file.

    That is the name; the code where it is empty, or where several have the same.

    >>> told_apart({"MOT": "Mary", "CHI": "", "BRO": "Tom", "FAT": "Tom"})
    {'MOT': 'Mary', 'CHI': 'CHI', 'BRO': 'BRO', 'FAT': 'FAT'}
    """
    shown = list(names.values())
    return {code: name if name and shown.count(name) == 1 else code for code, name in names.items()}


def by_speaker(turns: Iterable[Turn]) -> dict[str, list[Segment]]:
    """When each speaker talks: segments by start, with overlapping ones of a speaker merged.

    Segments that only touch stay apart, and those without a duration are left out. Speakers come in the order
    in which they first talk.

    >>> by_speaker([Turn(Segment(1, 3), "b"), Turn(Segment(0, 1), "a"), Turn(Segment(2, 4), "b")])
    {'a': [Segment(start_s=0, end_s=1)], 'b': [Segment(start_s=1, end_s=4)]}
    """
    talks: dict[str, list[Segment]] = {}
    for turn in sorted(turns):
        if turn.segment.duration_s > 0:
            _append(talks.setdefault(turn.speaker, []), turn.segment)
    return talks


def _append(segments: list[Segment], segment: Segment) -> None:
    """Adds a segment that does not start before the last one, which grows if the two overlap."""
    if segments and segment.start_s < segments[-1].end_s:
        segments[-1] = Segment(segments[-1].start_s, max(segments[-1].end_s, segment.end_s))
    else:
        segments.append(segment)
