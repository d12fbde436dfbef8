"""What a pipeline of Hugging Face's transformers returns with return_timestamps, and insanely-fast-whisper writes.

    {"text": " Good morning.", "chunks": [{"timestamp": [0.0, 2.5], "text": " Good morning."}, ...]}

A chunk is a sentence or so, or, with return_timestamps="word", a word. The end of the last one may be null.
"""

from dataclasses import replace

from pysid.io.json_values import JsonValue
from pysid.transcript.recognisers.untimed import TYPICAL_S
from pysid.transcript.words import Word, is_cjk, pieces_of, spread

NAME = "Hugging Face"
EXPECTED = "'chunks' with 'timestamp' and 'text'"


def recognises(document: JsonValue) -> bool:
    """Whether a document looks like a result of such a pipeline."""
    return isinstance(document.value, dict) and isinstance(document.value.get("chunks"), list)


def read(document: JsonValue) -> list[Word]:
    """Its words; those of a longer chunk share its time.

    Raises:
        ValueError: it is not as such documents are.
    """
    chunks = document["chunks"].items()
    texts = [chunk["text"].text() for chunk in chunks]
    spaced = any(text[:1].isspace() for text in texts)
    by_word = 2 * sum(len(pieces_of(text)) == 1 for text in texts) > len(texts)
    result: list[Word] = []
    for chunk, text in zip(chunks, texts, strict=True):
        if not text.strip():
            continue
        words = spread(text, *_times(chunk, len(pieces_of(text))))
        if not by_word:
            words[-1] = replace(words[-1], ends_segment=True)
        if result and not text[:1].isspace() and (spaced or (is_cjk(result[-1].text[-1]) and is_cjk(text[0]))):
            words[0] = replace(words[0], glued=True)
        result += words
    return result


def _times(chunk: JsonValue, n_words: int) -> tuple[float, float]:
    times = chunk["timestamp"].items()
    if len(times) != 2:
        raise ValueError(f"expected {chunk.place}.timestamp to be a start and an end, got {len(times)} values")
    start_s = times[0].seconds()
    return start_s, start_s + TYPICAL_S * n_words if times[1].value is None else max(start_s, times[1].seconds())
