"""Lines of text files as fields: what is skipped, what is refused, and how messages show it."""

import re

import pytest

from pysid.errors import DataError
from pysid.io import text
from pysid.io.text import RowFormat, read_lines, read_rows, shorten, write_lines

PAIR = RowFormat("key value")


def test_windows_files_and_blank_lines_are_read(tmp_path):
    path = tmp_path / "t"
    path.write_bytes(b"\xef\xbb\xbfa\t1\r\n\r\n  \n b  2 ")
    assert list(read_rows(path, PAIR)) == [(1, ["a", "1"]), (4, ["b", "2"])]


def test_only_the_white_space_of_the_c_locale_separates(tmp_path):
    path = tmp_path / "t"
    path.write_text("a x\u3000y\u00a0z\n")
    assert list(read_rows(path, PAIR)) == [(1, ["a", "x\u3000y\u00a0z"])]


def test_a_rest_may_have_spaces_in_it():
    assert RowFormat("key rest", max_splits=1).split(b"a cat 'my file' |\n") == ["a", "cat 'my file' |"]


def test_a_byte_order_mark_is_one_at_the_start_only(tmp_path):
    path = tmp_path / "t"
    path.write_bytes(b"a 1\n\xef\xbb\xbfb 2\n")
    assert list(read_rows(path, PAIR))[1] == (2, ["\ufeffb", "2"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a 1\nb\n", "t:2: expected 'key value', got 'b'"),
        (b"a 1 2\n", "t:1: expected 'key value', got 'a 1 2'"),
        (b"a \xff\n", "t:1: expected UTF-8 text, got"),
    ],
)
def test_wrong_lines_are_named(tmp_path, content, message):
    path = tmp_path / "t"
    path.write_bytes(content)
    with pytest.raises(DataError, match=re.escape(f"{tmp_path}/{message}")):
        list(read_rows(path, PAIR))


def test_a_line_without_end_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(text, "LONGEST_LINE", 4)
    path = tmp_path / "t"
    path.write_bytes(b"abcd\nabcde\n")
    with pytest.raises(DataError, match=r":1: expected a line of text, got more than 4 bytes"):
        list(read_lines(path))
    path.write_bytes(b"abc\nab")
    assert list(read_lines(path)) == [(1, b"abc\n"), (2, b"ab")]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"none: cannot read the file: No such file"):
        list(read_lines(tmp_path / "none"))


def test_what_is_written_is_read_back_whole_or_not_there(tmp_path):
    write_lines(tmp_path / "t", ["a 1", "b ü"])
    assert list(read_rows(tmp_path / "t", PAIR)) == [(1, ["a", "1"]), (2, ["b", "ü"])]

    def broken():
        yield "a 1"
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_lines(tmp_path / "new", broken())
    assert [path.name for path in tmp_path.iterdir()] == ["t"]


def test_long_and_strange_lines_fit_into_a_message():
    assert len(shorten("x" * 10_000)) < 90
    assert "\n" not in shorten("a\nb") and "\x1b" not in shorten(b"\x1b[31m")
