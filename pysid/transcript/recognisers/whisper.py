"""What Whisper and its relatives write as JSON.

    {"language": "en", "segments": [{"start": 0.0, "end": 2.5, "text": " Good morning.",
                                     "words": [{"word": " Good", "start": 0.0, "end": 0.4, "probability": 0.9}, ...]}]}

- OpenAI's whisper, with --word_timestamps True, and whisper-ctranslate2 likewise: words begin with their space.
- faster-whisper's segments, as `dataclasses.asdict` or `_asdict` gives them: the list alone, or under "segments".
- whisperX: words without spaces, "score" in place of "probability", no times for words that it could not align, such
  as numbers; its own "speaker" is ignored.
- OpenAI's service, "verbose_json": segments, and words beside them.

Without words, those of a segment share its time.
"""

from collections.abc import Sequence
from dataclasses import replace

from pysid.io.json_values import JsonValue
from pysid.transcript.recognisers.untimed import MaybeTimed, timed
from pysid.transcript.words import Word, continues, spread

NAME = "Whisper, whisperX, faster-whisper"
EXPECTED = "'segments' with 'start', 'end' and 'text'"
CONFIDENCES = ("probability", "score", "confidence")


def recognises(document: JsonValue) -> bool:
    """Whether a document has segments or words with times, as Whisper, whisperX and faster-whisper write them."""
    value = document.value
    if isinstance(value, list):
        return bool(value) and isinstance(value[0], dict) and {"start", "end"} <= value[0].keys()
    return isinstance(value, dict) and (isinstance(value.get("segments"), list) or _has_words(value.get("words")))


def read(document: JsonValue) -> list[Word]:
    """Its words; segments whose words have no times are spread over them.

    Raises:
        ValueError: it is not as such documents are.
    """
    if isinstance(document.value, list):
        items = document.items()
        return _words_of_segments(items) if "text" in items[0] else _words_of_list(items, "")
    segments, words = document.list_of("segments"), document.list_of("words")
    if words and not any("words" in segment for segment in segments):
        return _words_of_list(words, document["text"].text() if "text" in document else "")
    return _words_of_segments(segments)


def _has_words(words: object) -> bool:
    """Those of OpenAI's service, without segments."""
    return isinstance(words, list) and bool(words) and isinstance(words[0], dict) and "word" in words[0]


def _words_of_segments(segments: Sequence[JsonValue]) -> list[Word]:
    result: list[Word] = []
    spaced = any(_raw(word)[:1].isspace() for segment in segments for word in segment.list_of("words"))
    single = sum(len(segment.list_of("words")) == 1 for segment in segments) * 2 > len(segments)
    for segment in segments:
        text = segment["text"].text() if "text" in segment else ""
        listed = segment.list_of("words")
        if listed:
            start_s, end_s = (segment[key].seconds() if key in segment else None for key in ("start", "end"))
            words = timed(_glued([_word(word) for word in listed], "" if spaced else text), start_s, end_s)
        elif text.strip():
            start_s, end_s = segment["start"].seconds(), segment["end"].seconds()
            words = spread(text, start_s, max(start_s, end_s))
        else:
            continue
        if words and not single:
            words[-1] = replace(words[-1], ends_segment=True)
        if words and result and _touches(result[-1], words[0], text):
            words[0] = replace(words[0], glued=True)
        result += words
    return result


def _words_of_list(words: Sequence[JsonValue], text: str) -> list[Word]:
    return timed(_glued([_word(word) for word in words], text), None, None)


def _word(word: JsonValue) -> MaybeTimed:
    """A word whose `text` still has the space before it, where the recogniser writes one."""
    confidence = next((word[key].number() for key in CONFIDENCES if key in word), None)
    start_s, end_s = (word[key].seconds() if key in word else None for key in ("start", "end"))
    return MaybeTimed(_raw(word), start_s, end_s, confidence)


def _raw(word: JsonValue) -> str:
    return (word["word"] if "word" in word else word["text"]).text()


def _glued(words: Sequence[MaybeTimed], text: str) -> list[MaybeTimed]:
    """Says which words follow the one before without a space: by their own spaces, or by the `text` they are of."""
    if any(word.text[:1].isspace() for word in words[1:]) or not text:
        spaced = any(word.text[:1].isspace() for word in words)
        return [replace(word, glued=i > 0 and spaced and not word.text[:1].isspace()) for i, word in enumerate(words)]
    result, at = [], 0
    for i, word in enumerate(words):
        found = text.find(word.text.strip(), at)
        result.append(replace(word, glued=i > 0 and 0 < found == at))
        at = at if found < 0 else found + len(word.text.strip())
    return result


def _touches(last: Word, first: Word, text: str) -> bool:
    """Whether a segment goes on without a space, as in Chinese and Japanese."""
    return not text[:1].isspace() and continues(last, first)
