"""Subtitles: SubRip (.srt) and WebVTT (.vtt), one cue per turn, whose text is the speaker's name.

Players show cues that overlap in time above one another, so turns that overlap need no care.
"""

import html
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pysid.errors import DataError
from pysid.io.files import PathLike
from pysid.io.text import BYTE_ORDER_MARK, read_lines, shorten
from pysid.io.turns.cue_names import has_name, label, names_before
from pysid.io.turns.cues import cues_in_order
from pysid.segments import Segment, Turn

ARROW = "-->"
CLOCK = r"(?:(\d{1,4}):)?(\d{1,2}):(\d{2})[.,](\d{1,3})"
TIMING = re.compile(rf"\s*{CLOCK}\s*{ARROW}\s*{CLOCK}(?:\s.*)?$")
VOICE = re.compile(r"<v(?:\.[^\s<>]*)?\s+([^>]*)>")
TAG = re.compile(r"<[^<>]*>")
MARKUP = re.compile(r"\{\\[^{}]*\}")  # of SubRip: {\an8}
VTT_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


@dataclass(frozen=True)
class SubtitleCue:
    """What a subtitle file shows at one time.

    Attributes:
        start_s, end_s: seconds.
        text: as in the file, its lines joined by "\\n".
        is_vtt: the text is WebVTT, with its tags and escapes.
    """

    start_s: float
    end_s: float
    text: str
    is_vtt: bool

    @property
    def voice(self) -> str | None:
        """The name in WebVTT's <v name>; None without."""
        # Up to the last ">": without one, each "<v" would be looked through to the end of the text.
        found = VOICE.search(self.text, 0, self.text.rfind(">") + 1) if self.is_vtt else None
        return html.unescape(found[1]).strip() or None if found else None

    @property
    def plain(self) -> str:
        """The text without tags."""
        text = TAG.sub("", self.text)
        return html.unescape(text) if self.is_vtt else MARKUP.sub("", text)


def read_cues(path: PathLike) -> list[SubtitleCue]:
    """The cues of a SubRip or WebVTT file, in their order.

    Raises:
        DataError: the file cannot be read, is not UTF-8, a cue's times are malformed, or there is none in it.
    """
    lines = [_decoded(path, number, line) for number, line in read_lines(path)]
    is_vtt = bool(lines) and lines[0].startswith("WEBVTT")
    result = []
    for number, timing, texts in _blocks(lines, is_vtt):
        found = TIMING.match(timing)
        if found is None:
            raise DataError(f"{path}:{number}: expected '00:00:01,000 --> 00:00:02,500', got {shorten(timing)}")
        start_s, end_s = _seconds(found.groups()[:4]), _seconds(found.groups()[4:])
        if end_s < start_s:
            raise DataError(f"{path}:{number}: expected a cue that ends after its start, got {shorten(timing)}")
        result.append(SubtitleCue(start_s, end_s, "\n".join(texts), is_vtt))
    if not result and not is_vtt and any(line.strip() for line in lines):
        raise DataError(f"{path}: expected subtitles, with lines '00:00:01,000 --> 00:00:02,500', got none")
    return result


def read_subtitle_turns(path: PathLike) -> list[Turn]:
    """Who speaks when, by a SubRip or WebVTT file.

    The speaker of a cue is the name in WebVTT's <v name>; in a file with such, nobody speaks in a cue without. Where
    there is none, it is the name before the text, as in "anna: Good morning", see `pysid.io.turns.cue_names`. A file
    without names before its texts has nothing but names, as `format_srt` writes it.

    Raises:
        DataError: see `read_cues`; or a cue has no text.
    """
    read = read_cues(path)
    turns: list[Turn] = []
    for cue, speaker in zip(read, _speakers(read), strict=True):
        if speaker == "":
            raise DataError(f"{path}: expected a speaker's name in the cue at {cue.start_s:.3f} s, got none")
        if speaker is not None and cue.end_s > cue.start_s:
            turns.append(Turn(Segment(cue.start_s, cue.end_s), speaker))
    return turns


def has_voices(cues: Sequence[SubtitleCue]) -> bool:
    """Whether any cue says in WebVTT's way who speaks."""
    return any(cue.voice is not None for cue in cues)


