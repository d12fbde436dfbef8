"""EXMARaLDA's basic transcriptions (.exb): a tier of events per speaker, on one timeline.

Events that touch are one contribution of a speaker, cut where others begin or end to speak at the same time, also
within words. Source: the DTD "basic-transcription", version 1.3.2, of https://github.com/Exmaralda-Org/exmaralda.
"""

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple
from xml.etree import ElementTree

from pysid.errors import DataError, PysidWarning
from pysid.io.files import PathLike
from pysid.io.table_formats import finite
from pysid.io.text import shorten
from pysid.io.turns.cues import Cue, RecordingTurns, by_speaker, cues_in_order, one_line, seconds_text, told_apart
from pysid.io.xml_file import read_xml, xml_attribute, xml_text
from pysid.segments import LONGEST_S, Segment, Turn

RECORDING = "pysid:recording"  # an attribute of the file
UNKNOWN = "xxx"  # somebody speaks, and it is not known, or not written down, what
# HIAT's ((unverständlich)), ((unintelligible)), ((incompréhensible))
_UNKNOWN = re.compile(r"\(\((?:unv|unint|inc\.|incompr)[^()]*\)\)", re.IGNORECASE)
_NOT_SPOKEN = re.compile(
    r"\(\([^()]*\)\)"  # ((laughs)), ((1,5s))
    r"|\((?:[.-]{1,3}|~?\d+(?:[.,]\d*)?)s?\)"  # GAT's pauses: (.), (0.5)
)

HEADER = """<?xml version="1.0" encoding="UTF-8"?>
<basic-transcription>
    <head>
        <meta-information>
            <project-name/>
            <transcription-name>{recording}</transcription-name>
            <referenced-file url=""/>
            <ud-meta-information>
                <ud-information attribute-name="{attribute}">{recording}</ud-information>
            </ud-meta-information>
            <comment/>
            <transcription-convention/>
        </meta-information>
        <speakertable>
"""
SPEAKER = """            <speaker id="{id}">
                <abbreviation>{name}</abbreviation>
                <sex value="u"/>
                <languages-used/>
                <l1/>
                <l2/>
                <ud-speaker-information/>
                <comment/>
            </speaker>
"""
BODY = """        </speakertable>
    </head>
    <basic-body>
        <common-timeline>
"""
FOOTER = """    </basic-body>
</basic-transcription>
"""


class Event(NamedTuple):
    """A cell of a tier; the times are None where the timeline has none around it."""

    start_s: float | None
    end_s: float | None
    text: str


class Tier(NamedTuple):
    """What a speaker says: contributions, each of events that touch."""

    speaker: str
    contributions: list[list[Event]]


def format_exmaralda(recording: str, turns: Sequence[Turn]) -> str:
    """The file of a recording, in which each turn is an event "xxx", to be filled.

    Turns of one speaker that overlap or touch are one, as they are to EXMARaLDA.

    Raises:
        DataError: a name is empty.

    >>> print(format_exmaralda("meeting", [Turn(Segment(0.5, 2.0), "anna")]).partition("<common-timeline>")[2])
    <BLANKLINE>
                <tli id="T0" time="0.500"/>
                <tli id="T1" time="2.000"/>
            </common-timeline>
            <tier id="TIE0" speaker="SPK0" category="v" type="t" display-name="anna [v]">
                <event start="T0" end="T1">xxx </event>
            </tier>
        </basic-body>
    </basic-transcription>
    <BLANKLINE>
    """
    talks = by_speaker(Turn(turn.segment, one_line(turn.speaker)) for turn in turns)
    merged = [Turn(segment, speaker) for speaker, segments in talks.items() for segment in segments]
    return exmaralda_text(recording, [(cue, UNKNOWN) for cue in cues_in_order(merged)])


def exmaralda_text(recording: str, said: Sequence[tuple[Cue, str]]) -> str:
    """The file of what is said, an event for each text.

    Args:
        recording: its name.
        said: by start; that of one speaker must not overlap.
    """
    named = xml_text(recording)
    speakers = list(dict.fromkeys(cue.speaker for cue, _ in said))
    times = sorted({time_ms for cue, _ in said for time_ms in (cue.start_ms, cue.end_ms)})
    point = {time_ms: f"T{i}" for i, time_ms in enumerate(times)}
    parts = [HEADER.format(recording=named, attribute=RECORDING)]
    parts += [SPEAKER.format(id=f"SPK{i}", name=xml_text(name)) for i, name in enumerate(speakers)]
    parts.append(BODY)
    parts += [f'            <tli id="{name}" time="{seconds_text(time_ms)}"/>\n' for time_ms, name in point.items()]
    parts.append("        </common-timeline>\n")
    for i, speaker in enumerate(speakers):
        shown = xml_attribute(f"{speaker} [v]")
        parts.append(f'        <tier id="TIE{i}" speaker="SPK{i}" category="v" type="t" display-name={shown}>\n')
        for cue, text in said:
            if cue.speaker == speaker:
                span = f'start="{point[cue.start_ms]}" end="{point[cue.end_ms]}"'
                parts.append(f"            <event {span}>{xml_text(text)} </event>\n")  # words end with a space
        parts.append("        </tier>\n")
    return "".join([*parts, FOOTER])


