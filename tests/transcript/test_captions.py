"""Subtitles of words."""

from dataclasses import replace
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from pysid.transcript import Transcript, Word, utterances
from pysid.transcript.captions import COLUMNS, LINES, captions

texts = st.sampled_from(["a", "well,", "morning.", "extraordinarily", "你好", "x" * 30, "y" * 100, "Really?"])


@st.composite
def transcripts(draw: st.DrawFn) -> Transcript:
    words, at_s = [], 0.0
    for text in draw(st.lists(texts, min_size=1, max_size=40)):
        at_s += draw(st.sampled_from([0.0, 0.0, 0.1, 1.0, 5.0]))
        end_s = at_s + draw(st.sampled_from([0.0, 0.2, 0.6]))
        who = draw(st.sampled_from(["anna", "ben", None, "a name of a speaker that is long"]))
        words.append(Word(at_s, end_s, text, glued=draw(st.booleans()), speaker=who))
        at_s = end_s
    return Transcript(words)


@settings(max_examples=200, deadline=None)
@given(transcripts(), st.booleans())
def test_cues_fit_the_screen_and_hold_every_word(transcript, names):
    cues = captions(utterances(transcript), names)
    for cue in cues:
        assert 1 <= len(cue.lines) <= LINES
        assert all(line and cell_len(line) <= COLUMNS for line in cue.lines)
        assert cue.end_s >= cue.start_s
    for a, b in pairwise(cues):
        assert a.start_s <= b.start_s and a.end_s <= max(b.start_s, a.start_s + 0.001)
    if not names:
        shown = "".join("".join(cue.lines) for cue in cues)
        said = "".join(word.text for word in transcript.words)
        assert shown.replace(" ", "") == said.replace(" ", "")


def cue_lines(text: str, names: bool = False) -> list[tuple[str, ...]]:
    words = [Word(i * 0.3, i * 0.3 + 0.3, word, speaker="anna") for i, word in enumerate(text.split())]
    return [cue.lines for cue in captions(utterances(Transcript(words)), names)]


def test_lines_are_of_about_one_length():
    assert cue_lines("This sentence is a little longer than one line can be.") == [
        ("This sentence is a little", "longer than one line can be.")
    ]


def test_a_cue_ends_with_a_sentence_that_is_long_enough():
    assert cue_lines("I know. That was what I had been told too. But then he came.") == [
        ("I know. That was what I had been told too.",),
        ("But then he came.",),
    ]


def test_the_name_is_where_the_speaker_changes():
    words = [
        Word(0, 1, "Hello.", speaker="anna"),
        Word(4, 5, "Ben?", speaker="anna"),
        Word(6, 7, "Yes.", speaker="ben"),
        Word(9, 9.5, "Hm.", speaker=None),
    ]
    cues = captions(utterances(Transcript(words)))
    assert [cue.lines for cue in cues] == [("anna: Hello.",), ("Ben?",), ("ben: Yes.",), ("(nobody known): Hm.",)]
    assert [cue.end_s for cue in cues] == [1, 5, 7, 10.0], "a short cue is shown for a second"


def test_a_single_speaker_has_the_name_twice():
    """Once would be as in subtitles without speakers, whose first text happens to begin as if with a name."""
    words = [Word(2 * i, 2 * i + 1, "Hello.", speaker="anna") for i in range(3)]
    cues = captions(utterances(Transcript(words)))
    assert [cue.lines for cue in cues] == [("anna: Hello.",), ("anna: Hello.",), ("Hello.",)]


def test_a_pause_ends_a_cue():
    words = [Word(0, 0.5, "And"), Word(0.5, 1, "then"), Word(2, 3, "nothing")]
    assert [cue.lines for cue in captions(utterances(Transcript(words)))] == [("And then",), ("nothing",)]


def test_a_text_that_begins_as_if_with_a_name_has_the_name_before_it():
    words = [Word(0, 1, "So."), Word(4, 4.5, "Note:"), Word(4.5, 5, "we"), Word(5, 6, "begin.")]
    of_anna = [replace(word, speaker="anna") for word in words]
    assert [cue.lines for cue in captions(utterances(Transcript(of_anna)))] == [
        ("anna: So.",),
        ("anna: Note: we begin.",),
    ]
    assert [cue.lines for cue in captions(utterances(Transcript(words)))] == [("So.",), ("Note: we begin.",)]
    assert [cue.lines for cue in captions(utterances(Transcript(words[1:])))] == [("(nobody known): Note: we begin.",)]
    assert captions(utterances(Transcript(words[1:])), names=False)[0].lines == ("Note: we begin.",)
