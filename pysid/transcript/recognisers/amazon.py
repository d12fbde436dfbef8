"""What AWS Transcribe writes.

    {"results": {"items": [
        {"type": "pronunciation", "start_time": "0.5", "end_time": "0.8",
         "alternatives": [{"confidence": "0.99", "content": "Hello"}]},
        {"type": "punctuation", "alternatives": [{"confidence": "0.0", "content": ","}]}, ...]}}

Numbers are text. Punctuation has no times. The service's own "speaker_label" is ignored.
"""

from pysid.io.json_values import JsonValue
from pysid.transcript.words import Word

NAME = "AWS Transcribe"
EXPECTED = "'results' with 'items'"


def recognises(document: JsonValue) -> bool:
    """Whether a document looks like one of AWS Transcribe."""
    results = document.value.get("results") if isinstance(document.value, dict) else None
    return isinstance(results, dict) and "items" in results


def read(document: JsonValue) -> list[Word]:
    """Its words, with punctuation put to them.

    Raises:
        ValueError: it is not as such documents are.
    """
    words: list[Word] = []
    for item in document["results"]["items"].items():
        alternatives = item["alternatives"].items()
        if not alternatives:
            continue
        text = alternatives[0]["content"].text()
        if not text.strip():
            continue
        if "type" in item and item["type"].text() == "punctuation":
            at_s = words[-1].end_s if words else 0.0
            words.append(Word(at_s, at_s, text.strip(), glued=True))
            continue
        start_s = item["start_time"].seconds()
        confidence = alternatives[0]["confidence"].number() if "confidence" in alternatives[0] else None
        words.append(Word(start_s, max(start_s, item["end_time"].seconds()), text.strip(), confidence))
    return words
