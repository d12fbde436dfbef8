"""Paragraphs: where one ends and the next begins."""

import pytest

from pysid.transcript.utterances import Utterance, utterances
from pysid.transcript.words import Transcript, Word


def words(*told):
    """Words of (start in seconds, text, speaker), of 0.4 s each."""
    return [Word(start_s, start_s + 0.4, text, speaker=speaker) for start_s, text, speaker in told]


def texts(*told, **options):
    return [(x.speaker, x.text) for x in utterances(Transcript(words(*told)), **options)]


def test_a_speaker_begins_one():
    told = (0.0, "Good", "a"), (0.5, "morning.", "a"), (1.0, "Hello.", "b"), (1.5, "Who?", None)
    assert texts(*told) == [("a", "Good morning."), ("b", "Hello."), (None, "Who?")]
    assert texts() == []


@pytest.mark.parametrize(
    ("first", "pause_s", "n"),
    [("Yes.", 1.9, 1), ("Yes.", 2.1, 2), ("Yes", 2.1, 1), ("Yes", 3.9, 1), ("Yes", 4.1, 2)],
)
def test_a_pause_ends_one_sooner_where_a_sentence_ends(first, pause_s, n):
    assert len(texts((0.0, first, "a"), (0.4 + pause_s, "no", "a"))) == n
    assert len(texts((0.0, first, "a"), (0.4 + pause_s, "no", "a"), pause_s=9.0)) == 1


def test_a_long_one_ends_with_the_next_sentence():
    told = [(0.5 * i, "word." if i % 10 == 9 else "word", "a") for i in range(60)]
    found = utterances(Transcript(words(*told)), longest_s=12.0)
    assert [len(x.words) for x in found] == [30, 30]
    assert all(x.text.endswith(".") for x in found)


def test_its_times_are_those_of_its_words():
    one = Utterance("a", [Word(1.0, 5.0, "long"), Word(2.0, 2.5, "short")])
    assert (one.start_s, one.end_s, one.text) == (1.0, 5.0, "long short")
