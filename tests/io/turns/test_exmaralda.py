"""EXMARaLDA's basic transcriptions: as its editor writes them, and as pysid does."""

import time

import pytest

from pysid.errors import DataError, PysidWarning
from pysid.io.turns.cues import RecordingTurns
from pysid.io.turns.exmaralda import format_exmaralda, read_contributions, read_exmaralda, spoken_in
from pysid.io.turns.formats import read_turns
from pysid.segments import Segment, Turn

EXB = """<?xml version="1.0" encoding="UTF-8"?>
<!-- (c) http://www.rrz.uni-hamburg.de/exmaralda -->
<basic-transcription>
<head><meta-information><project-name>Demo</project-name><transcription-name>A talk: one</transcription-name>
<referenced-file url="talk.wav"/><ud-meta-information><ud-information attribute-name="x"/></ud-meta-information>
<comment/><transcription-convention>HIAT</transcription-convention></meta-information>
<speakertable>
<speaker id="SPK0"><abbreviation>ANN</abbreviation><sex value="f"/><languages-used/><l1/><l2/>
<ud-speaker-information><ud-information attribute-name="Name">Anna Berg</ud-information></ud-speaker-information>
<comment/></speaker>
<speaker id="SPK1"><abbreviation> BEN </abbreviation><sex value="m"/></speaker>
<speaker id="SPK2"><abbreviation/></speaker>
</speakertable></head>
<basic-body><common-timeline>
<tli id="T0" time="0.5"/><tli id="T1"/><tli id="T2" time="2.0" type="intp"/><tli id="T3" time="2.5" bookmark="here"/>
<tli id="T4" time="4.0"/><tli id="T5" time="5.0"/><tli id="T6"/>
</common-timeline>
<tier id="TIE0" speaker="SPK0" category="v" type="t" display-name="ANN [v]">
<event start="T0" end="T1">Good morning every</event>
<event start="T1" end="T2">body. </event>
<event start="T2" end="T3">((0,5s)) </event>
<event start="T3" end="T4"><ud-information attribute-name="x">ID1</ud-information>Well, (so) yes. </event>
<event start="T5" end="T6">Bye. </event></tier>
<tier id="TIE1" speaker="SPK0" category="en" type="a"><event start="T0" end="T6">translated</event></tier>
<tier id="TIE2" speaker="SPK1" category="v" type="t"><event start="T1" end="T2">((unverständlich)) </event>
<event start="T4" end="T5"> </event></tier>
<tier id="TIE3" speaker="SPK1" category="nv" type="d"><event start="T4" end="T5">coughs</event></tier>
<tier id="TIE4" category="nn" type="t"><event start="T4" end="T5">a door</event></tier>
<tier id="TIE5" speaker="SPK2" category="v" type="t"><event start="T4" end="T5">hm </event></tier>
</basic-body></basic-transcription>
"""
TURNS = [
    Turn(Segment(0.5, 2.0), "ANN"),
    Turn(Segment(1.25, 2.0), "BEN"),
    Turn(Segment(2.5, 4.0), "ANN"),
    Turn(Segment(4.0, 5.0), "SPK2"),
]


def test_exmaralda_as_its_editor_writes_it(tmp_path):
    """Contributions cut within words, points without times, pauses, tiers of other kinds."""
    path = tmp_path / "talk.exb"
    path.write_text(EXB, encoding="utf-8")
    with pytest.warns(PysidWarning, match=r"talk\.exb: 1 of 5 contributions have no start or end: left out$"):
        assert read_turns(path) == [RecordingTurns("talk", TURNS, None)]
    name, tiers = read_contributions(path)
    assert tiers[0].contributions[1][0].text == "Well, (so) yes. "
    assert name is None and [(x.speaker, [len(y) for y in x.contributions]) for x in tiers] == [
        ("ANN", [2, 1, 1]),
        ("BEN", [1]),
        ("SPK2", [1]),
    ]


