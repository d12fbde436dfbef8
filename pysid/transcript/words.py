"""Words of a recording, with their times and, once they are known, their speakers."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from pysid.segments import Segment
from pysid.transcript.punctuation import DASHES, OPENING

CJK = (
    (0x3040, 0x30FF),  # kana
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x3000, 0x303F),  # their punctuation
    (0xFF00, 0xFF65),
    (0x20000, 0x3134F),
)


@dataclass(frozen=True)
class Word:
    """A word as it is to be read, with the punctuation that belongs to it.

    Attributes:
        start_s, end_s: when it is said, in seconds; they may be equal, as some recognisers have it.
        text: without white space around it.
        confidence: of the recogniser, in [0, 1]; None where it gives none.
        glued: no space stands between it and the word before.
        ends_segment: a piece of the recogniser's own, such as a subtitle, ends with it.
        estimated: the recogniser gave no times for the word but for a longer piece, of which it was given its share.
        speaker: who says it; None where nobody is known to.
    """

    start_s: float
    end_s: float
    text: str
    confidence: float | None = None
    glued: bool = False
    ends_segment: bool = False
    estimated: bool = False
    speaker: str | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.start_s <= self.end_s:
            raise ValueError(f"a word needs 0 <= start <= end, got [{self.start_s}, {self.end_s})")
        if not self.text.strip():
            raise ValueError("a word needs text, got none")

    @property
    def segment(self) -> Segment:
        """Its times alone."""
        return Segment(self.start_s, self.end_s)

    @property
    def is_spoken(self) -> bool:
        """It holds a letter or a digit, and is not punctuation alone."""
        return any(character.isalnum() for character in self.text)


@dataclass(frozen=True)
class Transcript:
    """The words of one recording in order of their starts, and the language, where the recogniser names it."""

    words: Sequence[Word]
    language: str | None = None

    @property
    def speakers(self) -> list[str]:
        """Those who say something, in the order in which they begin to."""
        return list(dict.fromkeys(word.speaker for word in self.words if word.speaker is not None))

    @property
    def duration_s(self) -> float:
        """The end of the last word."""
        return max((word.end_s for word in self.words), default=0.0)


def joined(words: Iterable[Word]) -> str:
    """The text of words.

    >>> joined([Word(0, 1, "Anna"), Word(1, 2, "'s", glued=True), Word(2, 3, "house.")])
    "Anna's house."
    """
    return "".join(("" if word.glued else " ") + word.text for word in words).strip()


def with_punctuation(words: Sequence[Word]) -> list[Word]:
    """Punctuation that stands by itself goes to its word: to the one before, or, if it opens something, to the next.

    It takes no time of its own: the times are those of what is spoken. What follows the last word and opens something
    stays by itself. Signs such as "&" keep the space before them that the recogniser wrote.

    >>> words = [Word(0, 1, "Oh"), Word(1, 1, "!"), Word(1, 1, "¿"), Word(1, 2, "Qué")]
    >>> [word.text for word in with_punctuation(words)]
    ['Oh!', '¿Qué']
    >>> joined(with_punctuation([Word(0, 1, "rock"), Word(1, 1, "&"), Word(1, 2, "roll")]))
    'rock & roll'
    """
    result: list[Word] = []
    opening: list[Word] = []
    for word in words:
        if word.is_spoken:
            result.append(_opened(opening, word))
            opening = []
        elif opening or not result or set(word.text) <= OPENING:
            opening.append(word)
        else:
            last = result[-1]
            text = last.text + (" " if _is_sign(word.text[0]) and not word.glued else "") + word.text
            result[-1] = replace(last, text=text, ends_segment=last.ends_segment or word.ends_segment)
    return result + opening


def _opened(opening: Sequence[Word], word: Word) -> Word:
    if not opening:
        return word
    text = "".join(mark.text for mark in opening)
    between = " " if (text[-1] in DASHES or _is_sign(text[-1])) and not word.glued else ""
    return replace(word, text=text + between + word.text, glued=opening[0].glued)


def _is_sign(character: str) -> bool:
    """It stands for a word, or is a picture, and is not punctuation."""
    return character in "&%@#*/" or unicodedata.category(character).startswith("S")


def spread(text: str, start_s: float, end_s: float) -> list[Word]:
    """The words of a piece of text whose times are not known but for its start and end.

    Each gets a share of the time by its number of letters. In scripts without spaces each character is a word.

    Args:
        text: of the piece.
        start_s, end_s: its times.

    >>> [(word.text, word.start_s, word.end_s) for word in spread("I see it", 1.0, 2.2)]
    [('I', 1.0, 1.2), ('see', 1.2, 1.8), ('it', 1.8, 2.2)]
    """
    pieces = pieces_of(text)
    whole, said = sum(len(piece) for piece, _ in pieces), 0
    words: list[Word] = []
    for piece, glued in pieces:
        said += len(piece)
        from_s = words[-1].end_s if words else start_s
        until_s = end_s if said == whole else max(from_s, round(start_s + (end_s - start_s) * said / whole, 6))
        words.append(Word(from_s, max(from_s, until_s), piece, glued=glued, estimated=len(pieces) > 1))
    return words


def pieces_of(text: str) -> list[tuple[str, bool]]:
    """The words of a text, each with whether it is glued to the one before; a character of CJK is a word.

    >>> pieces_of("see 你好!")
    [('see', False), ('你', False), ('好!', True)]
    """
    pieces: list[tuple[str, bool]] = []
    for part in text.split():
        run = ""
        glued = False
        for character in part:
            if (run and is_cjk(character) and character.isalnum()) or (run and is_cjk(run[-1]) and character.isalnum()):
                pieces.append((run, glued))
                run, glued = "", True
            run += character
        pieces.append((run, glued))
    return pieces


def is_cjk(character: str) -> bool:
    """Of a script that puts no spaces between words: Chinese or Japanese."""
    return any(first <= ord(character) <= last for first, last in CJK)


def continues(last: Word, word: Word) -> bool:
    """Whether a word follows another without a space by its script: Chinese or Japanese."""
    return is_cjk(last.text[-1]) and is_cjk(word.text[0])


def closed_up(words: Sequence[Word]) -> list[Word]:
    """The words of a text that has spaces in Chinese and Japanese, too, without those.

    >>> joined(closed_up([Word(0, 1, "你"), Word(1, 2, "好。"), Word(2, 3, "Yes.")]))
    '你好。 Yes.'
    """
    pairs = zip([None, *words], words, strict=False)
    return [replace(word, glued=word.glued or (last is not None and continues(last, word))) for last, word in pairs]


def in_order(words: Iterable[Word]) -> list[Word]:
    """By their starts; words that start together stay as they are."""
    return sorted(words, key=lambda word: word.start_s)
