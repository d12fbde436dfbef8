"""Packed tables are the mappings that they are made from."""

import pickle
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pysid.data.packed import Labels, PackedStrings, PackedTable, Picked, read_packed
from pysid.errors import DataError
from pysid.io import table_formats as formats

WORDS = st.text(max_size=4)


@pytest.mark.slow
@given(st.lists(WORDS))
def test_columns_are_sequences(words):
    for column in (PackedStrings(words), Labels(words)):
        assert list(column) == words and len(column) == len(words)
        assert [column[i] for i in range(-len(words), len(words))] == words + words
        assert list(column[1:4:2]) == words[1:4:2]
        for place in (len(words), -len(words) - 1):
            with pytest.raises(IndexError):
                column[place]


@given(st.dictionaries(WORDS, WORDS), st.lists(WORDS))
def test_a_table_is_a_mapping(table, others):
    for names in (list(table), sorted(table)):
        packed = PackedTable(PackedStrings(names), PackedStrings([table[name] for name in names]))
        assert packed == table and table == packed
        assert list(packed) == list(packed.keys()) == names
        assert list(packed.items()) == [(name, table[name]) for name in names]
        assert list(packed.values()) == [table[name] for name in names]
        for name in [*others, *table, *reversed(names)]:
            assert packed.get(name) == table.get(name) and (name in packed) == (name in table)
        assert pickle.loads(pickle.dumps(packed)) == table
        assert 3 not in packed
        for asked in (packed.names, PackedStrings(names), names[::-1], PackedStrings(names[1:])):
            assert list(packed.gather(asked)) == [table[name] for name in asked] and packed.missing(asked) == []
        assert packed.missing(others) == [name for name in others if name not in table]
    assert PackedTable.of(table) == table and PackedTable.of(packed) is packed


def test_picked():
    picked = Picked(PackedStrings(["a", "b", "c"]), array("q", [2, 0, 2]))
    assert list(picked) == ["c", "a", "c"] and list(picked[1:]) == ["a", "c"] and picked[-1] == "c"


def test_keys_are_unique():
    for names in (["a", "a"], ["b", "a", "b"]):
        with pytest.raises(ValueError, match="expected each key once"):
            PackedTable(names, names)


def test_tables_are_read(tmp_path):
    path = tmp_path / "table"
    path.write_bytes("\ufeffb 2.5\r\n\n\té  1\n".encode())
    assert read_packed(path, formats.DURATIONS, array("d")) == {"b": 2.5, "é": 1.0}
    assert read_packed(path, formats.ANY, PackedStrings()) == {"b": "2.5", "é": "1"}
    assert read_packed(path, formats.UTT2SPK, Labels()) == {"b": "2.5", "é": "1"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a 1\nb 2\na 3\n", r"table:3: 'a' is already on line 1$"),
        ("a 1\nb\n", r"table:2: expected 'id seconds', got 'b'$"),
        ("a 1\nb x\n", r"table:2: expected a duration in seconds above 0, got 'x'$"),
    ],
)
def test_what_is_wrong_is_said_with_the_line(tmp_path, text, message):
    path = tmp_path / "table"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        read_packed(path, formats.DURATIONS, array("d"))
    with pytest.raises(DataError, match="nowhere: cannot read the file"):
        read_packed(tmp_path / "nowhere", formats.DURATIONS, array("d"))
