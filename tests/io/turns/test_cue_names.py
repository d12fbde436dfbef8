"""Names before the text of subtitles."""

import pytest

from pysid.io.turns.cue_names import LONGEST, NOBODY, Said, has_name, label, names_before


@pytest.mark.parametrize("text", ["anna: yes", "[anna]: yes", "[anna] yes", "anna:\nyes", "  anna : yes"])
def test_forms_of_a_name(text):
    assert names_before([text]) == [Said("anna", len(text) - 3)]


@pytest.mark.parametrize(
    "text", ["yes", "anna:", "at 10:30 sharp", "[anna]", ": yes", "[ ] yes", "x" * 61 + ": yes", ""]
)
def test_no_name(text):
    assert not has_name(text)
    assert names_before([text, "anna: yes"]) is None
    assert names_before(["anna: yes", text, "ben: no"]) == [Said("anna", 6), Said("anna", 0), Said("ben", 5)]
    assert names_before(["Note: we begin", text]) is None, "one of several, as in subtitles without speakers"
    for sure in ("[anna]: yes", f"{NOBODY}: yes"):
        assert names_before([sure, text]) == [names_before([sure])[0], names_before([sure])[0]._replace(begins=0)]


def test_words_of_nobody():
    assert names_before([f"{NOBODY}: yes", "so", "ben: no"]) == [Said(None, 16), Said(None, 0), Said("ben", 5)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("anna", "anna"),
        ("Ana\tMaria\n", "Ana Maria"),
        ("Dr: Who", "Dr: Who"),
        ("10:30", "10:30"),
        ("a:", "a:"),
        ("[x]", "(x)"),
        ("[x] y: z", "(x) y: z"),
        ("x" * 70, "x" * LONGEST),
        (" ", None),
        (None, None),
    ],
)
def test_a_label_is_read_back_whatever_follows(name, expected):
    for text in ("yes", "so: yes", "b] c", "[b] c"):
        assert names_before([label(name) + text]) == [Said(expected, len(label(name)))]
