"""Codes of languages."""

import pytest

from pysid.transcript.languages import THREE_LETTERS, TWO_LETTERS, three_letters, two_letters


def test_codes_are_there_and_back():
    assert all(len(two) == 2 and len(three) == 3 for two, three in THREE_LETTERS.items())
    assert all(THREE_LETTERS[two] == three for three, two in TWO_LETTERS.items())
    assert TWO_LETTERS["jav"] == "jv" and three_letters("jw") == "jav"


@pytest.mark.parametrize(
    ("language", "three"),
    [
        ("de", "deu"),
        ("pt_BR", "por"),
        ("ZH-hans", "zho"),
        ("haw", "haw"),
        ("english", "und"),
        ("x", "und"),
        ("", "und"),
    ],
)
def test_three_letters(language, three):
    assert three_letters(language) == three


def test_two_letters():
    assert [two_letters(language) for language in ("deu", "haw", None)] == ["de", "haw", None]