def _speakers(cues: Sequence[SubtitleCue]) -> Sequence[str | None]:
    if has_voices(cues):
        return [cue.voice for cue in cues]
    said = names_before([cue.plain for cue in cues])
    if said is not None:
        return [x.speaker for x in said]
    return [" ".join((cue.plain if cue.is_vtt else cue.text).split()) for cue in cues]


def format_srt(turns: Sequence[Turn]) -> str:
    """SubRip. The format has no escapes, so names are written as they are; if the first is like a name and a text,
    "Note: anna", with the name before each, as nothing else would tell.

    Raises:
        DataError: a name is empty.

    >>> from pysid.segments import Segment
    >>> print(format_srt([Turn(Segment(0.5, 3661.25), "anna")]), end="")
    1
    00:00:00,500 --> 01:01:01,250
    anna
    """
    ordered = cues_in_order(turns)
    twice = bool(ordered) and has_name(ordered[0].speaker)
    return srt((x.start_ms, x.end_ms, f"{label(x.speaker) if twice else ''}{x.speaker}") for x in ordered)


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
    named = ((cue, cue.speaker.translate(VTT_ESCAPES)) for cue in cues_in_order(turns))
    return vtt((cue.start_ms, cue.end_ms, f"<v {name}>{name}") for cue, name in named)


def srt(blocks: Iterable[tuple[int, int, str]]) -> str:
    """SubRip of cues: start and end in milliseconds, and the text, whose lines must not be blank."""
    return "\n".join(
        f"{number}\n{_clock(start_ms, ',')} {ARROW} {_clock(end_ms, ',')}\n{text}\n"
        for number, (start_ms, end_ms, text) in enumerate(blocks, start=1)
    )


def vtt(blocks: Iterable[tuple[int, int, str]]) -> str:
    """WebVTT of cues, likewise; the text must be escaped already, except for its tags."""
    cues = (f"{_clock(a, '.')} {ARROW} {_clock(b, '.')}\n{text}\n" for a, b, text in blocks)
    return "\n".join(["WEBVTT\n", *cues])


def _blocks(lines: Sequence[str], is_vtt: bool) -> Iterator[tuple[int, str, list[str]]]:
    """The cues of a file: the number of the line with the times, it, and the lines of text below it."""
    at = 0
    while at < len(lines):
        if ARROW not in lines[at]:
            at += 1
            continue
        end = first = at + 1 + _begins_below(lines[at + 1 : at + 4], is_vtt)
        while end < len(lines) and lines[end].strip() and not TIMING.match(lines[end]):
            end += 1
        texts = [line.strip() for line in lines[first:end]]
        if end < len(lines) and lines[end].strip() and texts and texts[-1].isdecimal():  # no blank line between cues
            del texts[-1]  # the number of the next
        yield at + 1, lines[at], texts
        at = end


def _begins_below(lines: Sequence[str], is_vtt: bool) -> bool:
    """Whether the text of a cue begins in the second line below its times, the first of these `lines`.

    YouTube begins cues with a line that holds a space, which is not blank in WebVTT; ffmpeg makes SubRip of them in
    which it is blank. The text of the next cue, on the other hand, has its times above it.
    """
    has_blank = len(lines) > 1 and not lines[0].strip() and bool(lines[1].strip())
    return has_blank and not any(ARROW in line for line in lines) and (not is_vtt or lines[0] != "")


def _seconds(fields: Sequence[str | None]) -> float:
    hours, minutes, seconds, fraction = fields
    ms = 1000 * (3600 * int(hours or 0) + 60 * int(minutes or 0) + int(seconds or 0)) + int(
        (fraction or "").ljust(3, "0")
    )
    return ms / 1000


def _decoded(path: PathLike, number: int, line: bytes) -> str:
    try:
        return (line.removeprefix(BYTE_ORDER_MARK) if number == 1 else line).decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise DataError(f"{path}:{number}: expected UTF-8 text, got {shorten(line)}") from None


def _clock(time_ms: int, mark: str) -> str:
    seconds, ms = divmod(time_ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{mark}{ms:03d}"
