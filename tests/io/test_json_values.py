"""JSON of other programs: every error names the file and the place in it."""

import math

import pytest

from pysid.errors import DataError
from pysid.io import json_values
from pysid.io.json_values import JsonValue, named_errors, read_json, read_json_documents, whole_text


def put(folder, content):
    path = folder / "words.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_a_document_with_a_byte_order_mark(tmp_path):
    assert read_json(put(tmp_path, b'\xef\xbb\xbf {"a": [1]} \n'))["a"].items()[0].number() == 1


@pytest.mark.parametrize("joint", ["", "\n", " \r\n\t"])
def test_documents_one_after_the_other(tmp_path, joint):
    found = read_json_documents(put(tmp_path, joint.join(['{"a": 1}', "[2]", "{}"])))
    assert [document.value for document in found] == [{"a": 1}, [2], {}]
    with pytest.raises(DataError, match="expected one JSON document, got 3 of them"):
        read_json(tmp_path / "words.json")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "expected JSON, got an empty file"),
        (" \n ", "expected JSON, got an empty file"),
        ('{"a": 1}\n{"a"', r"words.json:2: expected JSON"),
        ("[" * 100_000, "lists nested too deeply"),
    ],
)
def test_what_is_no_json(tmp_path, content, message):
    with pytest.raises(DataError, match=message):
        read_json_documents(put(tmp_path, content))


def test_a_file_that_is_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr(json_values, "MAX_BYTES", 10)
    with pytest.raises(DataError, match=r"words\.json: "):
        read_json(put(tmp_path, "[" + " " * 20 + "]"))


def test_a_number_of_many_digits_costs_little(tmp_path):
    assert math.isinf(read_json(put(tmp_path, "9" * 5000)).value)
    assert read_json(put(tmp_path, "1234567890123456789")).value == 1234567890123456789


def test_bytes_that_are_no_utf8_are_kept_for_later(tmp_path):
    halves = read_json(put(tmp_path, b'["caf\xc3", "\xa9"]')).items()
    assert whole_text("".join(half.bytes_text() for half in halves)) == "café"
    assert whole_text(halves[0].bytes_text()) == "caf\ufffd"
    with pytest.raises(ValueError, match=r"expected \[0\] to be UTF-8 text"):
        halves[0].text()


DOCUMENT = JsonValue(
    {"words": [{"start": "1.5", "end": -1, "text": "a", "none": None}], "empty": {}, "late": 1e12 + 1000}
)


def test_values_know_where_they_are():
    word = DOCUMENT["words"].items()[0]
    assert word.where == "words[0]" and word["start"].where == "words[0].start"
    assert word["start"].seconds() == 1.5 and word["start"].seconds(1000) == 0.0015
    assert "none" not in word and word.get("none") is None and word.get("gone") is None
    assert word.get("text").text() == "a" and DOCUMENT.list_of("gone") == [] and len(DOCUMENT.list_of("words")) == 1


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (
            lambda d: d["word"],
            r"expected the document to be an object with 'word', got one with 'words', 'empty', 'late'$",
        ),
        (lambda d: d["empty"]["x"], r"expected empty to be an object with 'x', got an empty one$"),
        (lambda d: d["words"]["x"], r"expected words to be an object with 'x', got a list$"),
        (lambda d: d["empty"].items(), r"expected empty to be a list, got an object$"),
        (lambda d: d["words"].items()[0]["none"].text(), r"expected words\[0\].none to be text, got null$"),
        (lambda d: d["words"].items()[0]["text"].number(), r"expected words\[0\].text to be a number, got '\"a\"'$"),
        (lambda d: d["words"].items()[0]["end"].seconds(), r"to be seconds, 0 or more, got '-1'$"),
        (lambda d: d["words"].items()[0]["end"].seconds(1000), r"to be milliseconds, 0 or more, got '-1'$"),
        (lambda d: d["late"].seconds(), r"expected late to be seconds, at most 1e\+09, got '1000000001000.0'$"),
        (lambda d: d["late"].seconds(1000), r"expected late to be milliseconds, at most 1e\+12, got"),
    ],
)
def test_wrong_values(ask, message):
    with pytest.raises(ValueError, match=message):
        ask(DOCUMENT)


@pytest.mark.parametrize("value", [True, math.nan, math.inf, "nan", [], None])
def test_what_is_no_number(value):
    with pytest.raises(ValueError, match="expected the document to be a number"):
        JsonValue(value).number()


def test_errors_get_the_name_of_the_file_once():
    with pytest.raises(DataError, match=r"^a.json: wrong$"), named_errors("a.json"):
        raise ValueError("wrong")
    with pytest.raises(DataError, match=r"^named already$"), named_errors("a.json"):
        raise DataError("named already")
