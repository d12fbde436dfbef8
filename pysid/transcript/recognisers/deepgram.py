"""What Deepgram returns for a recording.

    {"results": {"channels": [{"alternatives": [{"words": [
        {"word": "hello", "punctuated_word": "Hello,", "start": 0.5, "end": 0.8, "confidence": 0.99}, ...]}]}]}}

With several channels their words are put in order of time. The service's own "speaker" is ignored.
"""

from pysid.io.json_values import JsonValue
from pysid.transcript.words import Word, in_order

NAME = "Deepgram"
EXPECTED = "'results' with 'channels'"


def recognises(document: JsonValue) -> bool:
    """Whether a document looks like an answer of Deepgram's service."""
    results = document.value.get("results") if isinstance(document.value, dict) else None
    return isinstance(results, dict) and "channels" in results


def read(document: JsonValue) -> list[Word]:
    """Its words, of the best alternative of each channel.

    Raises:
        ValueError: it is not as such documents are.
    """
    words = []
    for channel in document["results"]["channels"].items():
        alternatives = channel["alternatives"].items()
        for item in alternatives[0].list_of("words") if alternatives else []:
            text = (item["punctuated_word"] if "punctuated_word" in item else item["word"]).text().strip()
            if not text:
                continue
            start_s = item["start"].seconds()
            confidence = item["confidence"].number() if "confidence" in item else None
            words.append(Word(start_s, max(start_s, item["end"].seconds()), text, confidence))
    return in_order(words)
