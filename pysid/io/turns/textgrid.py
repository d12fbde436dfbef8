"""Praat TextGrids: an interval tier a speaker, in Praat's long text format.

The intervals of a tier fill the whole recording; where the speaker is silent their text is empty.
Source: https://www.fon.hum.uva.nl/praat/manual/TextGrid_file_formats.html
"""

from collections.abc import Iterator, Sequence

from pysid.io.turns.cues import by_speaker, milliseconds, one_line, seconds_text
from pysid.segments import Segment, Turn

NOBODY = "speech"  # the name of the one tier of a recording in which nobody talks, as Praat wants one

HEADER = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = {end}
tiers? <exists>
size = {size}
item []:
"""
TIER = """    item [{number}]:
        class = "IntervalTier"
        name = {name}
        xmin = 0
        xmax = {end}
        intervals: size = {size}
"""
INTERVAL = """        intervals [{number}]:
            xmin = {start}
            xmax = {end}
            text = {text}
"""


def format_textgrid(turns: Sequence[Turn], duration_s: float) -> str:
    """The TextGrid of a recording of `duration_s`, or longer if a turn ends later; times to the millisecond.

    Turns of one speaker that overlap become one, for a tier holds one interval at a time.

    Raises:
        DataError: a name is empty.

    >>> print(format_textgrid([Turn(Segment(0.5, 2.0), "anna")], 2.0).partition("item [1]:")[2])
            class = "IntervalTier"
            name = "anna"
            xmin = 0
            xmax = 2.000
            intervals: size = 2
            intervals [1]:
                xmin = 0.000
                xmax = 0.500
                text = ""
            intervals [2]:
                xmin = 0.500
                xmax = 2.000
                text = "anna"
    """
    tiers = by_speaker(Turn(turn.segment, one_line(turn.speaker)) for turn in turns) or {NOBODY: []}
    end_ms = milliseconds(max([duration_s, *(turn.segment.end_s for turn in turns)]))
    parts = [HEADER.format(end=seconds_text(end_ms), size=len(tiers))]
    for number, (speaker, segments) in enumerate(tiers.items(), start=1):
        parts.extend(_tier(number, _quoted(speaker), segments, end_ms))
    return "".join(parts)


def _tier(number: int, name: str, segments: Sequence[Segment], end_ms: int) -> Iterator[str]:
    intervals = list(_intervals(segments, end_ms))
    yield TIER.format(number=number, name=name, end=seconds_text(end_ms), size=len(intervals))
    for i, (start_ms, stop_ms, is_speech) in enumerate(intervals, start=1):
        text = name if is_speech else '""'
        yield INTERVAL.format(number=i, start=seconds_text(start_ms), end=seconds_text(stop_ms), text=text)


def _intervals(segments: Sequence[Segment], end_ms: int) -> Iterator[tuple[int, int, bool]]:
    """The segments and the gaps between them, (start, end, is it a segment), in milliseconds from 0 to `end_ms`."""
    last_ms = 0
    for segment in segments:
        start_ms, stop_ms = milliseconds(segment.start_s), milliseconds(segment.end_s)
        if start_ms == stop_ms:
            continue
        if last_ms < start_ms:
            yield last_ms, start_ms, False
        yield start_ms, stop_ms, True
        last_ms = stop_ms
    if last_ms < end_ms:
        yield last_ms, end_ms, False


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
