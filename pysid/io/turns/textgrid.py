"""Praat TextGrids: one interval tier per speaker, in Praat's long text format.

The intervals of a tier fill the whole recording; where the speaker is silent their text is empty.
Source: https://www.fon.hum.uva.nl/praat/manual/TextGrid_file_formats.html
"""

import math
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pysid.errors import DataError
from pysid.io.files import PathLike, read_bytes
from pysid.io.text import shorten
from pysid.io.turns.cues import by_speaker, milliseconds, one_line, seconds_text
from pysid.segments import LONGEST_S, Segment, Turn

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


MAX_BYTES = 1 << 28
TOKEN = re.compile(r'"((?:[^"]|"")*)"|(?<!\S)([-+]?\d[\d.eE+-]*%?)(?!\S)')  # what Praat reads: all else is comment
INTERVALS = "IntervalTier"
N_VALUES = {INTERVALS: 3, "TextTier": 2}  # of an interval or a point


class Tier(NamedTuple):
    """The intervals of a tier: start and end in seconds, and the text."""

    name: str
    intervals: list[tuple[float, float, str]]


def read_tiers(path: PathLike) -> list[Tier]:
    """The interval tiers of a TextGrid, in Praat's long or short text format; tiers of points are skipped.

    Raises:
        DataError: the file cannot be read, is not a TextGrid in text, is neither UTF-16 nor UTF-8, or is cut off.
    """
    tokens = _tokens(path, _text(path))
    try:
        kind, holds = next(tokens), next(tokens)
        if kind != "ooTextFile" or holds != "TextGrid":
            raise DataError(f"{path}: expected a TextGrid, got {shorten(str(kind))} of {shorten(str(holds))}")
        _number(path, next(tokens)), _number(path, next(tokens))
        return [tier for _ in range(int(_number(path, next(tokens)))) if (tier := _read_tier(path, tokens)) is not None]
    except StopIteration:
        raise DataError(f"{path}: expected a whole TextGrid, got one that is cut off") from None


def read_textgrid(path: PathLike) -> tuple[list[Turn], float | None]:
    """Who speaks when, and how long the recording is, by a TextGrid: a tier is a speaker, an interval with text a turn.

    With a single tier whose texts differ from its name, the texts are the speakers.

    Raises:
        DataError: see `read_tiers`.
    """
    tiers = read_tiers(path)
    spoken = [(tier.name.strip(), piece) for tier in tiers for piece in tier.intervals if piece[2].strip()]
    by_text = len(tiers) == 1 and any(text.strip() != name for name, (_, _, text) in spoken)
    turns = [Turn(Segment(a, b), (text if by_text else name).strip()) for name, (a, b, text) in spoken if b > a]
    if any(not turn.speaker for turn in turns):
        raise DataError(f"{path}: expected tiers with names, those of the speakers, got one without")
    return sorted(turns), max((piece[1] for tier in tiers for piece in tier.intervals), default=None)


def format_textgrid(turns: Sequence[Turn], duration_s: float) -> str:
    """The TextGrid of a recording of `duration_s`, or longer if a turn ends later; times to the millisecond.

    Overlapping turns of one speaker become one, as a tier holds one interval at a time.

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


def _text(path: PathLike) -> str:
    data = read_bytes(path, MAX_BYTES)
    try:
        return data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"{path}: expected UTF-8 or UTF-16 text") from None


def _tokens(path: PathLike, text: str) -> Iterator[str | float]:
    for quoted, number in TOKEN.findall(text):
        if not number:
            yield quoted.replace('""', '"')
            continue
        try:
            value = float(number)
        except ValueError:
            value = math.inf
        if not abs(value) <= LONGEST_S:
            raise DataError(f"{path}: expected a number of at most {LONGEST_S:g}, got {shorten(number)}")
        yield value


def _read_tier(path: PathLike, tokens: Iterator[str | float]) -> Tier | None:
    kind, name = str(next(tokens)), str(next(tokens))
    if kind not in N_VALUES:
        raise DataError(f"{path}: expected an IntervalTier or a TextTier, got {shorten(kind)}")
    _number(path, next(tokens)), _number(path, next(tokens))
    intervals = []
    for _ in range(int(_number(path, next(tokens)))):
        *times, text = [next(tokens) for _ in range(N_VALUES[kind])]
        start_s, end_s = _number(path, times[0]), _number(path, times[-1])
        if kind == INTERVALS and not 0 <= start_s <= end_s < float("inf"):
            raise DataError(
                f"{path}: expected intervals that start at 0 s or later and end after, got {start_s}, {end_s}"
            )
        intervals.append((start_s, end_s, str(text)))
    return Tier(name, intervals) if kind == INTERVALS else None


def _number(path: PathLike, token: str | float) -> float:
    if not isinstance(token, float):
        raise DataError(f"{path}: expected a number, got the text {shorten(token)}")
    return token