def body(tli: str, tier: str) -> str:
    timeline = f"<common-timeline>{tli}</common-timeline>"
    return f"<basic-transcription><basic-body>{timeline}{tier}</basic-body></basic-transcription>"


POINTS = '<tli id="a" time="1"/><tli id="b" time="{}"/>'
TIER = '<tier speaker="x" type="t"><event start="{}" end="{}">yes</event></tier>'


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("no xml", ": expected XML, got something else"),
        ("<TIMELINE/>", ": expected EXMARaLDA's basic-transcription, got 'TIMELINE'"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', ": expected plain XML, got one with a document type"),
        (body(POINTS.format("soon"), ""), ": expected a time in seconds, 0 or more, got 'soon'"),
        (body(POINTS.format("-1"), ""), ": expected a time in seconds, 0 or more, got '-1'"),
        (body(POINTS.format("1e12"), ""), ": expected a time in seconds, 0 or more, got '1e12'"),
        (
            body(POINTS.format("2"), TIER.format("a", "c")),
            ": expected events between points of the timeline, got 'a', 'c'",
        ),
        (
            body(POINTS.format("2"), TIER.format("b", "a")),
            ": expected events that end after their start, got 'b' to 'a'",
        ),
        (
            body(POINTS.format("0"), TIER.format("a", "b")),
            ": expected events that end after their start, got 'a' to 'b'",
        ),
        (
            body(POINTS.format("2"), TIER.format("a", "b").replace(' speaker="x"', "")),
            ": expected a tier of type 't' with a speaker, got none",
        ),
    ],
)
def test_what_is_not_exmaraldas_is_named(tmp_path, content, message):
    path = tmp_path / "a.exb"
    path.write_text(content)
    with pytest.raises(DataError) as caught:
        read_exmaralda(path, "a")
    assert str(caught.value).startswith(f"{path}{message}")


def test_events_that_last_no_time_or_overlap(tmp_path):
    path = tmp_path / "a.exb"
    path.write_text(body(POINTS.format("1"), TIER.format("a", "b")))
    assert read_exmaralda(path, "a").turns == []
    more = '<event start="b" end="c">no</event><event start="a" end="d">so</event></tier>'
    points = POINTS.format("2") + '<tli id="c" time="3"/><tli id="d" time="4"/>'
    path.write_text(body(points, TIER.format("a", "b").replace("</tier>", more)))
    assert read_exmaralda(path, "a").turns == [Turn(Segment(1.0, 4.0), "x")]


def test_names_are_kept_whatever_is_in_them(tmp_path):
    path = tmp_path / "a.exb"
    turns = [Turn(Segment(0.5, 2.0), 'the "boss" & <co>'), Turn(Segment(3.0, 4.0), "a\x07b")]
    path.write_text(format_exmaralda("Q & A", turns))
    found = read_exmaralda(path, "other")
    assert (found.recording, found.turns[0]) == ("Q & A", turns[0])
    assert found.turns[1].speaker == "a\N{REPLACEMENT CHARACTER}b"


def test_turns_of_one_speaker_that_touch_are_one_event(tmp_path):
    path = tmp_path / "a.exb"
    path.write_text(format_exmaralda("a", [Turn(Segment(0.5, 2.0), "x"), Turn(Segment(2.0, 3.0), "x")]))
    assert read_exmaralda(path, "a").turns == [Turn(Segment(0.5, 3.0), "x")]
    path.write_text(format_exmaralda("a", []))
    assert read_exmaralda(path, "a") == RecordingTurns("a", [], None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("• Ja ((lacht)) ((1,4s)) gut. ", "Ja gut."),
        ("((unv.)) (.) und (-) dann (0.5) ", "xxx und dann"),
        ("((inc.)) ça", "xxx ça"),
        ("((x))", ""),
    ],
)
def test_what_is_said_in_an_event(text, said):
    assert spoken_in(text) == said


def test_a_bracket_that_nobody_closed_takes_no_time():
    began_s = time.process_time()
    assert spoken_in("(" + "1" * 20_000) == "1" * 20_000
    assert time.process_time() - began_s < 1
