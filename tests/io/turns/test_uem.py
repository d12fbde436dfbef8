"""UEM read and written."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pysid.errors import DataError
from pysid.io.turns.uem import format_uem, read_uem, write_uem
from pysid.segments import Segment

names = st.text(st.characters(exclude_categories=("Cs", "Cc", "Z")), min_size=1, max_size=8).filter(
    lambda name: not name.startswith((";", "#", "\ufeff"))
)
segments = st.tuples(st.integers(0, 10**8), st.integers(1, 10**6)).map(
    lambda t: Segment(t[0] / 1000, (t[0] + t[1]) / 1000)
)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("uem") / "all.uem"


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(names, st.lists(segments, min_size=1, max_size=4), min_size=1, max_size=4))
def test_round_trip(path, pieces):
    write_uem(path, pieces)
    assert read_uem(path) == pieces


def test_comments_and_any_channel(tmp_path):
    path = tmp_path / "all.uem"
    path.write_text(";; AMI\ntrn00 NA 0.000 30\n\n# two pieces\nméo 2 1 2\nméo 2 5 7.5\n")
    assert read_uem(path) == {"trn00": [Segment(0, 30)], "méo": [Segment(1, 2), Segment(5, 7.5)]}


def test_pyannote_reads_what_is_written(tmp_path):
    load_uem = pytest.importorskip("pyannote.database.util").load_uem
    write_uem(tmp_path / "x.uem", {"my file": [Segment(0.5, 2), Segment(3, 4)]})
    (name, timeline), *rest = load_uem(tmp_path / "x.uem").items()
    assert (name, rest) == ("my_file", [])
    assert [(piece.start, piece.end) for piece in timeline] == [(0.5, 2.0), (3.0, 4.0)]


BAD = {
    "fields": ("r 1 0\n", ":1: expected 'recording channel start end', got 'r 1 0'"),
    "backwards": ("r 1 0 1\nr 1 5 4\n", ":2: expected a start before the end, got 5 and 4"),
    "nothing": ("r 1 5 5\n", ":1: expected a start before the end, got 5 and 5"),
    "negative": ("r 1 -1 4\n", ":1: expected a start in seconds, 0 or more, got '-1'"),
    "NaN": ("r 1 1 nan\n", ":1: expected an end in seconds, 0 or more, got 'nan'"),
    "empty": ("\n", ": expected lines 'recording 1 start end', got none"),
}


@pytest.mark.parametrize(("text", "message"), BAD.values(), ids=BAD)
def test_bad_files(tmp_path, text, message):
    path = tmp_path / "all.uem"
    path.write_text(text)
    with pytest.raises(DataError) as caught:
        read_uem(path)
    assert str(caught.value) == f"{path}{message}"


@pytest.mark.parametrize("name", ["#1", ";x", "\ufeffx"])
def test_names_that_would_be_a_comment(name):
    with pytest.raises(DataError, match="that does not start a comment, got"):
        format_uem(name, [Segment(0, 1)])
