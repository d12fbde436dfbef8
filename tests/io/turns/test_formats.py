"""The registry of formats: what each writes it reads back, up to what the format has no place for."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pysid.diarization.turns import bridge_gaps
from pysid.errors import DataError
from pysid.io.turns.cues import RecordingTurns, by_speaker, one_line
from pysid.io.turns.formats import FORMATS, check_together, format_turns, kind_of, read_turns
from pysid.io.turns.nist import one_words
from pysid.segments import Segment, Turn

TURNS = [Turn(Segment(0.5, 2.0), "Zoë"), Turn(Segment(1.5, 3.25), "b")]

segments = st.tuples(st.integers(0, 10**7), st.integers(1, 10**5)).map(
    lambda t: Segment(t[0] / 1000, (t[0] + t[1]) / 1000)
)
plain = st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn")), min_size=1, max_size=8).filter(str.strip)
names = plain | st.sampled_from(
    ['the "boss"', "Q & A <host>", "Zoë 2", "a,b;c", "李雷", "=1+1", "[x]", "--", "Dr: Who"]
)
turn_lists = st.lists(st.builds(Turn, segments, names), max_size=8)

KEEPS_ORDER = {"rttm", "json", "csv", "pyannote"}
MERGES = {"textgrid", "elan", "exmaralda", "chat"}  # a speaker's turns that overlap
JOINS = {"exmaralda"}  # those that touch, too
ONE_LINE = {"srt", "vtt", "audacity", "textgrid", "elan", "exmaralda", "chat"}  # in names
ALWAYS_NAMES = {"json", "elan", "exmaralda", "chat"}  # the recording, also if nobody talks
KEEPS_RECORDING = {"rttm", "csv"} | ALWAYS_NAMES
KEEPS_DURATION = {"json", "textgrid"}


def kept(kind: str, turns: list[Turn]) -> list[Turn]:
    """What a format is to hold of turns."""
    if kind == "rttm":
        words = one_words(turn.speaker for turn in turns)
        return [Turn(turn.segment, words[turn.speaker]) for turn in turns]
    if kind in ONE_LINE:
        turns = [Turn(turn.segment, one_line(turn.speaker)) for turn in turns]
    if kind in MERGES:
        turns = [Turn(segment, name) for name, talks in by_speaker(turns).items() for segment in talks]
    return bridge_gaps(turns, 0.0) if kind in JOINS else turns if kind in KEEPS_ORDER else sorted(turns)


def could_be_two(kind: str, turns: list[Turn]) -> bool:
    """Names that come out the same, which RTTM refuses; or that look like a name before a text, in subtitles."""
    if kind == "rttm":
        seen = {turn.speaker for turn in turns}
        return len({"_".join(name.split()) for name in seen}) != len(seen) or len(
            {one_words([name])[name] for name in seen}
        ) != len(seen)
    # A name's brackets and tags are not kept where names have to be told from texts.
    return (
        kind == "srt" and any(set("[]<>{}") & set(x.speaker) for x in turns) and any(": " in x.speaker for x in turns)
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("turns")


@pytest.mark.parametrize("kind", FORMATS)
@settings(max_examples=60, deadline=None)
@given(turns=turn_lists, more_ms=st.integers(0, 5000), recording=plain)
def test_what_is_written_is_read_back(folder, kind, turns, more_ms, recording):
    if could_be_two(kind, turns):
        return
    duration_s = max([0.001, *(turn.segment.end_s for turn in turns)]) + more_ms / 1000
    path = folder / f"name{FORMATS[kind].ending}"
    path.write_text(FORMATS[kind].format(recording, turns, duration_s), encoding="utf-8")
    ((name, found, length_s),) = read_turns(path)
    assert found == kept(kind, turns)
    as_written = {"rttm": one_words([recording])[recording], "chat": one_line(recording)}
    expected = as_written.get(kind, recording)
    is_kept = kind in KEEPS_RECORDING and (turns or kind in ALWAYS_NAMES)
    assert name == (expected if is_kept else "name")
    assert length_s == (pytest.approx(duration_s, abs=1e-3) if kind in KEEPS_DURATION else None)


def test_several_recordings_in_a_file(tmp_path):
    rttm, table = tmp_path / "all.rttm", tmp_path / "all.csv"
    lines = "SPEAKER a 1 0.5 1.5 <NA> <NA> x <NA> <NA>\nSPEAKER b 1 1 1 <NA> <NA> x <NA> <NA>\n"
    rttm.write_text(lines)
    table.write_text("Recording;Start;Duration;Speaker\na;0:00,5;1,5;x\nb;0:00:01;1;x\n\n")
    expected = [
        RecordingTurns("a", [Turn(Segment(0.5, 2.0), "x")], None),
        RecordingTurns("b", [Turn(Segment(1.0, 2.0), "x")], None),
    ]
    assert read_turns(rttm) == read_turns(table) == expected


def test_which_formats_take_several_recordings(tmp_path):
    several = [RecordingTurns(name, TURNS, None) for name in ("a", "b")]
    for kind in (*FORMATS, "html"):
        check_together("x", kind, ["a"])
        if kind in ("rttm", "csv"):
            check_together("x", kind, ["a", "b"])
            path = tmp_path / f"x{FORMATS[kind].ending}"
            path.write_text(format_turns(kind, several))
            assert [(x.recording, x.turns) for x in read_turns(path)] == [("a", TURNS), ("b", TURNS)]
        else:
            with pytest.raises(DataError, match=f"^x: a {kind} file holds one recording, got 2: give a folder$"):
                check_together("x", kind, ["a", "b"])
    with pytest.raises(DataError, match="the names 'a b' and 'a_b' would both be written as 'a_b'"):
        check_together("x", "rttm", ["a b", "a_b"])


def test_a_text_file_may_be_rttm(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("SPEAKER a 1 0.5 1.5 <NA> <NA> x <NA> <NA>\n")
    assert read_turns(path)[0].recording == "a"
    path.write_text(";; from md-eval's\n\nSPKR-INFO a 1 <NA> <NA> <NA> adult_male x <NA> <NA>\n" + path.read_text())
    assert read_turns(path) == [RecordingTurns("a", [Turn(Segment(0.5, 2.0), "x")], None)]
    path.write_text("0.5\t2.0\tx\n")
    assert read_turns(path) == [RecordingTurns("a", [Turn(Segment(0.5, 2.0), "x")], None)]


@pytest.mark.parametrize(("kind", "name"), [("audacity", "stdin"), ("rttm", "a"), ("srt", "stdin")])
def test_standard_input(tmp_path, monkeypatch, kind, name):
    path = tmp_path / "input"
    path.write_text(FORMATS[kind].format("a", TURNS, 4.0))
    for chosen in {kind, "audacity"} if kind == "rttm" else {kind}:  # a text file may be RTTM
        with path.open() as file:
            monkeypatch.setattr("sys.stdin", file)
            assert read_turns("-", chosen) == [RecordingTurns(name, TURNS, None)]


@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_whose_name_is_no_utf8(tmp_path, kind):
    path = tmp_path / os.fsdecode(b"caf\xe9.srt")
    path.write_text(FORMATS["srt"].format("a", TURNS, 4.0))
    (found,) = read_turns(path)
    assert found.recording == "café"
    (tmp_path / "b").write_text(format_turns(kind, [found]))
    assert read_turns(tmp_path / "b", kind)[0].turns == TURNS


def test_subtitles_with_what_is_said(tmp_path):
    path = tmp_path / "a.srt"
    path.write_text(
        "1\n00:00:00,500 --> 00:00:02,000\nanna: Good morning:\nhello.\n\n"
        "2\n00:00:02,000 --> 00:00:03,000\nI said: hello.\n\n3\n00:00:04,000 --> 00:00:05,000\n[Dr. B] Yes.\n"
    )
    assert [turn.speaker for turn in read_turns(path)[0].turns] == ["anna", "I said", "Dr. B"]
    path = tmp_path / "a.vtt"
    path.write_text(
        "WEBVTT\n\n00:00.500 --> 00:02.000\n<v.loud Anna &amp; Ben>Good morning\n\n00:03.000 --> 00:04.000\nNote: yes\n"
    )
    assert read_turns(path)[0].turns == [Turn(Segment(0.5, 2.0), "Anna & Ben")], "a cue without a voice is nobody's"
    path.write_text("WEBVTT\n\n00:00.500 --> 00:02.000\n[SPEAKER_00]: Good morning\n\n00:02.000 --> 00:03.000\nall\n")
    assert [turn.speaker for turn in read_turns(path)[0].turns] == ["SPEAKER_00", "SPEAKER_00"]


def test_a_textgrid_with_one_tier_of_names(tmp_path):
    path = tmp_path / "a.TextGrid"
    path.write_text(
        FORMATS["textgrid"].format("a", [Turn(Segment(0.5, 2.0), "x")], 3.0).replace('name = "x"', 'name = "who"')
    )
    assert read_turns(path)[0].turns == [Turn(Segment(0.5, 2.0), "x")]


def test_endings_tell_formats_apart():
    assert len({kind.ending for kind in FORMATS.values()}) == len(FORMATS)
    assert all(kind_of(f"a.b{kind.ending.upper()}") == name for name, kind in FORMATS.items())
    with pytest.raises(DataError, match=r"a\.pdf: expected a name that ends in one of \.rttm, "):
        kind_of("a.pdf")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "", ":1: expected the names of columns 'recording,start_s,end_s,speaker', got ''"),
        ("a.csv", "start,end\n1,2\n", ":1: expected the names of columns"),
        (
            "a.csv",
            "start,end,speaker\n1,2,x\n2,1,x\n",
            ":3: expected a turn that starts at 0 s or later and ends after",
        ),
        ("a.csv", "start,end,speaker\n1,2\n", ":2: expected at least 3 columns, got 2"),
        ("a.csv", "start,end,speaker\nsoon,2,x\n", ":2: expected a time in seconds or as h:mm:ss, got 'soon'"),
        ("a.csv", "start,end,speaker\n1:2:3:4,2,x\n", ":2: expected a time in seconds or as h:mm:ss"),
        ("a.csv", "start,end,speaker\n1,2, \n", ":2: expected a speaker, got an empty field"),
        ("a.csv", b"start,end,speaker\n1,2,caf\xe9\n", ":2: expected UTF-8 text"),
        ("a.srt", "no subtitles", ": expected subtitles, with lines '00:00:01,000 --> 00:00:02,500', got none"),
        ("a.srt", "1\n00:00:01 --> 00:00:02\nx\n", ":2: expected '00:00:01,000 --> 00:00:02,500', got "),
        ("a.srt", "1\n00:00:03,000 --> 00:00:02,000\nx\n", ":2: expected a cue that ends after its start"),
        (
            "a.srt",
            "1\n00:00:01,000 --> 00:00:02,000\n\n",
            ": expected a speaker's name in the cue at 1.000 s, got none",
        ),
        ("a.vtt", b"WEBVTT\n\ncaf\xe9\n", ":3: expected UTF-8 text"),
        ("a.TextGrid", "hello", ": expected a whole TextGrid, got one that is cut off"),
        ("a.TextGrid", '"ooTextFile" "Pitch"', ": expected a TextGrid, got 'ooTextFile' of 'Pitch'"),
        ("a.TextGrid", '"ooTextFile" "TextGrid" 0 1 1 "x"', ": expected a whole TextGrid"),
        ("a.TextGrid", '"ooTextFile" "TextGrid" 0 1 1 "x" "y"', ": expected an IntervalTier or a TextTier, got 'x'"),
        ("a.TextGrid", '"ooTextFile" "TextGrid" 0 "b"', ": expected a number, got the text 'b'"),
        ("a.TextGrid", b"\xff\xfea", ": expected UTF-8 or UTF-16 text"),
    ],
)
def test_bad_files(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError) as caught:
        read_turns(path)
    assert str(caught.value).startswith(f"{path}{message}")


@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_that_is_not_there(tmp_path, kind):
    with pytest.raises(DataError, match="cannot read the file: No such file"):
        read_turns(tmp_path / f"none{FORMATS[kind].ending}")
