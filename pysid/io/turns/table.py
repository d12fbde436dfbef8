"""Turns as a table, for spreadsheets: CSV (RFC 4180), any number of recordings in a file.

    recording,start_s,end_s,speaker
    meeting,0.500,2.000,anna

Tables with commas, semicolons or tabs are read, also with the column names that other programs use, and with the line
"sep=;" above them that Excel takes for itself. Names that a spreadsheet would run as formulas have an apostrophe before
them, see `pysid.io.spreadsheet`.
"""

import csv
import io
import re
from collections.abc import Mapping, Sequence

from pysid.errors import DataError
from pysid.io.files import PathLike, read_bytes
from pysid.io.spreadsheet import cell, text_of
from pysid.io.table_formats import finite
from pysid.io.text import shorten
from pysid.io.turns.cues import RecordingTurns, cues, seconds_text
from pysid.segments import LONGEST_S, Segment, Turn

MAX_BYTES = 1 << 28
HEADER = ("recording", "start_s", "end_s", "speaker")
NAMES: Mapping[str, tuple[str, ...]] = {
    "recording": ("recording", "file", "filename", "audio", "uri", "recording_id"),
    "start": ("start_s", "start", "start_time", "onset", "begin", "tmin", "from", "in"),
    "end": ("end_s", "end", "end_time", "offset", "stop", "tmax", "to", "out"),
    "duration": ("duration_s", "duration", "dur", "length"),
    "speaker": ("speaker", "label", "name", "who", "speaker_id", "speaker_name", "participant", "tier"),
}
DELIMITERS = ",;\t"
SEPARATOR = re.compile(rf"sep=([{DELIMITERS}])", re.IGNORECASE)


def format_table(recording: str, turns: Sequence[Turn], header: bool = True) -> str:
    """The rows of a recording, in the order given, times to the millisecond.

    Args:
        recording: its name.
        turns: of it.
        header: begin with the names of the columns.
    Raises:
        DataError: a speaker has no name.

    >>> print(format_table("meeting", [Turn(Segment(0.5, 2.0), "anna")]), end="")
    recording,start_s,end_s,speaker
    meeting,0.500,2.000,anna
    """
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    if header:
        rows.writerow(HEADER)
    for cue in cues(turns):
        if not cue.speaker.strip():
            raise DataError(f"expected a speaker's name, got {cue.speaker!r}")
        rows.writerow([cell(recording), seconds_text(cue.start_ms), seconds_text(cue.end_ms), cell(cue.speaker)])
    return text.getvalue()


def read_table(path: PathLike, recording: str) -> list[RecordingTurns]:
    """The turns of all recordings in a table with a line of names of columns.

    Times are seconds, or h:mm:ss, also with a decimal comma where semicolons or tabs stand between columns.

    Args:
        recording: the name of the recording where there is no such column.
    Raises:
        DataError: the file cannot be read, has no columns of starts, ends (or durations) and speakers, or a bad time.
    """
    data = read_bytes(path, MAX_BYTES)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(f"{path}:{line}: expected UTF-8 text; of a spreadsheet, save it as CSV UTF-8") from None
    lines = io.StringIO(text, newline="")
    head = lines.readline()
    told = SEPARATOR.fullmatch(head.rstrip("\r\n"))
    if told is None:
        lines.seek(0)
    delimiter = max(DELIMITERS, key=head.count) if told is None else told[1]
    rows = csv.reader(lines, delimiter=delimiter)
    turns: dict[str, list[Turn]] = {}
    try:
        columns = _columns(next(rows, []))
        for row in rows:
            if any(field.strip() for field in row):
                name, turn = _turn(row, columns, recording, delimiter != ",")
                turns.setdefault(name, []).append(turn)
    except (ValueError, csv.Error) as error:
        raise DataError(f"{path}:{max(1, rows.line_num) + (told is not None)}: {error}") from None
    return [RecordingTurns(name, of_recording, None) for name, of_recording in turns.items()] or [
        RecordingTurns(recording, [], None)
    ]


def _columns(header: Sequence[str]) -> dict[str, int]:
    found = [field.strip().lower().replace(" ", "_") for field in header]
    columns = {}
    for what, names in NAMES.items():
        place = next((found.index(name) for name in names if name in found), None)
        if place is not None:
            columns[what] = place
    if not {"start", "speaker"} <= columns.keys() or not {"end", "duration"} & columns.keys():
        raise ValueError(f"expected the names of columns '{','.join(HEADER)}', got {shorten(','.join(header))}")
    return columns


def _turn(row: Sequence[str], columns: Mapping[str, int], recording: str, has_comma: bool) -> tuple[str, Turn]:
    if len(row) <= max(columns.values()):
        raise ValueError(f"expected at least {max(columns.values()) + 1} columns, got {len(row)}")
    start_s = _time(row[columns["start"]], has_comma)
    last_s = _time(row[columns["end" if "end" in columns else "duration"]], has_comma)
    end_s = last_s if "end" in columns else round(start_s + last_s, 6)
    if not 0 <= start_s <= end_s:
        raise ValueError(f"expected a turn that starts at 0 s or later and ends after, got {start_s} and {end_s}")
    if end_s > LONGEST_S:
        raise ValueError(f"expected a turn that ends within {LONGEST_S:g} s, got {end_s}")
    speaker, name = row[columns["speaker"]], row[columns["recording"]] if "recording" in columns else ""
    if not speaker.strip():
        raise ValueError("expected a speaker, got an empty field")
    return text_of(name) or recording, Turn(Segment(start_s, end_s), text_of(speaker))


def _time(text: str, has_comma: bool) -> float:
    *clock, seconds = text.strip().split(":")
    if len(clock) > 2 or not all(part.isdecimal() and len(part) <= 6 for part in clock):
        raise ValueError(f"expected a time in seconds or as h:mm:ss, got {shorten(text)}")
    value = finite(seconds.replace(",", ".") if has_comma else seconds, "a time in seconds or as h:mm:ss")
    if clock and value < 0:
        raise ValueError(f"expected a time in seconds or as h:mm:ss, got {shorten(text)}")
    for place, part in enumerate(reversed(clock), start=1):
        value += 60**place * int(part)
    return value
