"""Audacity's label tracks."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pysid.errors import DataError
from pysid.io.turns.audacity import format_labels, read_labels
from pysid.segments import Segment, Turn

names = st.text(st.characters(exclude_categories=("Cs", "Cc", "Z")), min_size=1, max_size=8)
segments = st.tuples(st.integers(0, 10**8), st.integers(1, 10**6)).map(
    lambda t: Segment(t[0] / 1000, (t[0] + t[1]) / 1000)
)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("labels") / "labels.txt"


@settings(max_examples=40, deadline=None)
@given(st.lists(st.builds(Turn, segments, names), max_size=6))
def test_round_trip(path, turns):
    path.write_text(format_labels(turns), encoding="utf-8")
    assert read_labels(path) == sorted(turns)


def test_white_space_in_a_name():
    assert format_labels([Turn(Segment(0, 1.5), "Ana\tMaria\n")]) == "0.000000\t1.500000\tAna Maria\n"


def test_what_audacity_writes(tmp_path):
    """A spectral selection has a second line; a label may mark a point; Windows ends lines its own way."""
    path = tmp_path / "labels.txt"
    path.write_bytes("\ufeff0.5\t2\tZoë b\r\n\\\t100.0\t2000.0\r\n3\t3\tdoor\r\n\r\n".encode())
    assert read_labels(path) == [Turn(Segment(0.5, 2.0), "Zoë b")]


BAD = {
    "no tabs": (b"0 1 anna\n", "expected 'start <tab> end <tab> name', got '0 1 anna'"),
    "no name": (b"0\t1\t\n", "expected 'start <tab> end <tab> name', got '0\\t1'"),
    "no number": (b"0\t1,5\ta\n", "expected an end in seconds, 0 or more, got '1,5'"),
    "negative": (b"-1\t1\ta\n", "expected a start in seconds, 0 or more, got '-1'"),
    "backwards": (b"2\t1\ta\n", "a segment needs 0 <= start <= end, got [2.0, 1.0)"),
    "Latin-1": (b"0\t1\tcaf\xe9\n", "expected UTF-8 text, got '0\\t1\\tcaf\\\\xe9'"),
}


@pytest.mark.parametrize(("data", "message"), BAD.values(), ids=BAD)
def test_bad_files(tmp_path, data, message):
    path = tmp_path / "labels.txt"
    path.write_bytes(b"0\t1\ta\n" + data)
    with pytest.raises(DataError) as caught:
        read_labels(path)
    assert str(caught.value) == f"{path}:2: {message}"
