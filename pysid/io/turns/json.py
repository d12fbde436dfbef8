r"""Turns of one recording as JSON, for programs and web pages.

    {
      "version": 1,
      "recording": "meeting",
      "duration_s": 12.5,
      "speakers": [{"speaker": "anna", "speaking_s": 1.5}, ...],
      "turns": [{"start_s": 0.5, "end_s": 2.0, "speaker": "anna"}, ...]
    }

Times are in seconds from the start of the recording, to the millisecond. Speakers come in the order in which they
first talk; `speaking_s` counts once the time in which two turns of one speaker overlap. A reader shall not mind
keys that it does not know; another `version` means that those above have changed.

>>> import json
>>> json.loads(format_turns_json("meeting", [Turn(Segment(0.5, 2.0), "anna")], 12.5))["speakers"]
[{'speaker': 'anna', 'speaking_s': 1.5}]
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pysid.errors import DataError
from pysid.io.files import PathLike
from pysid.io.turns.cues import by_speaker, cues, milliseconds
from pysid.segments import Segment, Turn

VERSION = 1


class RecordingTurns(NamedTuple):
    """What such a file says."""

    recording: str
    turns: list[Turn]
    duration_s: float


def format_turns_json(recording: str, turns: Sequence[Turn], duration_s: float) -> str:
    """The document, in the order of `turns`; one that is shorter than a millisecond after rounding is left out."""
    rounded = [Turn(Segment(cue.start_ms / 1000, cue.end_ms / 1000), cue.speaker) for cue in cues(turns)]
    document = {
        "version": VERSION,
        "recording": recording,
        "duration_s": milliseconds(duration_s) / 1000,
        "speakers": [
            {"speaker": speaker, "speaking_s": round(sum(segment.duration_s for segment in segments), 3)}
            for speaker, segments in by_speaker(rounded).items()
        ],
        "turns": [
            {"start_s": turn.segment.start_s, "end_s": turn.segment.end_s, "speaker": turn.speaker} for turn in rounded
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def read_turns_json(path: PathLike) -> RecordingTurns:
    """Reads what `format_turns_json` wrote.

    Raises:
        DataError: the file cannot be read, is no JSON, has another version, or a value is absent or of another kind.
    """
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise DataError(f"{path}: cannot read the file: {error.strerror}") from None
    except json.JSONDecodeError as error:
        raise DataError(f"{path}:{error.lineno}: expected JSON: {error.msg}") from None
    except UnicodeDecodeError:
        raise DataError(f"{path}: expected UTF-8 text") from None
    try:
        version = _get(document, "version", int, "the document")
        if version != VERSION:
            raise ValueError(f"expected version {VERSION}, got {version}")
        turns = [_turn(turn, f"turns[{i}]") for i, turn in enumerate(_get(document, "turns", list, "the document"))]
        return RecordingTurns(_get(document, "recording", str, "the document"), turns, _seconds(document, "duration_s"))
    except ValueError as error:
        raise DataError(f"{path}: {error}") from None


def _turn(value: Any, where: str) -> Turn:
    start_s, end_s = _seconds(value, "start_s", where), _seconds(value, "end_s", where)
    if start_s > end_s:
        raise ValueError(f"expected {where} to start before it ends, got {start_s} and {end_s}")
    return Turn(Segment(start_s, end_s), _get(value, "speaker", str, where))


def _seconds(value: Any, key: str, where: str = "the document") -> float:
    number = _get(value, key, (int, float), where)
    if not 0 <= number <= sys.float_info.max:
        raise ValueError(f"expected {key!r} of {where} to be seconds, 0 or more, got {number}")
    return float(number)


def _get(value: Any, key: str, kind: type | tuple[type, ...], where: str) -> Any:
    """`value[key]`, if `value` is an object that has it and it is of that kind. Raises ValueError if not."""
    if not isinstance(value, dict) or key not in value:
        raise ValueError(f"expected {where} to be an object with {key!r}")
    if not isinstance(value[key], kind) or isinstance(value[key], bool):
        raise ValueError(f"expected another kind of value for {key!r} of {where}, got {value[key]!r}")
    return value[key]
