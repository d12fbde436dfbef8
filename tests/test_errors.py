"""What a corpus run says about the utterances that it left out."""

import pytest

from pysid.errors import DataError, Skipped


def test_bad_data_is_noted_and_a_bug_is_not():
    skipped = Skipped()
    with skipped.on_error("a"):
        raise DataError("a.wav: broken\nfrom byte 7 on")
    with skipped.on_error("b"):
        pass
    assert skipped.reasons == {"a": "a.wav: broken from byte 7 on"}
    assert len(skipped) == 1 and "a" in skipped and "b" not in skipped
    with pytest.raises(ValueError, match="a bug"), skipped.on_error("c"):
        raise ValueError("a bug")
    assert "c" not in skipped


def test_data_errors_are_value_errors():
    assert issubclass(DataError, ValueError)


def test_summary():
    skipped = Skipped()
    assert skipped.summary(5) == "skipped 0 of 5 utterances:"
    for i in range(5):
        skipped.add(f"u{i}", f"reason {i}")
    assert skipped.summary(9, limit=2).splitlines() == [
        "skipped 5 of 9 utterances:",
        "  u0: reason 0",
        "  u1: reason 1",
        "  ... and 3 more",
    ]
    assert skipped.summary(9, limit=5).splitlines()[-1] == "  u4: reason 4"


def test_brief_is_one_line():
    skipped = Skipped()
    assert skipped.brief() == "no utterance was skipped"
    skipped.add("u", "two\nlines")
    skipped.add("v", "another")
    assert skipped.brief() == "2 skipped, the first is u: two lines"
