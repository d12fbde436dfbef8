"""What AssemblyAI returns for a recording: times are milliseconds.

    {"status": "completed", "words": [{"text": "Smoke", "start": 250, "end": 650, "confidence": 0.97}, ...]}

The service's own "speaker" is ignored.
"""

from pysid.io.json_values import JsonValue
from pysid.transcript.words import Word

NAME = "AssemblyAI"
EXPECTED = "'words' with 'text', 'start' and 'end'"


def recognises(document: JsonValue) -> bool:
    """Whether a document looks like an answer of AssemblyAI's service."""
    words = document.value.get("words") if isinstance(document.value, dict) else None
    if isinstance(words, list) and words:
        # Whole milliseconds: a fraction is a time in seconds, of another program.
        return isinstance(words[0], dict) and "text" in words[0] and not isinstance(words[0].get("start"), float)
    return isinstance(document.value, dict) and {"id", "status", "audio_url"} <= document.value.keys()


def read(document: JsonValue) -> list[Word]:
    """Its words.

    Raises:
        ValueError: it is not as such documents are, or tells of an error.
    """
    if "error" in document:
        raise ValueError(f"expected a transcript, got the service's error: {document['error'].text()}")
    words = []
    for item in document.list_of("words"):
        start_s, text = item["start"].seconds(1000), item["text"].text().strip()
        confidence = item["confidence"].number() if "confidence" in item else None
        if text:
            words.append(Word(start_s, max(start_s, item["end"].seconds(1000)), text, confidence))
    return words
