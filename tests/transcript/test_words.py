"""Words and their punctuation."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pysid.transcript.words import Word, joined, pieces_of, spread, with_punctuation


@given(st.text(alphabet="ab你好,! \n", max_size=30), st.floats(0, 100), st.floats(0, 10))
def test_pieces_of_a_text_are_the_text_and_fill_its_time(text, start_s, duration_s):
    assert "".join(("" if glued else " ") + piece for piece, glued in pieces_of(text)).split() == text.split()
    if not text.strip():
        return
    words = spread(text, start_s, start_s + duration_s)
    assert joined(words).split() == text.split()
    assert words[0].start_s == start_s and words[-1].end_s == pytest.approx(start_s + duration_s, abs=1e-5)
    assert all(a.end_s == b.start_s for a, b in pairwise(words))


@given(st.lists(st.tuples(st.sampled_from(["a", "you", ".", "?!", "(", "«", "-", "42"]), st.booleans()), max_size=12))
def test_no_character_is_lost_and_punctuation_never_stands_alone(pieces):
    words = [Word(i, i + 1, text, glued=glued) for i, (text, glued) in enumerate(pieces)]
    merged = with_punctuation(words)
    assert "".join(w.text for w in merged).replace(" ", "") == "".join(text for text, _ in pieces)
    if any(word.is_spoken for word in words):
        alone = [i for i, word in enumerate(merged) if not word.is_spoken]
        assert alone == list(range(len(merged) - len(alone), len(merged))), "but what opens something that never comes"


@pytest.mark.parametrize(
    "text",
    ["rock & roll", "100 % of it", "5 + 3 = 8", "it costs $5", "♪ la la ♪", ">> hello", "yes, (well) — no", "AT&T"],
)
def test_signs_keep_their_spaces(text):
    words = [Word(i, i + 1, piece) for i, piece in enumerate(text.split())]
    if "$" in text:  # a recogniser's own piece, with the number glued to it
        words = [*words[:2], Word(2, 3, "$"), Word(3, 4, "5", glued=True)]
    assert joined(with_punctuation(words)) == text


def test_what_is_no_word():
    with pytest.raises(ValueError, match="a word needs text"):
        Word(0, 1, " ")
    with pytest.raises(ValueError, match="0 <= start <= end"):
        Word(2, 1, "x")
