"""The formats in which the turns of a recording can be written and read, by the names that `--format` takes."""

import io
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from pysid.errors import DataError
from pysid.io.files import STANDARD_STREAM, PathLike, kept, name_text, open_binary
from pysid.io.json_values import named_errors, read_json
from pysid.io.text import BYTE_ORDER_MARK
from pysid.io.turns import pyannote, segments
from pysid.io.turns.audacity import format_labels, read_labels
from pysid.io.turns.chat.reading import read_chat
from pysid.io.turns.chat.writing import format_chat
from pysid.io.turns.cues import RecordingTurns
from pysid.io.turns.elan import format_elan, read_elan
from pysid.io.turns.exmaralda import format_exmaralda, read_exmaralda
from pysid.io.turns.json import format_turns_json, read_turns_json
from pysid.io.turns.nist import COMMENTS, one_words
from pysid.io.turns.rttm import OTHER_TYPES, format_rttm, read_rttm
from pysid.io.turns.subtitles import format_srt, format_vtt, read_subtitle_turns
from pysid.io.turns.table import format_table, read_table
from pysid.io.turns.textgrid import format_textgrid, read_textgrid
from pysid.segments import Turn

HEAD_BYTES = 1 << 16


class TurnFormat(NamedTuple):
    """A kind of file.

    Attributes:
        ending: the usual one.
        format: makes its text: format(recording, turns, duration_s).
        read: the recordings in a file: read(path, name), where the name is for one that has none in the file.
        further: as `format`, of a recording that follows others in the file; None where a file holds only one.
    """

    ending: str
    format: Callable[[str, Sequence[Turn], float], str]
    read: Callable[[PathLike, str], list[RecordingTurns]]
    further: Callable[[str, Sequence[Turn], float], str] | None = None

    def text(self, recording: str, turns: Sequence[Turn], duration_s: float, follows: bool = False) -> str:
        """What a file has of a recording.

        Args:
            recording, turns, duration_s: as of `format`.
            follows: others stand before it, in a format that holds several.
        """
        return ((follows and self.further) or self.format)(recording, turns, duration_s)


def _format_rttm(recording: str, turns: Sequence[Turn], duration_s: float) -> str:
    return format_rttm(recording, turns)


def _read_rttm(path: PathLike, name: str) -> list[RecordingTurns]:
    """An empty file is a recording in which nobody talks."""
    found = read_rttm(path, allow_empty=True) or {name: []}
    return [RecordingTurns(recording, turns, None) for recording, turns in found.items()]


def _read_subtitles(path: PathLike, name: str) -> list[RecordingTurns]:
    return [RecordingTurns(name, read_subtitle_turns(path), None)]


def _read_json(path: PathLike, name: str) -> list[RecordingTurns]:
    """pysid's, pyannote's, or a recogniser's with speakers."""
    document = read_json(path)
    kind = next((kind for kind in (pyannote, segments) if kind.recognises(document)), None)
    if kind is None:
        return [read_turns_json(path)]
    with named_errors(path):
        return [RecordingTurns(name, kind.turns_of(document), None)]


FORMATS: dict[str, TurnFormat] = {
    "rttm": TurnFormat(".rttm", _format_rttm, _read_rttm, _format_rttm),
    "srt": TurnFormat(".srt", lambda recording, turns, duration_s: format_srt(turns), _read_subtitles),
    "vtt": TurnFormat(".vtt", lambda recording, turns, duration_s: format_vtt(turns), _read_subtitles),
    "json": TurnFormat(".json", format_turns_json, _read_json),
    "audacity": TurnFormat(
        ".txt",
        lambda recording, turns, duration_s: format_labels(turns),
        lambda path, name: [RecordingTurns(name, read_labels(path), None)],
    ),
    "textgrid": TurnFormat(
        ".TextGrid",
        lambda recording, turns, duration_s: format_textgrid(turns, duration_s),
        lambda path, name: [RecordingTurns(name, *read_textgrid(path))],
    ),
    "elan": TurnFormat(
        ".eaf",
        lambda recording, turns, duration_s: format_elan(recording, turns),
        lambda path, name: [read_elan(path, name)],
    ),
    "exmaralda": TurnFormat(
        ".exb",
        lambda recording, turns, duration_s: format_exmaralda(recording, turns),
        lambda path, name: [read_exmaralda(path, name)],
    ),
    "chat": TurnFormat(
        ".cha",
        lambda recording, turns, duration_s: format_chat(recording, turns),
        lambda path, name: [read_chat(path, name)],
    ),
    "csv": TurnFormat(
        ".csv",
        lambda recording, turns, duration_s: format_table(recording, turns),
        read_table,
        lambda recording, turns, duration_s: format_table(recording, turns, header=False),
    ),
    "pyannote": TurnFormat(
        ".pyannote.json", lambda recording, turns, duration_s: pyannote.format_pyannote(turns), _read_json
    ),
}
BY_ENDING = {kind.ending.lower(): name for name, kind in FORMATS.items()} | {".tsv": "csv"}


