import numpy as np
import pytest

from pysid.errors import DataError
from pysid.kaldi.holders import (
    INTEGER,
    MATRIX,
    compressed_matrix,
)
from pysid.kaldi.tables import Lookup, TableReader

from .conftest import LOG, read, write

MATRICES = {"a": np.arange(6, dtype=np.float32).reshape(3, 2), "b": np.ones((1, 4), np.float32), "c": np.zeros((0, 0))}


def lookup(rspecifier, holder, allow_pipes=False):
    return Lookup(TableReader(rspecifier, holder, LOG, allow_pipes))


def test_a_table_of_files(tmp_path):
    (tmp_path / "a.scp").write_text(f"a {tmp_path}/1.mat\nb {tmp_path}/2.mat\n")
    write(f"scp:{tmp_path}/a.scp", MATRIX, {"b": MATRICES["b"], "a": MATRICES["a"]})
    np.testing.assert_array_equal(read(f"scp:{tmp_path}/a.scp", MATRIX)["b"], MATRICES["b"])
    with pytest.raises(DataError, match="expected the key 'x'"):
        write(f"scp:{tmp_path}/a.scp", MATRIX, {"x": MATRICES["a"]})
    write(f"scp,p:{tmp_path}/a.scp", MATRIX, {"x": MATRICES["a"]})


def test_a_list_that_was_moved_with_its_archive(tmp_path):
    (tmp_path / "data").mkdir()
    write(f"ark,scp:{tmp_path}/data/m.ark,{tmp_path}/data/m.scp", MATRIX, MATRICES)
    script = tmp_path / "data" / "m.scp"
    script.write_text(script.read_text().replace(f"{tmp_path}/data/", ""))
    (tmp_path / "moved").mkdir()
    (tmp_path / "data").rename(tmp_path / "moved" / "data")
    found = read(f"scp:{tmp_path}/moved/data/m.scp", MATRIX)
    assert list(found) == list(MATRICES)
    np.testing.assert_array_equal(found["b"], MATRICES["b"])


def test_pipes_on_the_command_line_run(tmp_path):
    write(f"ark,t:|sed s/a/z/ > {tmp_path}/out", INTEGER, {"a": 1})
    assert read(f"ark:cat {tmp_path}/out |", INTEGER) == {"z": 1}


def test_pipes_in_lists_run_only_when_allowed(tmp_path):
    (tmp_path / "a.scp").write_text(f"a touch {tmp_path}/ran; echo 3 |\n")
    with pytest.raises(DataError, match="--allow-pipes"):
        read(f"scp:{tmp_path}/a.scp", INTEGER)
    with pytest.raises(DataError, match="--allow-pipes"):
        lookup(f"scp:{tmp_path}/a.scp", INTEGER)["a"]
    assert read(f"scp,p:{tmp_path}/a.scp", INTEGER) == {}
    (tmp_path / "out.scp").write_text(f"a |cat > {tmp_path}/ran\n")
    with pytest.raises(DataError, match="--allow-pipes"):
        write(f"scp:{tmp_path}/out.scp", INTEGER, {"a": 1})
    assert not (tmp_path / "ran").exists()
    assert read(f"scp:{tmp_path}/a.scp", INTEGER, allow_pipes=True) == {"a": 3}
    assert (tmp_path / "ran").exists()


def test_a_failing_pipe_is_a_warning(tmp_path, capfd):
    assert read("ark:exit 3 |", INTEGER) == {}
    assert "WARNING (test[5.5]:main():test.cc:" in capfd.readouterr().err


def test_unreadable_entries(tmp_path):
    (tmp_path / "a.scp").write_text(f"a {tmp_path}/missing\nb {tmp_path}/b\n")
    (tmp_path / "b").write_text("5 \n")
    with pytest.raises(DataError, match=r"a: .*missing.*No such file"):
        read(f"scp:{tmp_path}/a.scp", INTEGER)
    assert read(f"scp,p:{tmp_path}/a.scp", INTEGER) == {"b": 5}
    table = lookup(f"scp,p:{tmp_path}/a.scp", INTEGER)
    assert "a" not in table
    assert table["b"] == 5
    assert "a" in lookup(f"scp:{tmp_path}/a.scp", INTEGER)


