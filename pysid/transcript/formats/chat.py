"""A transcript as CHAT, for CLAN: a main line for each sentence, and below it the times of its words.

CLAN has its own rules of spelling: punctuation stands apart, and there is less of it; numbers are written out, which is
left to you, as CLAN's CHECK says where.
"""

# ruff: noqa: RUF001  marks that look like others, and are meant

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pysid.io.turns.chat.reading import Times
from pysid.io.turns.chat.spoken import UNTRANSCRIBED
from pysid.io.turns.chat.writing import NO_WORDS, Utterance, chat_text
from pysid.io.turns.cues import milliseconds
from pysid.transcript.formats.document import Document, Sentence
from pysid.transcript.languages import three_letters
from pysid.transcript.punctuation import COMMAS, DASHES
from pysid.transcript.words import Word, continues

_APOSTROPHES = str.maketrans("’‘ʼ", "'''")
_ENDS = {"?": "?", "？": "?", "!": "!", "！": "!", "…": "+...", "...": "+..."}


class _Token(NamedTuple):
    """A word as CHAT has it, and the punctuation that followed it."""

    text: str
    times: Times
    after: str


def format_chat(document: Document) -> str:
    """The file."""
    found = [_utterance(sentence) for sentence in document.sentences]
    return chat_text(document.title, found, three_letters(document.transcript.language))


def _utterance(sentence: Sentence) -> Utterance:
    times = Times(sentence.start_ms, sentence.end_ms)
    tokens = list(_tokens(sentence.words))
    if not tokens:
        return Utterance(sentence.speaker, times, NO_WORDS)
    commas = [", " if set(token.after) & set(COMMAS) else "" for token in tokens[:-1]]
    end = _terminator(tokens[-1].after)
    text = "".join(f"{token.text} {comma}" for token, comma in zip(tokens, [*commas, ""], strict=True)) + end
    is_timed = not any(word.estimated for word in sentence.words)
    words = [(token.text, token.times) for token in tokens] if is_timed else []
    return Utterance(sentence.speaker, times, text, words, end)


def _tokens(words: Sequence[Word]) -> Iterator[_Token]:
    """The words, those that are glued to others with them."""
    groups: list[list[Word]] = []
    for word in words:
        if groups and word.glued and not continues(groups[-1][-1], word):
            groups[-1].append(word)
        else:
            groups.append([word])
    for group in groups:
        raw = "".join(word.text for word in group)
        text = _word(raw)
        if text:
            start_ms, end_ms = milliseconds(group[0].start_s), milliseconds(max(word.end_s for word in group))
            after = re.search(r"[\W_]*$", raw)
            yield _Token(text, Times(start_ms, max(start_ms + 1, end_ms)), after[0] if after else "")


def _word(text: str) -> str:
    """Letters, digits, apostrophes and hyphens; what else is within a word becomes "_", as in "R_D"."""
    plain = unicodedata.normalize("NFC", text).translate(_APOSTROPHES)
    kept = "".join(x if x.isalnum() or unicodedata.category(x).startswith("M") or x in "'-" else "_" for x in plain)
    word = re.sub("['_-]{2,}", "_", kept).strip("_-")
    if word in UNTRANSCRIBED:
        return word.capitalize()
    return word if any(x.isalnum() for x in word) else ""


def _terminator(after: str) -> str:
    found = (end for mark, end in _ENDS.items() if mark in after)
    return next(found, "+/." if after and after[-1] in DASHES else ".")
