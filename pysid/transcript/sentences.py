"""Sentences of a transcript, and speakers that change at their ends and not at stray words.

Turns begin and end a little too early or too late, words too, and so a sentence's first or last word falls to the
wrong speaker now and then. Most changes of speakers are at ends of sentences; a change in the middle that is made by
a word or two is more often an error than not.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from pysid.transcript.punctuation import ABBREVIATIONS, CLOSING, ENDS
from pysid.transcript.words import Word

MAX_STRAY_WORDS = 2
MIN_SHARE = 2 / 3  # of the words of a sentence, that its speaker has
PAUSE_S = 2.0  # that ends a sentence, whatever its punctuation
LONGEST_WORDS = 60  # of a sentence: anything longer has lost its full stops, and speakers may well change in it


def smooth(words: Sequence[Word], max_stray_words: int = MAX_STRAY_WORDS) -> list[Word]:
    """The words with stray ones given to the speaker of their sentence.

    A stray is a run of at most `max_stray_words` in a sentence of which another has at least two thirds of the words.
    Sentences end at their punctuation; where a transcript has none, at the ends of the recogniser's own segments; and
    at pauses of 2 s.

    >>> said = zip("So I think so . Yes".split(), ["ben", "anna", "anna", "anna", "anna", "ben"])
    >>> [word.speaker for word in smooth([Word(i, i + 1, text, speaker=who) for i, (text, who) in enumerate(said)])]
    ['anna', 'anna', 'anna', 'anna', 'anna', 'ben']
    """
    return [word for sentence in sentences(words) for word in _smoothed(sentence, max_stray_words)]


def sentences(words: Sequence[Word]) -> Iterator[list[Word]]:
    """The words, sentence by sentence."""
    is_punctuated = any(ends_sentence(word) for word in words)
    sentence: list[Word] = []
    for word in words:
        if sentence and word.start_s - sentence[-1].end_s >= PAUSE_S:
            yield sentence
            sentence = []
        sentence.append(word)
        if ends_sentence(word) if is_punctuated else word.ends_segment:
            yield sentence
            sentence = []
    if sentence:
        yield sentence


def ends_sentence(word: Word) -> bool:
    """Whether its punctuation says so; that of abbreviations and initials does not.

    >>> [ends_sentence(Word(0, 1, text)) for text in ("home.", "(Yes!)", "Dr.", "J.", "3,")]
    [True, True, False, False, False]
    """
    text = word.text.rstrip(CLOSING)
    if not text or text[-1] not in ENDS:
        return False
    bare = text.rstrip(".")
    is_initial = len(bare) == 1 and bare.isalpha() and bare.isupper() and bare not in "I"
    return text[-1] != "." or not (is_initial or bare.lower().lstrip("(\"'") in ABBREVIATIONS)


def _smoothed(sentence: list[Word], max_stray_words: int) -> list[Word]:
    counts = Counter(word.speaker for word in sentence if word.is_spoken)
    if len(sentence) > LONGEST_WORDS or not counts:
        return sentence
    speaker, count = counts.most_common(1)[0]
    if speaker is None or count < MIN_SHARE * counts.total():
        return sentence
    result: list[Word] = []
    for who, run in groupby(sentence, key=lambda word: word.speaker):
        words = list(run)
        stray = who != speaker and len(words) <= max_stray_words
        result += [replace(word, speaker=speaker) for word in words] if stray else words
    return result
