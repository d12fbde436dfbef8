"""SubRip and WebVTT."""

import re

import pytest

from pysid.errors import DataError
from pysid.io.turns.subtitles import format_srt, format_vtt, read_subtitle_turns
from pysid.segments import Segment, Turn

TURNS = [
    Turn(Segment(59.9996, 61.5), "Zoë"),
    Turn(Segment(1.0, 2.5), "Q & A <host> -->"),
    Turn(Segment(2.0, 3.0), "two\nlines"),
    Turn(Segment(5.0, 5.0), "nobody"),
    Turn(Segment(360000.0, 360001.0), "late"),
]


def test_srt():
    assert format_srt(TURNS) == (
        "1\n00:00:01,000 --> 00:00:02,500\nQ & A <host> -->\n"
        "\n2\n00:00:02,000 --> 00:00:03,000\ntwo lines\n"
        "\n3\n00:01:00,000 --> 00:01:01,500\nZoë\n"
        "\n4\n100:00:00,000 --> 100:00:01,000\nlate\n"
    )


def test_vtt():
    assert format_vtt(TURNS) == (
        "WEBVTT\n"
        "\n00:00:01.000 --> 00:00:02.500\n"
        "<v Q &amp; A &lt;host&gt; --&gt;>Q &amp; A &lt;host&gt; --&gt;\n"
        "\n00:00:02.000 --> 00:00:03.000\n<v two lines>two lines\n"
        "\n00:01:00.000 --> 00:01:01.500\n<v Zoë>Zoë\n"
        "\n100:00:00.000 --> 100:00:01.000\n<v late>late\n"
    )


def test_no_turns():
    assert format_srt([]) == ""
    assert format_vtt([]) == "WEBVTT\n"


@pytest.mark.parametrize("format_turns", [format_srt, format_vtt])
def test_no_name_can_make_a_line_or_a_cue_of_its_own(format_turns):
    name = "a\n\n9\r\n00:00:00.000 --> 00:00:01.000\u2028b"
    lines = format_turns([Turn(Segment(0, 1), name), Turn(Segment(1, 2), "c")]).splitlines()
    times = [line for line in lines if re.match(r"\d\d:\d\d:\d\d[.,]\d{3} --> \d\d:\d\d:\d\d[.,]\d{3}$", line)]
    assert len(times) == 2
    with pytest.raises(DataError, match="expected a speaker's name"):
        format_turns([Turn(Segment(0, 1), " ")])


def test_cues_without_a_blank_line_between_them(tmp_path):
    path = tmp_path / "a.srt"
    path.write_text("1\n00:00:01,000 --> 00:00:02,000\nanna\n2\n00:00:02,000 --> 00:00:03,000\n4711\n3\n")
    assert read_subtitle_turns(path) == [Turn(Segment(1, 2), "anna"), Turn(Segment(2, 3), "4711 3")]
    path.write_text("1\n00:00:01,000 --> 00:00:02,000\n4711\n\n2\n00:00:02,000 --> 00:00:03,000\na --> b\n")
    assert [turn.speaker for turn in read_subtitle_turns(path)] == ["4711", "a --> b"]
