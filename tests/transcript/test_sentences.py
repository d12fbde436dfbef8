"""Sentences, and stray words given to the speaker of theirs."""

import pytest

from pysid.transcript.sentences import LONGEST_WORDS, ends_sentence, sentences, smooth
from pysid.transcript.words import Word


def words(text, speakers="", step_s=1.0, **all_have):
    """A word a second; speakers by their letters, "-" for nobody."""
    said = text.split()
    names = [None if letter == "-" else letter for letter in speakers] or [None] * len(said)
    return [
        Word(i * step_s, i * step_s + 0.5, word, speaker=who, **all_have)
        for i, (word, who) in enumerate(zip(said, names, strict=True))
    ]


def texts(found):
    return [" ".join(word.text for word in sentence) for sentence in found]


def speakers(found):
    return "".join(word.speaker or "-" for word in found)


def test_sentences_end_at_their_punctuation():
    said = words("Well, Dr. A. Smith came. He did! (Really?) Yes")
    assert texts(sentences(said)) == ["Well, Dr. A. Smith came.", "He did!", "(Really?)", "Yes"]


def test_without_punctuation_they_end_with_the_recognisers_pieces():
    said = [*words("so it is"), Word(3, 3.5, "yes", ends_segment=True), Word(4, 4.5, "no")]
    assert texts(sentences(said)) == ["so it is yes", "no"]
    punctuated = [Word(0, 1, "so", ends_segment=True), Word(1, 2, "it.")]
    assert texts(sentences(punctuated)) == ["so it."]


def test_a_long_pause_ends_one():
    assert texts(sentences([Word(0, 1, "so"), Word(2.9, 3, "it"), Word(5, 6, "is")])) == ["so it", "is"]
    assert list(sentences([])) == []


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("I.", True),
        ("。", True),
        ("etc.", False),
        ("e.g.", False),
        ("(Dr.", False),
        ("...", True),
        ('no!"', True),
        (",", False),
        ("U.S.", True),
    ],
)
def test_what_ends_a_sentence(text, ends):
    assert ends_sentence(Word(0, 1, text)) is ends


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("baaaaa", "aaaaaa"),  # one stray
        ("bbaaaa", "aaaaaa"),  # two
        ("bbbaaa", "bbbaaa"),  # three are no stray, and nobody has two thirds
        ("babaaa", "aaaaaa"),  # two runs of one
        ("a-aaaa", "aaaaaa"),  # a word of nobody's
        ("a-----", "a-----"),  # most are nobody's
    ],
)
def test_strays(before, after):
    assert speakers(smooth(words("one two three four five six.", before))) == after


def test_a_change_at_the_end_of_a_sentence_stays():
    assert speakers(smooth(words("It is. No. I see it.", "aabbbb"))) == "aabbbb"


def test_fewer_words_may_be_called_stray_or_none():
    said = words("one two three four five six.", "bbaaaa")
    assert speakers(smooth(said, max_stray_words=1)) == "bbaaaa"
    assert smooth(said, max_stray_words=0) == said


def test_what_has_lost_its_full_stops_is_left_alone():
    said = words(" ".join(["word"] * (LONGEST_WORDS + 1)), "b" + "a" * LONGEST_WORDS)
    assert smooth(said) == said
