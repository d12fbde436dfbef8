"""What whisper.cpp writes with --output-json, or, with words, --output-json-full.

    {"result": {"language": "en"}, "transcription": [
        {"offsets": {"from": 0, "to": 2500}, "text": " Good morning.",
         "tokens": [{"text": " Good", "offsets": {"from": 0, "to": 400}, "id": 4599, "p": 0.9}, ...]}]}

Offsets are milliseconds. Tokens are parts of words, and of characters even; one that begins with a space begins a word.
"""

from dataclasses import replace

from pysid.io.json_values import JsonValue, whole_text
from pysid.transcript.recognisers.untimed import MaybeTimed, timed
from pysid.transcript.words import Word, is_cjk, spread

NAME = "whisper.cpp"
EXPECTED = "'transcription' with 'offsets' and 'text'"
SPECIAL = "[_"  # begins tokens that are no text: [_BEG_], [_TT_150]


def recognises(document: JsonValue) -> bool:
    """Whether a document looks like one of whisper.cpp."""
    return isinstance(document.value, dict) and isinstance(document.value.get("transcription"), list)


def read(document: JsonValue) -> list[Word]:
    """Its words, put together of tokens.

    Raises:
        ValueError: it is not as such documents are.
    """
    result: list[Word] = []
    segments = document["transcription"].items()
    counts = []
    for segment in segments:
        text = whole_text(segment["text"].bytes_text())
        start_s, end_s = _times(segment)
        tokens = [x for x in segment.list_of("tokens") if not x["text"].bytes_text().startswith(SPECIAL)]
        words = _words_of_tokens(tokens, start_s, end_s) if tokens else []
        if not words and text.strip():
            words = spread(text, start_s, end_s)
        if not words:
            continue
        counts.append(len(words))
        if result and not text[:1].isspace():  # with --max-len a segment may end within a word
            words[0] = replace(words[0], glued=True)
        words[-1] = replace(words[-1], ends_segment=True)
        result += words
    if 2 * counts.count(1) > len(counts):  # --max-len 1: a segment a word
        result = [replace(word, ends_segment=False) for word in result]
    return result


def _words_of_tokens(tokens: list[JsonValue], start_s: float, end_s: float) -> list[Word]:
    """Tokens put together to words: until one begins with a space, or with a character that needs none."""
    words: list[MaybeTimed] = []
    text, times = "", (0.0, 0.0)
    probabilities: list[float] = []
    for token in tokens:
        piece, (from_s, to_s) = token["text"].bytes_text(), _times(token)
        if text and (piece[:1].isspace() or (_is_word(text) and is_cjk(whole_text(piece)[:1] or " "))):
            words.append(_word(text, times, probabilities))
            text = ""
        if not text:
            times, probabilities = (from_s, to_s), []
        text += piece
        times = (times[0], max(times[1], to_s))
        if "p" in token:
            probabilities.append(token["p"].number())
    if text:
        words.append(_word(text, times, probabilities))
    if words:
        words[0] = replace(words[0], glued=False)
    return timed(words, start_s, end_s)


def _word(text: str, times: tuple[float, float], probabilities: list[float]) -> MaybeTimed:
    """The confidence is that of the least likely part."""
    return MaybeTimed(whole_text(text), *times, min(probabilities, default=None), glued=not text[:1].isspace())


def _is_word(text: str) -> bool:
    """All its bytes are there, so that a character may follow that is a word of its own."""
    return "\ufffd" not in whole_text(text)


def _times(value: JsonValue) -> tuple[float, float]:
    offsets = value["offsets"]
    start_s = offsets["from"].seconds(1000)
    return start_s, max(start_s, offsets["to"].seconds(1000))
