"""pyannote's JSON, of its service and of pyannote.audio 4's `DiarizeOutput.serialize()`.

    {"diarization": [{"speaker": "SPEAKER_00", "start": 0.5, "end": 2.0}, ...]}

A bare list is read too, and so is what jobs of the service have under "output". What pyannote writes as RTTM is
read as RTTM. Source: https://docs.pyannote.ai/api-reference/schemas/diarizationschema

>>> from pysid.segments import Segment
>>> print(format_pyannote([Turn(Segment(0.5, 2.0), "anna")]))
{"diarization": [
  {"speaker": "anna", "start": 0.5, "end": 2.0}
]}
"""

import json
from collections.abc import Sequence

from pysid.io.json_values import JsonValue
from pysid.io.turns.cues import cues
from pysid.io.turns.json import json_turn
from pysid.segments import Turn

KEY = "diarization"


def format_pyannote(turns: Sequence[Turn]) -> str:
    """The document, in the order given, times to the millisecond."""
    rows = ({"speaker": cue.speaker, "start": cue.start_ms / 1000, "end": cue.end_ms / 1000} for cue in cues(turns))
    listed = ",\n  ".join(json.dumps(row, ensure_ascii=False) for row in rows)
    return f'{{"{KEY}": [\n  {listed}\n]}}\n' if listed else f'{{"{KEY}": []}}\n'


def recognises(document: JsonValue) -> bool:
    """Whether a document is of this kind."""
    value = document.value
    if isinstance(value, list):
        return bool(value) and isinstance(value[0], dict) and {"speaker", "start", "end"} <= value[0].keys()
    return isinstance(value, dict) and (
        KEY in value or (isinstance(value.get("output"), dict) and KEY in value["output"])
    )


def turns_of(document: JsonValue) -> list[Turn]:
    """Its turns, including overlapping ones. Raises ValueError."""
    if not isinstance(document.value, list):
        document = document[KEY] if KEY in document else document["output"][KEY]
    return [json_turn(turn, "start", "end") for turn in document.items()]
