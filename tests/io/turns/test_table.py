"""Turns as CSV, also as other programs and spreadsheets write it."""

import pytest

from pysid.errors import DataError
from pysid.io.turns.table import format_table, read_table
from pysid.segments import Segment, Turn

TURN = Turn(Segment(61.5, 63.0), "anna")


def read(folder, content):
    path = folder / "t.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_table(path, "t")


@pytest.mark.parametrize(
    "content",
    [
        "start,end,speaker\n61.5,63,anna\n",
        "\ufeffStart;End;Speaker\r\n61,5;63,0;anna\r\n",  # a German spreadsheet
        "sep=;\r\nstart;end;speaker\r\n61,5;63;anna\r\n",  # for Excel
        "speaker\tonset\tduration\nanna\t1:01.5\t1.5\n",
        "Start Time,Duration,Label\n0:01:01.5,00:01.5,anna\n\n , , \n",
        'label,tmax,tmin\n"anna",63,61.5\n',
        "tmin\ttier\ttext\ttmax\n61.5\tanna\tGood morning\t63\n",  # Praat's table of a TextGrid
        "Speaker Name,Start Time,End Time,Text\nanna,00:01:01.5,00:01:03,Good morning\n",
    ],
)
def test_columns_by_many_names_and_times_by_the_clock(tmp_path, content):
    ((recording, turns, duration),) = read(tmp_path, content)
    assert (recording, turns, duration) == ("t", [TURN], None)


def test_other_text_than_utf8_is_named_with_its_line(tmp_path):
    with pytest.raises(DataError, match=r"t\.csv:2: expected UTF-8 text; of a spreadsheet, save it as CSV UTF-8$"):
        read(tmp_path, b"start;end;speaker\r\n0;1;M\xfcller\r\n")


def test_recordings_of_a_file_keep_their_order(tmp_path):
    found = read(tmp_path, "uri,start,end,speaker\nb,1,2,x\na,1,2,x\nb,2,3,y\n,5,6,z\n")
    assert [(x.recording, len(x.turns)) for x in found] == [("b", 2), ("a", 1), ("t", 1)]
    assert [(x.recording, x.turns) for x in read(tmp_path, "start,end,speaker\n")] == [("t", [])]


def test_a_speaker_without_a_name_is_not_written():
    with pytest.raises(DataError, match="expected a speaker's name, got ' '"):
        format_table("a", [TURN, Turn(TURN.segment, " ")])


def test_names_with_commas_and_quotation_marks(tmp_path):
    turns = [Turn(Segment(0, 1), 'the "boss", Ann'), Turn(Segment(0.0004, 2), "line\nbreak")]
    ((recording, found, _),) = read(tmp_path, format_table("a,b", turns))
    assert recording == "a,b" and [turn.speaker for turn in found] == [turn.speaker for turn in turns]
    assert format_table("a", turns, header=False).startswith("a,0.000,1.000,")


def test_no_name_is_run_as_a_formula(tmp_path):
    turns = [Turn(Segment(i, i + 1), name) for i, name in enumerate(["=1+1", "'=1+1", "-ann", "'t Hooft", "+49", "@a"])]
    text = format_table("-day", turns)
    assert text.startswith("recording,start_s,end_s,speaker\n'-day,0.000,1.000,'=1+1\n")
    assert not any(field.startswith(tuple("=+-@")) for field in text.replace("\n", ",").split(","))
    ((recording, found, _),) = read(tmp_path, text)
    assert (recording, found) == ("-day", turns)


@pytest.mark.parametrize("time", ["-1", "1:-5", "1e308", "1e400", "1:2:3:4", "1:x", "", ":", "0,5"])
def test_what_is_no_time(tmp_path, time):
    with pytest.raises(DataError, match=r"t.csv:2: expected"):
        read(tmp_path, f'start,end,speaker\n"{time}",99,a\n')
    with pytest.raises(DataError, match=r"t.csv:2: expected"):
        read(tmp_path, f'start,duration,speaker\n99,"{time}",a\n')


def test_a_turn_that_never_ends(tmp_path):
    with pytest.raises(DataError, match=r"t.csv:2: expected a turn that ends within 1e\+09 s, got 1e\+308"):
        read(tmp_path, "start,end,speaker\n0,1e308,a\n")


def test_lines_are_counted_with_the_one_about_the_separator(tmp_path):
    with pytest.raises(DataError, match=r"t\.csv:4: expected a time in seconds"):
        read(tmp_path, "sep=;\r\nstart;end;speaker\r\n0,5;2;anna\r\nx;3;ben\r\n")
