"""Lines on standard error as Kaldi's scripts look for them."""

import re

import pytest

from pysid.kaldi.log import Log, six_digits


def test_each_kind_has_its_word_and_the_program(capsys):
    log = Log("copy-feats")
    log.info("Copied 3 feature matrices.")
    log.warn("no such key")
    log.error("it ends")
    lines = capsys.readouterr().err.splitlines()
    place = r" \(copy-feats\[5\.5\]:main\(\):copy-feats\.cc:\d+\) "
    words = [("LOG", "Copied 3 feature matrices."), ("WARNING", "no such key"), ("ERROR", "it ends")]
    for line, (word, text) in zip(lines, words, strict=True):
        assert re.fullmatch(word + place + re.escape(text), line)
    first, second = (int(re.search(r"\.cc:(\d+)", line)[1]) for line in lines[:2])
    assert second == first + 1  # of the caller


@pytest.mark.parametrize(("verbose", "shown"), [(0, []), (1, ["VLOG[1]"]), (3, ["VLOG[1]", "VLOG[3]"])])
def test_remarks_up_to_the_level(verbose, shown, capsys):
    log = Log("a")
    log.verbose = verbose
    log.remark(1, "x")
    log.remark(3, "y")
    assert [line.split(" ")[0] for line in capsys.readouterr().err.splitlines()] == shown


@pytest.mark.parametrize(
    ("value", "text"), [(100000.0, "100000"), (1234567.0, "1.23457e+06"), (0.1 + 0.2, "0.3"), (float("-inf"), "-inf")]
)
def test_numbers_as_a_stream_prints_them(value, text):
    assert six_digits(value) == text