def test_a_broken_archive(tmp_path, capsys):
    write(f"ark:{tmp_path}/a.ark", MATRIX, MATRICES)
    (tmp_path / "a.ark").write_bytes((tmp_path / "a.ark").read_bytes()[:60])
    found = []
    with pytest.raises(DataError, match=r"a\.ark: b: cut off"):
        found.extend(key for key, _ in TableReader(f"ark:{tmp_path}/a.ark", MATRIX, LOG, False))
    assert found == ["a"]
    assert list(read(f"ark,p:{tmp_path}/a.ark", MATRIX)) == ["a"]
    assert "what follows is left out" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["a\n", "\n", "a b\n\nc d\n"])
def test_bad_lists(text, tmp_path):
    (tmp_path / "a.scp").write_text(text)
    (tmp_path / "b").write_text("1 \n")
    with pytest.raises(DataError, match=r"a\.scp:\d: expected 'key file'|cannot read"):
        read(f"scp:{tmp_path}/a.scp", INTEGER)


class TestLookup:
    TEXT = "a 1 \nb 2 \nd 4 \n"

    @pytest.fixture(params=["ark:", "ark,s:", "ark,s,cs:", "ark,o:"])
    def table(self, request, tmp_path):
        (tmp_path / "t").write_text(self.TEXT)
        return lookup(f"{request.param}{tmp_path}/t", INTEGER)

    def test_in_order(self, table):
        assert [table.get(key) for key in "abcd"] == [1, 2, None, 4]

    def test_missing(self, table):
        with pytest.raises(DataError, match="expected the key 'c'"):
            table["c"]

    @pytest.mark.parametrize("flags", ["", ",s"])
    def test_in_any_order(self, flags, tmp_path):
        (tmp_path / "t").write_text(self.TEXT)
        table = lookup(f"ark{flags}:{tmp_path}/t", INTEGER)
        assert [table.get(key) for key in "dcabb"] == [4, None, 1, 2, 2]

    def test_promises_are_checked(self, tmp_path):
        (tmp_path / "t").write_text(self.TEXT)
        table = lookup(f"ark,s,cs:{tmp_path}/t", INTEGER)
        assert table["b"] == 2
        with pytest.raises(DataError, match=r"flag cs.*a asked for after b"):
            table["a"]
        (tmp_path / "t").write_text("b 1 \na 2 \n")
        with pytest.raises(DataError, match=r"flag s .*a after b"):
            lookup(f"ark,s:{tmp_path}/t", INTEGER).get("c")
        (tmp_path / "t.scp").write_text("b 1\na 2\n")
        with pytest.raises(DataError, match=r"flag s .*a after b"):
            lookup(f"scp,s:{tmp_path}/t.scp", INTEGER)

    def test_keys_come_once(self, tmp_path):
        (tmp_path / "t").write_text("a 1 \na 2 \n")
        with pytest.raises(DataError, match="'a' again"):
            lookup(f"ark:{tmp_path}/t", INTEGER).get("b")
        with pytest.raises(DataError, match="'a' again"):
            lookup(f"scp:{tmp_path}/t", INTEGER)

    def test_reads_no_further_than_it_must(self, tmp_path):
        (tmp_path / "t").write_text("a 1 \nb broken\n")
        assert lookup(f"ark:{tmp_path}/t", INTEGER)["a"] == 1


class TestWrite:
    def test_nothing_is_left_of_what_failed(self, tmp_path):
        with pytest.raises(DataError, match="without white space"):
            write(f"ark,scp:{tmp_path}/a.ark,{tmp_path}/a.scp", INTEGER, {"a": 1, "b c": 2})
        assert list(tmp_path.iterdir()) == []

    def test_no_folder(self, tmp_path):
        with pytest.raises(DataError, match="there is no folder"):
            write(f"ark:{tmp_path}/nowhere/a.ark", INTEGER, {})

    def test_nan_cannot_be_compressed(self, tmp_path):
        with pytest.raises(DataError, match="a: expected finite values"):
            write(f"ark:{tmp_path}/a.ark", compressed_matrix(2), {"a": np.full((2, 2), np.nan, np.float32)})