def read_exmaralda(path: PathLike, recording: str) -> RecordingTurns:
    """Who speaks when: each contribution of a speaker is a turn.

    Speakers are called by their abbreviation. Events that tell of pauses and noises only, as ((coughs)), are skipped.
    Points of the timeline without a time lie between their neighbours, at equal distances, as in EXMARaLDA; where that
    gives a contribution no times, it is skipped.

    Args:
        recording: what it is called where pysid did not write the file.
    Raises:
        DataError: see `read_contributions`.
    Warns:
        PysidWarning: contributions lack times.
    """
    named, tiers = read_contributions(path)
    turns = []
    n_found = 0
    for speaker, contributions in tiers:
        for events in contributions:
            start_s, end_s = times_of(events)
            n_found += start_s is None or end_s is None or start_s < end_s
            if start_s is not None and end_s is not None and start_s < end_s:
                turns.append(Turn(Segment(start_s, end_s), speaker))
    if len(turns) < n_found:
        message = f"{path}: {n_found - len(turns)} of {n_found} contributions have no start or end: left out"
        warnings.warn(message, PysidWarning, stacklevel=2)
    return RecordingTurns(named or recording, sorted(turns), None)


def read_contributions(path: PathLike) -> tuple[str | None, list[Tier]]:
    """What the speakers say, of all tiers of the type "t" that have a speaker: (name of the recording, tiers).

    The name is None where pysid did not write the file.

    Raises:
        DataError: the file cannot be read, is not XML or no basic transcription, a time is malformed, an event ends
            before it starts or names no point of the timeline, or no tier with events has a speaker.
    """
    root = read_xml(path)
    if root.tag != "basic-transcription":
        raise DataError(f"{path}: expected EXMARaLDA's basic-transcription, got {shorten(root.tag)}")
    names = _speakers(root)
    try:
        timeline = _timeline(root)
        tiers = [x for x in root.iterfind("basic-body/tier") if x.get("type") == "t" and x.find("event") is not None]
        spoken = [x for x in tiers if x.get("speaker")]
        if tiers and not spoken:
            raise ValueError("expected a tier of type 't' with a speaker, got none")
        found = [Tier(_name(x, names), list(_contributions(x, timeline))) for x in spoken]
    except ValueError as error:
        raise DataError(f"{path}: {error}") from None
    told = root.iterfind("head/meta-information/ud-meta-information/ud-information")
    return next((x.text for x in told if x.get("attribute-name") == RECORDING), None), found


def times_of(contribution: Sequence[Event]) -> tuple[float | None, float | None]:
    """Start and end of a contribution; None where they are not known."""
    ends_s = [event.end_s for event in contribution]
    return contribution[0].start_s, None if ends_s[-1] is None else max(x for x in ends_s if x is not None)


def spoken_in(text: str) -> str:
    """What is said in an event, without remarks and pauses; "xxx" where it is not understood.

    >>> spoken_in("((0,5s)) But (so) ((unv.)) ")
    'But so xxx'
    """
    text = _NOT_SPOKEN.sub(" ", _UNKNOWN.sub(f" {UNKNOWN} ", text)).replace("(", "").replace(")", "")
    return " ".join(text.replace("•", " ").split())  # HIAT's pauses


def _speakers(root: ElementTree.Element) -> dict[str, str]:
    """{id: what the speaker is called}."""
    table = root.iterfind("head/speakertable/speaker")
    return told_apart({x.get("id", ""): " ".join((x.findtext("abbreviation") or "").split()) for x in table})


def _name(tier: ElementTree.Element, names: Mapping[str, str]) -> str:
    speaker = tier.get("speaker", "")
    return names.get(speaker, speaker)


def _timeline(root: ElementTree.Element) -> dict[str, tuple[int, float | None]]:
    """{point: (place, time in seconds)}; None before the first time and after the last one."""
    points = root.findall("basic-body/common-timeline/tli")
    times = [_time(point.get("time") or "") for point in points]
    known = [i for i, time_s in enumerate(times) if time_s is not None]
    for i, j in pairwise(known):
        first_s, last_s = times[i] or 0.0, times[j] or 0.0
        for k in range(i + 1, j):
            times[k] = round(first_s + (last_s - first_s) * (k - i) / (j - i), 6)
    return {x.get("id", ""): (i, time_s) for i, (x, time_s) in enumerate(zip(points, times, strict=True))}


def _time(text: str) -> float | None:
    if not text.strip():
        return None
    time_s = finite(text, "a time in seconds, 0 or more")
    if not 0 <= time_s <= LONGEST_S:
        raise ValueError(f"expected a time in seconds, 0 or more, got {shorten(text)}")
    return time_s


def _contributions(
    tier: ElementTree.Element, timeline: Mapping[str, tuple[int, float | None]]
) -> Iterator[list[Event]]:
    placed = []
    for event in tier.iterfind("event"):
        text = (event.text or "") + "".join(x.tail or "" for x in event)  # without what <ud-information> tells of it
        if not any(x.isalnum() for x in spoken_in(text)):
            continue
        points = event.get("start", ""), event.get("end", "")
        if not set(points) <= timeline.keys():
            raise ValueError(f"expected events between points of the timeline, got {points[0]!r}, {points[1]!r}")
        (first, start_s), (last, end_s) = (timeline[point] for point in points)
        if first > last or (start_s is not None and end_s is not None and start_s > end_s):
            raise ValueError(f"expected events that end after their start, got {points[0]!r} to {points[1]!r}")
        placed.append((first, last, Event(start_s, end_s, text)))
    contribution: list[Event] = []
    until = -1
    for first, last, found in sorted(placed, key=lambda x: x[:2]):
        if contribution and first > until:
            yield contribution
            contribution = []
        contribution.append(found)
        until = max(until, last)
    if contribution:
        yield contribution
