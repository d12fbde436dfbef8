r"""Turns of one recording as JSON, for programs and web pages.

    {
      "version": 1,
      "recording": "meeting",
      "duration_s": 12.5,
      "speakers": [{"speaker": "anna", "speaking_s": 1.5}, ...],
      "turns": [{"start_s": 0.5, "end_s": 2.0, "speaker": "anna"}, ...]
    }

Times are in seconds from the start of the recording, to the millisecond. Speakers come in the order in which they
first talk; `speaking_s` counts once the time in which two turns of one speaker overlap. A reader should ignore
keys that it does not know; another `version` means that those above have changed.

>>> import json
>>> json.loads(format_turns_json("meeting", [Turn(Segment(0.5, 2.0), "anna")], 12.5))["speakers"]
[{'speaker': 'anna', 'speaking_s': 1.5}]
"""

import json
from collections.abc import Sequence

from pysid.io.files import PathLike
from pysid.io.json_values import JsonValue, named_errors, read_json
from pysid.io.turns.cues import RecordingTurns, by_speaker, cues, milliseconds
from pysid.segments import Segment, Turn

VERSION = 1


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
    document = read_json(path)
    with named_errors(path):
        version = document["version"].number()
        if version != VERSION:
            raise ValueError(f"expected version {VERSION}, got {version:g}")
        turns = [json_turn(turn, "start_s", "end_s") for turn in document["turns"].items()]
        return RecordingTurns(document["recording"].text(), turns, document["duration_s"].seconds())


def json_turn(turn: JsonValue, start: str, end: str) -> Turn:
    """A turn of an object with "speaker" and these keys. Raises ValueError."""
    start_s, end_s = turn[start].seconds(), turn[end].seconds()
    if start_s > end_s:
        raise ValueError(f"expected {turn.place} to start before it ends, got {start_s} and {end_s}")
    return Turn(Segment(start_s, end_s), turn["speaker"].text())
