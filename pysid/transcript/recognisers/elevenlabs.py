"""What ElevenLabs returns for a recording.

    {"language_code": "eng", "text": "Smoke from", "words": [
        {"text": "Smoke", "start": 0.25, "end": 0.65, "type": "word", "logprob": -0.1},
        {"text": " ", "start": 0.65, "end": 0.7, "type": "spacing"}, ...]}

Noises, of the type "audio_event", count as words. The service's own "speaker_id" is ignored.
"""

import math

from pysid.io.json_values import JsonValue
from pysid.transcript.words import Word

NAME = "ElevenLabs"
EXPECTED = "'words' with 'text' and 'type'"
TYPES = frozenset({"word", "spacing", "audio_event"})


def recognises(document: JsonValue) -> bool:
    """Whether a document looks like an answer of ElevenLabs' service."""
    words = document.value.get("words") if isinstance(document.value, dict) else None
    return isinstance(words, list) and bool(words) and isinstance(words[0], dict) and words[0].get("type") in TYPES


def read(document: JsonValue) -> list[Word]:
    """Its words.

    Raises:
        ValueError: it is not as such documents are.
    """
    words: list[Word] = []
    spaced = True
    for item in document["words"].items():
        text = item["text"].text()
        if not text.strip():
            spaced = True
            continue
        start_s = item["start"].seconds()
        confidence = math.exp(min(0.0, item["logprob"].number())) if "logprob" in item else None
        end_s = max(start_s, item["end"].seconds())
        words.append(Word(start_s, end_s, text.strip(), confidence, glued=not spaced and not text[:1].isspace()))
        spaced = text[-1].isspace()
    return words