def kind_of(path: PathLike) -> str:
    """The name of the format that a file's ending stands for.

    Raises:
        DataError: for none.

    >>> kind_of("meeting.TextGrid"), kind_of("a.pyannote.json")
    ('textgrid', 'pyannote')
    """
    name = Path(path).name.lower()
    found = [ending for ending in BY_ENDING if name.endswith(ending)]
    if not found:
        raise DataError(f"{path}: expected a name that ends in one of {', '.join(BY_ENDING)}")
    return BY_ENDING[max(found, key=len)]


def check_together(out: PathLike, kind: str, recordings: Iterable[str]) -> None:
    """Whether recordings of these names go into one file of a format.

    Args:
        out: the file.
        kind: any format; one that is not of `FORMATS` holds one recording.
        recordings: their names.
    Raises:
        DataError: the format holds one recording and there are several, or RTTM would give two of them one name.

    >>> check_together("a.srt", "srt", ["monday", "tuesday"])
    Traceback (most recent call last):
    pysid.errors.DataError: a.srt: a srt file holds one recording, got 2: give a folder
    """
    names = list(recordings)
    if len(names) > 1 and (kind not in FORMATS or FORMATS[kind].further is None):
        raise DataError(f"{out}: a {kind} file holds one recording, got {len(names)}: give a folder")
    if kind == "rttm":
        one_words(names)


def format_turns(kind: str, recordings: Sequence[RecordingTurns]) -> str:
    """The text of a file with these recordings; several only in a format that holds them.

    A recording whose length is not known is as long as its turns.
    """
    parts = []
    for i, (recording, turns, duration_s) in enumerate(recordings):
        end_s = max((turn.segment.end_s for turn in turns), default=0.0)
        length_s = end_s if duration_s is None else duration_s
        parts.append(FORMATS[kind].text(recording, turns, length_s, follows=i > 0))
    return "".join(parts)


def read_turns(path: PathLike, kind: str | None = None) -> list[RecordingTurns]:
    """The recordings whose turns a file holds.

    Where the file does not name its recording, the recording has the file's name without the ending; that of standard
    input is called stdin.

    Args:
        kind: one of `FORMATS`; None goes by the ending, and for a .txt by its first line, as it may be RTTM too.
    Raises:
        DataError: the file cannot be read, or is malformed.
    """
    kind = kind or kind_of(path)
    if kind == "audacity":
        path = kept(path)
        kind = "rttm" if _is_rttm(path) else kind
    ending, name = FORMATS[kind].ending, Path(path).name
    stem = name[: -len(ending)] if name.lower().endswith(ending.lower()) else Path(path).stem
    return FORMATS[kind].read(path, "stdin" if str(path) == STANDARD_STREAM else name_text(stem or name))


def _is_rttm(path: PathLike) -> bool:
    """Whether the first line that is no comment is one of RTTM; those of Audacity begin with a number."""
    with io.BufferedReader(open_binary(path)) as file:
        for line in file.read(HEAD_BYTES).removeprefix(BYTE_ORDER_MARK).decode("latin-1").splitlines():
            if line.strip() and not line.lstrip().startswith(COMMENTS):
                return line.split()[0].upper() in {"SPEAKER", *OTHER_TYPES}
    return False
