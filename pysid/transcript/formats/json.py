"""A transcript as JSON, for programs.

    {
      "version": 1,
      "kind": "transcript",
      "recording": "meeting",
      "language": "en",
      "speakers": [{"speaker": "anna", "n_words": 120, "speaking_s": 61.2}, ...],
      "utterances": [
        {"start_s": 0.5, "end_s": 2.0, "speaker": "anna", "text": "Good morning.",
         "words": [{"start_s": 0.5, "end_s": 0.9, "text": "Good", "confidence": 0.98}, ...]}, ...]
    }

`speaker` is null where nobody is known. A word may have `"glued": true` (no space before it), `"estimated": true` (the
recogniser gave no time for it) and `"ends_segment": true` (a piece of the recogniser's own ends with it). `speaking_s`
is the time of the words. A reader should ignore keys that it does not know. `read_transcript` reads it back.
"""

import json
from collections import Counter
from typing import Any

from pysid.transcript.formats.document import Document
from pysid.transcript.utterances import Utterance
from pysid.transcript.words import Word

VERSION = 1


def format_json(document: Document) -> str:
    """The document, times to the microsecond."""
    words = document.transcript.words
    n_words = Counter(word.speaker for word in words if word.is_spoken)
    content = {
        "version": VERSION,
        "kind": "transcript",
        "recording": document.title,
        "language": document.transcript.language,
        "speakers": [
            {
                "speaker": speaker,
                "n_words": n_words[speaker],
                "speaking_s": round(sum(w.segment.duration_s for w in words if w.speaker == speaker), 3),
            }
            for speaker in document.transcript.speakers
        ],
        "utterances": [_utterance(utterance) for utterance in document.utterances],
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _utterance(utterance: Utterance) -> dict[str, Any]:
    return {
        "start_s": round(utterance.start_s, 6),
        "end_s": round(utterance.end_s, 6),
        "speaker": utterance.speaker,
        "text": utterance.text,
        "words": [_word(word) for word in utterance.words],
    }


def _word(word: Word) -> dict[str, Any]:
    plain: dict[str, Any] = {"start_s": round(word.start_s, 6), "end_s": round(word.end_s, 6), "text": word.text}
    if word.confidence is not None:
        plain["confidence"] = round(word.confidence, 4)
    return plain | {name: True for name in ("glued", "ends_segment", "estimated") if getattr(word, name)}
