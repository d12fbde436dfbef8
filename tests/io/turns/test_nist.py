"""What RTTM and UEM have in common."""

import pytest

from pysid.errors import DataError
from pysid.io.text import RowFormat
from pysid.io.turns.nist import one_words, read_nist_rows, seconds


def test_comments_and_blank_lines_are_skipped(tmp_path):
    path = tmp_path / "a.uem"
    path.write_bytes(b"\xef\xbb\xbf;; comment\r\n\n  # another ; one\n a 1 \r\nb ;2\n")
    assert list(read_nist_rows(path, RowFormat("name number"))) == [(4, ["a", "1"]), (5, ["b", ";2"])]
    path.write_text("; x\na\n")
    with pytest.raises(DataError, match=r"a.uem:2: expected 'name number', got 'a'"):
        list(read_nist_rows(path, RowFormat("name number")))


@pytest.mark.parametrize("text", ["-0.1", "nan", "inf", "1e10", "x"])
def test_times_are_seconds_from_0_on(text):
    with pytest.raises(ValueError, match=f"expected a start in seconds, 0 or more, got '{text}'"):
        seconds(text, "a start")
    assert [seconds(text, "a start") for text in ("0", "1e9", "-0")] == [0, 1e9, 0]


def test_names_become_one_word_each_or_are_refused():
    assert one_words(["a b", "a\tc", "a\u3000d", "e"]) == {
        "a b": "a_b",
        "a\tc": "a_c",
        "a\u3000d": "a_d",
        "e": "e",
    }
    with pytest.raises(DataError, match="the names 'a b' and 'a_b' would both be written as 'a_b'"):
        one_words(["a b", "a_b"])
    with pytest.raises(DataError, match="expected a name of a recording or a speaker, got an empty one"):
        one_words(["a", ""])
