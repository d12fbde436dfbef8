"""What a line of each of Kaldi's tables may hold."""

import math
import re

import pytest

from pysid.io import table_formats as formats
from pysid.io.table_formats import SegmentLine, finite
from pysid.segments import Segment


def parse(table, line):
    return table.parse(table.row.split(line.encode()))


@pytest.mark.parametrize(
    ("table", "line", "value"),
    [
        (formats.ANY, "a", ""),
        (formats.WAV_SCP, "a sox 'my file.flac' -t wav - |", "sox 'my file.flac' -t wav - |"),
        (formats.SPK2UTT, "ann ann-1 ann-2", ["ann-1", "ann-2"]),
        (formats.DURATIONS, "a 1e1", 10.0),
        (formats.COUNTS, "a 7", 7),
        (formats.SPK2GENDER, "ann f", "f"),
        (formats.SEGMENTS, "a r 0 -1", SegmentLine("r", 0.0, math.inf)),
        (formats.SEGMENTS, "a r 1.5 2.25 1", SegmentLine("r", 1.5, 2.25, 1)),
        (formats.TRIALS, "a b", None),
        (formats.TRIALS, "a b nontarget", False),
        (formats.TRIALS, "1 a b", True),
    ],
)
def test_lines(table, line, value):
    assert parse(table, line) == value


@pytest.mark.parametrize(
    ("table", "line", "message"),
    [
        (formats.SPK2UTT, "ann", "expected 'speaker utterance...', got 'ann'"),
        (formats.UTT2SPK, "a ann b", "expected 'utterance speaker', got 'a ann b'"),
        (formats.DURATIONS, "a 0", "expected a duration in seconds above 0, got '0'"),
        (formats.DURATIONS, "a inf", "expected a duration in seconds above 0, got 'inf'"),
        (formats.COUNTS, "a 0", "expected a whole number above 0, got '0'"),
        (formats.COUNTS, "a 1.0", "expected a whole number above 0, got '1.0'"),
        (formats.COUNTS, "a ²", "expected a whole number above 0, got '²'"),
        (formats.SPK2GENDER, "ann w", "expected the gender m or f, got 'w'"),
        (formats.SEGMENTS, "a r x 2", "expected a start in seconds, got 'x'"),
        (formats.SEGMENTS, "a r 0 nan", "expected an end in seconds, got 'nan'"),
        (formats.SEGMENTS, "a r 0 1 -1", "expected a channel number from 0 on, got '-1'"),
        (formats.TRIALS, "a b yes", "expected target or nontarget in the third column, got 'yes'"),
    ],
)
def test_wrong_lines(table, line, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        parse(table, line)


def test_segments_are_written_as_they_are_read():
    for line in ("r 0.0 -1", "r 1.5 2.25 1", "r 0.1 0.30000000000000004"):
        assert str(parse(formats.SEGMENTS, f"a {line}")) == line
    assert SegmentLine("r", 1.0, 2.0).segment == Segment(1.0, 2.0)


def test_illegal_times_are_read_and_told():
    legal = [parse(formats.SEGMENTS, f"a r {times}").is_legal for times in ("0 -1", "1 2", "2 2", "3 2", "-1 2")]
    assert legal == [True, True, False, False, False]


@pytest.mark.parametrize("text", ["", "nan", "-inf", "1,5", "0x10", "1_0"])
def test_what_is_no_finite_number(text):
    with pytest.raises(ValueError, match=f"expected a time, got {text!r}"):
        finite(text, "a time")
