"""What Vosk's recognisers return, with SetWords(True): a document for each utterance, in a list or one after the other.

    {"result": [{"conf": 1.0, "start": 0.36, "end": 1.02, "word": "one"}, ...], "text": "one two three"}

Vosk's words have neither capitals nor punctuation; each utterance counts as a sentence.
"""

from dataclasses import replace

from pysid.io.json_values import JsonValue
from pysid.transcript.words import Word

NAME = "Vosk"
EXPECTED = "'result' with 'word', 'start' and 'end'"
KEYS = frozenset({"result", "text", "spk", "spk_frames", "alternatives"})


def recognises(document: JsonValue) -> bool:
    """Whether a document, or each of a list, looks like a result of Vosk's."""
    value = document.value
    if isinstance(value, list):
        return bool(value) and all(_is_utterance(x) for x in value)
    return _is_utterance(value)


def read(document: JsonValue) -> list[Word]:
    """Its words, of all utterances.

    Raises:
        ValueError: it is not as such documents are.
    """
    utterances = document.items() if isinstance(document.value, list) else [document]
    return [word for utterance in utterances for word in _utterance(utterance)]


def _is_utterance(value: object) -> bool:
    return isinstance(value, dict) and ("result" in value or value.get("text") == "" or "alternatives" in value)


def _utterance(utterance: JsonValue) -> list[Word]:
    if "alternatives" in utterance:  # SetMaxAlternatives: the best comes first, and its confidence is no probability
        alternatives = utterance["alternatives"].items()
        return _utterance(alternatives[0]) if alternatives else []
    words = []
    for item in utterance.list_of("result"):
        start_s = item["start"].seconds()
        confidence = item["conf"].number() if "conf" in item else None
        words.append(Word(start_s, max(start_s, item["end"].seconds()), item["word"].text(), confidence))
    if words:
        words[-1] = replace(words[-1], ends_segment=True)
    return words
