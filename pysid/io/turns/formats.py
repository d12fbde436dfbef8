"""The formats in which the turns of a recording can be written, by the names that `pysid diarize --format` takes."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from pysid.io.turns.audacity import format_labels
from pysid.io.turns.json import format_turns_json
from pysid.io.turns.rttm import format_rttm
from pysid.io.turns.subtitles import format_srt, format_vtt
from pysid.io.turns.textgrid import format_textgrid
from pysid.segments import Turn


class TurnFormat(NamedTuple):
    """The usual ending of such a file, and what makes its text: format(recording, turns, duration_s)."""

    ending: str
    format: Callable[[str, Sequence[Turn], float], str]


FORMATS: dict[str, TurnFormat] = {
    "rttm": TurnFormat(".rttm", lambda recording, turns, duration_s: format_rttm(recording, turns)),
    "srt": TurnFormat(".srt", lambda recording, turns, duration_s: format_srt(turns)),
    "vtt": TurnFormat(".vtt", lambda recording, turns, duration_s: format_vtt(turns)),
    "json": TurnFormat(".json", format_turns_json),
    "audacity": TurnFormat(".txt", lambda recording, turns, duration_s: format_labels(turns)),
    "textgrid": TurnFormat(".TextGrid", lambda recording, turns, duration_s: format_textgrid(turns, duration_s)),
}
