"""Subtitles: SubRip (.srt) and WebVTT (.vtt), a cue a turn, whose text is the speaker's name.

Players show cues that overlap in time above one another, so turns that overlap need no care.
"""

from collections.abc import Sequence

from pysid.io.turns.cues import cues_in_order
from pysid.segments import Turn

VTT_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def format_srt(turns: Sequence[Turn]) -> str:
    """SubRip. The format has no escapes, so names stand as they are.

    Raises:
        DataError: a name is empty.

    >>> from pysid.segments import Segment
    >>> print(format_srt([Turn(Segment(0.5, 3661.25), "anna")]), end="")
    1
    00:00:00,500 --> 01:01:01,250
    anna
    """
    blocks = (
        f"{number}\n{_clock(cue.start_ms, ',')} --> {_clock(cue.end_ms, ',')}\n{cue.speaker}\n"
        for number, cue in enumerate(cues_in_order(turns), start=1)
    )
    return "\n".join(blocks)


def format_vtt(turns: Sequence[Turn]) -> str:
    """WebVTT, each name marked as a voice too, so that a style sheet can colour it.

    Raises:
        DataError: a name is empty.
    Source: https://www.w3.org/TR/webvtt1

    >>> from pysid.segments import Segment
    >>> print(format_vtt([Turn(Segment(0.5, 2.0), "anna")]), end="")
    WEBVTT
    <BLANKLINE>
    00:00:00.500 --> 00:00:02.000
    <v anna>anna
    """
    blocks = ["WEBVTT\n"]
    for cue in cues_in_order(turns):
        name = cue.speaker.translate(VTT_ESCAPES)
        blocks.append(f"{_clock(cue.start_ms, '.')} --> {_clock(cue.end_ms, '.')}\n<v {name}>{name}\n")
    return "\n".join(blocks)


def _clock(time_ms: int, mark: str) -> str:
    seconds, ms = divmod(time_ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{mark}{ms:03d}"
