"""ELAN's annotation files (.eaf): one tier per speaker, one annotation per turn, times in milliseconds.

The annotations are empty, to be filled with what is said. Source: https://www.mpi.nl/tools/elan/EAFv3.0.xsd.
"""

import warnings
from collections.abc import Iterator, Sequence
from xml.etree import ElementTree

from pysid.errors import DataError, PysidWarning
from pysid.io.files import PathLike
from pysid.io.text import shorten
from pysid.io.turns.cues import RecordingTurns, by_speaker, milliseconds, one_line
from pysid.io.xml_file import read_xml, xml_attribute, xml_text
from pysid.segments import LONGEST_S, Segment, Turn

RECORDING = "pysid:recording"  # a property of the file
NOBODY = "speech"  # the one tier of a recording in which nobody talks

HEADER = """<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT AUTHOR="pysid" DATE="2000-01-01T00:00:00+00:00" FORMAT="3.0" VERSION="3.0"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
    xsi:noNamespaceSchemaLocation="http://www.mpi.nl/tools/elan/EAFv3.0.xsd">
    <HEADER MEDIA_FILE="" TIME_UNITS="milliseconds">
        <PROPERTY NAME="{property}">{recording}</PROPERTY>
    </HEADER>
"""
FOOTER = """    <LINGUISTIC_TYPE GRAPHIC_REFERENCES="false" LINGUISTIC_TYPE_ID="default-lt" TIME_ALIGNABLE="true"/>
</ANNOTATION_DOCUMENT>
"""


def format_elan(recording: str, turns: Sequence[Turn]) -> str:
    """The file of a recording. Overlapping turns of one speaker become one, as annotations of a tier cannot overlap.

    Raises:
        DataError: a name is empty.

    >>> print(format_elan("meeting", [Turn(Segment(0.5, 2.0), "anna")]).partition("</TIME_ORDER>")[2])
        <TIER LINGUISTIC_TYPE_REF="default-lt" PARTICIPANT="anna" TIER_ID="anna">
            <ANNOTATION>
                <ALIGNABLE_ANNOTATION ANNOTATION_ID="a1" TIME_SLOT_REF1="ts1" TIME_SLOT_REF2="ts2">
                    <ANNOTATION_VALUE></ANNOTATION_VALUE>
                </ALIGNABLE_ANNOTATION>
            </ANNOTATION>
        </TIER>
        <LINGUISTIC_TYPE GRAPHIC_REFERENCES="false" LINGUISTIC_TYPE_ID="default-lt" TIME_ALIGNABLE="true"/>
    </ANNOTATION_DOCUMENT>
    """
    tiers = by_speaker(Turn(turn.segment, one_line(turn.speaker)) for turn in turns) or {NOBODY: []}
    slots: list[int] = []
    body = []
    for speaker, segments in tiers.items():
        name = xml_attribute(speaker)
        body.append(f'    <TIER LINGUISTIC_TYPE_REF="default-lt" PARTICIPANT={name} TIER_ID={name}>\n')
        for segment in segments:
            start_ms, end_ms = milliseconds(segment.start_s), milliseconds(segment.end_s)
            if start_ms < end_ms:
                slots += [start_ms, end_ms]
                body.append(_annotation(len(slots)))
        body.append("    </TIER>\n")
    order = "".join(
        f'        <TIME_SLOT TIME_SLOT_ID="ts{i}" TIME_VALUE="{t}"/>\n' for i, t in enumerate(slots, start=1)
    )
    header = HEADER.format(property=RECORDING, recording=xml_text(recording))
    return header + f"    <TIME_ORDER>\n{order}    </TIME_ORDER>\n" + "".join(body) + FOOTER


def read_elan(path: PathLike, recording: str) -> RecordingTurns:
    """Who speaks when: each tier is a speaker, named after its participant or else after the tier.

    Tiers below others, such as those of words, are skipped; so are annotations without times, as in what was imported
    without them.

    Args:
        recording: what it is called where the file does not say.
    Raises:
        DataError: the file cannot be read, is not XML or not ELAN's, or a time is malformed.
    Warns:
        PysidWarning: annotations lack times.
    """
    root = _root(path)
    try:
        slots = {x.get("TIME_SLOT_ID"): _milliseconds(x) for x in root.iterfind("TIME_ORDER/TIME_SLOT")}
        found = [turn for tier in root.iterfind("TIER") for turn in _turns(tier, slots)]
    except ValueError as error:
        raise DataError(f"{path}: {error}") from None
    turns = [turn for turn in found if turn is not None]
    if len(turns) < len(found):
        message = f"{path}: {len(found) - len(turns)} of {len(found)} annotations have no start or end: left out"
        warnings.warn(message, PysidWarning, stacklevel=2)
    names = (x.text for x in root.iterfind("HEADER/PROPERTY") if x.get("NAME") == RECORDING)
    return RecordingTurns(next(names, None) or recording, sorted(turns), None)


def _annotation(n_slots: int) -> str:
    slots = f'TIME_SLOT_REF1="ts{n_slots - 1}" TIME_SLOT_REF2="ts{n_slots}"'
    return (
        f'        <ANNOTATION>\n            <ALIGNABLE_ANNOTATION ANNOTATION_ID="a{n_slots // 2}" {slots}>\n'
        "                <ANNOTATION_VALUE></ANNOTATION_VALUE>\n"
        "            </ALIGNABLE_ANNOTATION>\n        </ANNOTATION>\n"
    )


def _root(path: PathLike) -> ElementTree.Element:
    root = read_xml(path)
    if root.tag != "ANNOTATION_DOCUMENT":
        raise DataError(f"{path}: expected ELAN's ANNOTATION_DOCUMENT, got {shorten(root.tag)}")
    return root


def _milliseconds(slot: ElementTree.Element) -> int | None:
    value = slot.get("TIME_VALUE")
    if value is None:
        return None
    if not value.isdecimal() or len(value) > 15 or int(value) > 1000 * LONGEST_S:
        raise ValueError(f"expected a TIME_VALUE in milliseconds, got {shorten(value)}")
    return int(value)


def _turns(tier: ElementTree.Element, slots: dict[str | None, int | None]) -> Iterator[Turn | None]:
    """The turns of a tier; None for an annotation without times."""
    speaker = (tier.get("PARTICIPANT") or tier.get("TIER_ID") or "").strip()
    if tier.get("PARENT_REF") is not None:
        return
    for annotation in tier.iterfind("ANNOTATION/ALIGNABLE_ANNOTATION"):
        names = [annotation.get("TIME_SLOT_REF1"), annotation.get("TIME_SLOT_REF2")]
        if not set(names) <= slots.keys():
            raise ValueError(f"expected the time slots of annotations in TIME_ORDER, got {names[0]!r}, {names[1]!r}")
        start_ms, end_ms = (slots[name] for name in names)
        if start_ms is None or end_ms is None:
            yield None
            continue
        if start_ms > end_ms:
            raise ValueError(f"expected annotations that end after their start, got {start_ms} and {end_ms} ms")
        if not speaker:
            raise ValueError("expected tiers with a PARTICIPANT or a TIER_ID, the speaker, got one without")
        if start_ms < end_ms:
            yield Turn(Segment(start_ms / 1000, end_ms / 1000), speaker)
