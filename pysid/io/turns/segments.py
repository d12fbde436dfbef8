"""Turns in the JSON of recognisers that tell speakers: whisperX with --diarize, and OpenAI's "diarized_json".

    {"segments": [{"start": 0.5, "end": 2.0, "text": "Good morning.", "speaker": "SPEAKER_00"}, ...]}

In a segment without a speaker nobody is known to talk.
"""

from pysid.io.json_values import JsonValue
from pysid.io.turns.json import json_turn
from pysid.segments import Turn

KEY = "segments"


def recognises(document: JsonValue) -> bool:
    """Whether a document is of this kind, with speakers or without."""
    return isinstance(document.value, dict) and isinstance(document.value.get(KEY), list)


def turns_of(document: JsonValue) -> list[Turn]:
    """Its turns, one for each segment. Raises ValueError, also where no segment has a speaker."""
    segments = document[KEY].items()
    turns = [json_turn(segment, "start", "end") for segment in segments if "speaker" in segment]
    if segments and not turns:
        raise ValueError("expected segments with 'speaker', as whisperx --diarize writes them, got none")
    return turns
