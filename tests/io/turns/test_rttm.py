"""RTTM read and written."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pysid.errors import DataError
from pysid.io.turns.rttm import format_rttm, read_rttm, read_rttm_folder, write_rttm
from pysid.segments import Segment, Turn

GOLDEN = Path(__file__).parents[2] / "golden" / "kaldi"

names = st.text(st.characters(exclude_categories=("Cs", "Cc", "Z")), min_size=1, max_size=8)
milliseconds = st.integers(0, 10**8)
segments = st.tuples(milliseconds, st.integers(1, 10**6)).map(lambda t: Segment(t[0] / 1000, (t[0] + t[1]) / 1000))
turn_lists = st.lists(st.builds(Turn, segments, names), min_size=1, max_size=6)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("rttm") / "turns.rttm"


def written(tmp_path, data):
    path = tmp_path / "turns.rttm"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def refused(tmp_path, data):
    path = written(tmp_path, data)
    with pytest.raises(DataError) as caught:
        read_rttm(path)
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(str(path))


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(names, turn_lists, min_size=1, max_size=3))
def test_round_trip(path, turns):
    """Exact for whole milliseconds, order included: no drift from writing durations instead of ends."""
    write_rttm(path, turns)
    assert read_rttm(path) == turns
    assert list(read_rttm(path)) == list(turns)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 1e5), min_size=2, max_size=20))
def test_any_times_come_back_to_the_millisecond_and_go_on_touching(path, boundaries):
    boundaries.sort()
    pairs = pairwise(boundaries)
    turns = [Turn(Segment(a, b), "s") for a, b in pairs if b - a > 0.001]
    write_rttm(path, {"r": turns, "other": [Turn(Segment(0, 1), "s")]})
    back = read_rttm(path).get("r", [])
    assert len(back) == len(turns)
    for a, b in zip(turns, back, strict=True):
        assert abs(a.segment.start_s - b.segment.start_s) < 0.000501
        assert abs(a.segment.end_s - b.segment.end_s) < 0.000501
    for i in range(len(turns) - 1):
        if turns[i].segment.end_s == turns[i + 1].segment.start_s:
            assert back[i].segment.end_s == back[i + 1].segment.start_s


def test_pyannote_reads_what_is_written(tmp_path):
    load_rttm = pytest.importorskip("pyannote.database.util").load_rttm
    turns = {"r1": [Turn(Segment(0.5, 2.0), "Zoé"), Turn(Segment(1.5, 3.25), "b")], "r2": [Turn(Segment(0, 1), "b")]}
    write_rttm(tmp_path / "x.rttm", turns)
    back = load_rttm(tmp_path / "x.rttm")
    assert set(back) == {"r1", "r2"}
    assert [(s.start, s.end, label) for s, _, label in back["r1"].itertracks(yield_label=True)] == [
        (0.5, 2.0, "Zoé"),
        (1.5, 3.25, "b"),
    ]


def test_kaldis_file(tmp_path):
    """Kaldi writes channel 0 and as many spaces as line up its columns."""
    turns = read_rttm(GOLDEN / "clustering" / "rttm")
    assert turns["recA"][:2] == [Turn(Segment(0.0, 1.875), "3"), Turn(Segment(1.875, 2.625), "2")]
    write_rttm(tmp_path / "again", turns)
    assert read_rttm(tmp_path / "again") == turns


def test_other_lines_are_read_over(tmp_path):
    lines = [
        ";; a comment",
        "# another",
        "",
        "SPKR-INFO r 1 <NA> <NA> <NA> unknown anna <NA>",
        "LEXEME r 1 0.5 0.2 hello lex anna 0.9 <NA>",
        "NON-SPEECH r 1 9 1 <NA> noise <NA> <NA>",
        "\tSPEAKER r 1 0.5 1.5 <NA> <NA> anna <NA> <NA>\r",
        "SPEAKER q 2 0 1e0 <NA> <NA> b <NA>",
    ]
    path = written(tmp_path, "\ufeff" + "\n".join(lines))
    assert read_rttm(path) == {"r": [Turn(Segment(0.5, 2.0), "anna")], "q": [Turn(Segment(0.0, 1.0), "b")]}


def test_the_end_is_the_start_of_the_next_turn(tmp_path):
    """5.463 + 0.640 in floating point is not 6.103."""
    text = "SPEAKER r 1 5.463 0.640 <NA> <NA> a <NA>\nSPEAKER r 1 6.103 1 <NA> <NA> b <NA>\n"
    first, second = read_rttm(written(tmp_path, text))["r"]
    assert first.segment.end_s == second.segment.start_s


def test_a_turn_of_no_duration_names_its_recording(tmp_path):
    assert read_rttm(written(tmp_path, "SPEAKER r 1 3.5 0 <NA> <NA> a <NA>\n")) == {"r": []}


LINE = "SPEAKER r 1 {} {} <NA> <NA> a <NA>\n"
EXPECTED = "'SPEAKER recording channel start duration <NA> <NA> speaker <NA> [<NA>]'"
BAD = {
    "negative start": (LINE.format(-1, 2), ":1: expected a start in seconds, 0 or more, got '-1'"),
    "negative duration": (LINE.format(1, -2), ":1: expected a duration in seconds, 0 or more, got '-2'"),
    "NaN": (LINE.format(0, 1) + LINE.format("nan", 2), ":2: expected a start in seconds, 0 or more, got 'nan'"),
    "infinite": (LINE.format(0, "inf"), ":1: expected a duration in seconds, 0 or more, got 'inf'"),
    "no number": (LINE.format(0, "<NA>"), ":1: expected a duration in seconds, 0 or more, got '<NA>'"),
    "too short": ("SPEAKER r 1 0 1 <NA> <NA> a\n", f":1: expected {EXPECTED}, got 'SPEAKER r 1 0 1 <NA> <NA> a'"),
    "a name of two words": (LINE.replace("a", "a b c"), ":1: expected 'SPEAKER recording"),
    "another type too short": ("LEXEME r 1 0\n", f":1: expected {EXPECTED}, got 'LEXEME r 1 0'"),
    "unknown type": (
        LINE.replace("SPEAKER", "SPEKER"),
        ":1: expected 'SPEAKER' or another of RTTM's types of lines, got 'SPEKER'",
    ),
    "empty": ("", ": expected lines 'SPEAKER recording 1 start duration ...', got none"),
    "comments only": (";; nothing\n", ": expected lines 'SPEAKER recording 1 start duration ...', got none"),
    "Latin-1": (LINE.format(0, 1).replace("r", "caf\xe9").encode("latin-1"), ":1: expected UTF-8 text, got "),
    "UTF-16": (LINE.format(0, 1).encode("utf-16"), ":1: expected UTF-8 text, got "),
}


@pytest.mark.parametrize(("data", "message"), BAD.values(), ids=BAD)
def test_bad_files(tmp_path, data, message):
    assert refused(tmp_path, data).startswith(message)


def test_no_file(tmp_path):
    with pytest.raises(DataError, match=r"none.rttm: cannot read the file: No such file"):
        read_rttm(tmp_path / "none.rttm")


def test_white_space_in_names():
    turns = [Turn(Segment(0, 1), "Ana\u00a0Maria"), Turn(Segment(1, 2), "b")]
    assert format_rttm("mój plik\t2", turns).splitlines() == [
        "SPEAKER mój_plik_2 1 0.000 1.000 <NA> <NA> Ana_Maria <NA> <NA>",
        "SPEAKER mój_plik_2 1 1.000 1.000 <NA> <NA> b <NA> <NA>",
    ]


def test_names_that_would_become_one(tmp_path):
    turns = [Turn(Segment(0, 1), "a b"), Turn(Segment(1, 2), "a_b")]
    with pytest.raises(DataError, match=r"^the names 'a b' and 'a_b' would both be written as 'a_b'$"):
        format_rttm("r", turns)
    with pytest.raises(DataError, match="'x 1' and 'x_1'"):
        write_rttm(tmp_path / "x", {"x 1": turns[:1], "x_1": turns[:1]})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("recording", "speaker"), [("", "a"), ("r", "")])
def test_an_empty_name(recording, speaker):
    with pytest.raises(DataError, match="expected a name of a recording or a speaker, got an empty one"):
        format_rttm(recording, [Turn(Segment(0, 1), speaker)])


def test_a_folder(tmp_path):
    turns = [Turn(Segment(0, 1), "a")]
    write_rttm(tmp_path / "b.rttm", {"b": turns})
    write_rttm(tmp_path / "a.rttm", {"a1": turns, "a2": turns})
    (tmp_path / "a silent one.rttm").write_text("")
    (tmp_path / "b.srt").write_text("not read")
    assert read_rttm_folder(tmp_path) == {"a1": turns, "a2": turns, "b": turns, "a_silent_one": []}
    write_rttm(tmp_path / "c.rttm", {"b": turns})
    with pytest.raises(DataError, match=r"c.rttm: the recording 'b' is in .*b.rttm already"):
        read_rttm_folder(tmp_path)


def test_a_folder_without_any(tmp_path):
    with pytest.raises(DataError, match=r": expected .rttm files, got none$"):
        read_rttm_folder(tmp_path)
