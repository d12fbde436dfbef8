from contextlib import ExitStack

import numpy as np
import pytest

from pysid.errors import DataError
from pysid.kaldi.holders import (
    FLOAT,
    INTEGER,
    INTEGERS,
    MATRIX,
    VECTOR,
    WAVE,
    WAVE_DURATION,
    WORD,
    WORDS,
    compressed_matrix,
)
from pysid.kaldi.log import Log
from pysid.kaldi.tables import Lookup, TableReader, TableWriter
from pysid.kaldi.wave import Wave

LOG = Log("test")
MATRICES = {"a": np.arange(6, dtype=np.float32).reshape(3, 2), "b": np.ones((1, 4), np.float32), "c": np.zeros((0, 0))}


def read(rspecifier, holder, allow_pipes=False):
    return dict(TableReader(rspecifier, holder, LOG, allow_pipes))


def lookup(rspecifier, holder, allow_pipes=False):
    return Lookup(TableReader(rspecifier, holder, LOG, allow_pipes))


def write(wspecifier, holder, values, allow_pipes=False):
    with ExitStack() as stack:
        writer = TableWriter(wspecifier, holder, LOG, allow_pipes, stack)
        for key, value in values.items():
            writer.write(key, value)


VALUES = [
    (MATRIX, MATRICES),
    (VECTOR, {"a": np.array([1.5, -2e-9], np.float32), "b": np.zeros(0, np.float32)}),
    (INTEGER, {"a": 3, "b": -1}),
    (FLOAT, {"a": 2.5, "b": float("inf")}),
    (INTEGERS, {"a": np.array([1, -2, 3], np.int32), "b": np.zeros(0, np.int32)}),
]


@pytest.mark.parametrize("form", ["ark", "ark,t"])
@pytest.mark.parametrize(("holder", "values"), VALUES, ids=["matrix", "vector", "integer", "float", "integers"])
def test_reads_what_it_wrote(form, holder, values, tmp_path):
    write(f"{form},scp:{tmp_path}/a.ark,{tmp_path}/a.scp", holder, values)
    for table in (f"ark:{tmp_path}/a.ark", f"scp:{tmp_path}/a.scp"):
        found = read(table, holder)
        assert list(found) == list(values)
        for key, value in values.items():
            np.testing.assert_array_equal(found[key], value)


@pytest.mark.parametrize(
    ("holder", "values", "text"),
    [
        (MATRIX, {"a": MATRICES["a"]}, "a  [\n  0 1 \n  2 3 \n  4 5 ]\n"),
        (MATRIX, {"c": MATRICES["c"]}, "c  [ ]\n"),
        (VECTOR, {"a": np.array([0.1, 1e10])}, "a  [ 0.1 1e+10 ]\n"),
        (INTEGER, {"a": 3}, "a 3 \n"),
        (FLOAT, {"a": 1 / 3}, "a 0.3333333 \n"),
        (INTEGERS, {"a": np.array([1, 2])}, "a 1 2 \n"),
    ],
)
def test_text_is_kaldis(holder, values, text, tmp_path):
    write(f"ark,t:{tmp_path}/a.txt", holder, values)
    assert (tmp_path / "a.txt").read_text() == text


def test_compressed_text_has_what_is_left(tmp_path):
    values = {"a": np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)}
    write(f"ark:{tmp_path}/a.ark", compressed_matrix(1), values)
    write(f"ark,t:{tmp_path}/a.txt", compressed_matrix(1), values)
    lossy, text = read(f"ark:{tmp_path}/a.ark", MATRIX)["a"], read(f"ark:{tmp_path}/a.txt", MATRIX)["a"]
    assert (lossy != values["a"]).any()
    np.testing.assert_allclose(text, lossy, rtol=0, atol=1e-6)


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


def test_ranges(tmp_path):
    write(f"ark,scp:{tmp_path}/a.ark,{tmp_path}/a.scp", MATRIX, {"a": MATRICES["a"]})
    place = (tmp_path / "a.scp").read_text().split()[1]
    (tmp_path / "b.scp").write_text(f"x {place}[0:1]\ny {place}[1:4,1:1]\nz {place}[:,0:0]\n")
    found = read(f"scp:{tmp_path}/b.scp", MATRIX)
    np.testing.assert_array_equal(found["x"], MATRICES["a"][:2])
    np.testing.assert_array_equal(found["y"], MATRICES["a"][1:, 1:])
    np.testing.assert_array_equal(found["z"], MATRICES["a"][:, :1])
    (tmp_path / "b.scp").write_text(f"x {place}[0:9]\n")
    with pytest.raises(DataError, match=r"x: .*within the shape \(3, 2\)"):
        read(f"scp:{tmp_path}/b.scp", MATRIX)
    (tmp_path / "n.ark").write_text("a 1 \n")
    (tmp_path / "n.scp").write_text(f"x {tmp_path}/n.ark:2[0:9]\n")
    with pytest.raises(DataError, match="expected no range"):
        read(f"scp:{tmp_path}/n.scp", INTEGER)


def test_words(tmp_path):
    (tmp_path / "spk2utt").write_text("s1 a b\ns2\ns3 c\n")
    assert read(f"ark:{tmp_path}/spk2utt", WORDS) == {"s1": ["a", "b"], "s2": [], "s3": ["c"]}
    with pytest.raises(DataError, match="s1: expected one word"):
        read(f"ark:{tmp_path}/spk2utt", WORD)
    with pytest.raises(DataError, match="expected a table to write"):
        write("ark:-", WORDS, {})


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


@pytest.mark.parametrize(
    ("text", "holder", "message"),
    [
        ("a x\n", INTEGER, "expected int"),
        ("a 1 2\n", INTEGER, "expected int"),
        ("a\n", FLOAT, "expected float"),
        ("a \0B\4\1", INTEGER, "expected a number of 4 bytes"),
        ("a \0X", INTEGER, "expected a binary value"),
        ("a 1 x\n", INTEGERS, "expected integers"),
        ("a \0B\4\2\0\0\0\4\1\0\0\0", INTEGERS, "cut off"),
        ("a \0B\4\xff\xff\xff\xff", INTEGERS, "expected a number of integers"),
        ("a  [ 1 2 ]\n", MATRIX, "expected a matrix"),
        ("a  [\n 1 2\n 3 4 ]\n", VECTOR, "expected a vector"),
    ],
)
def test_bad_values(text, holder, message, tmp_path):
    (tmp_path / "a").write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError, match=f"a: a: {message}"):
        read(f"ark:{tmp_path}/a", holder)


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


def test_waves(tmp_path, capsys):
    stereo = Wave(8000, np.array([[1, -2, 3.9], [40000, -40000, 0]], np.float32))
    write(f"ark,scp:{tmp_path}/a.ark,{tmp_path}/a.scp", WAVE, {"a": stereo, "b": stereo})
    assert "clipped 2 samples out of total 6" in capsys.readouterr().err
    for table in (f"ark:{tmp_path}/a.ark", f"scp:{tmp_path}/a.scp", f"ark:cat {tmp_path}/a.ark |"):
        found = read(table, WAVE)
        assert list(found) == ["a", "b"]
        np.testing.assert_array_equal(found["b"].samples, [[1, -2, 3], [32767, -32768, 0]])
        assert read(table, WAVE_DURATION) == {"a": 3 / 8000, "b": 3 / 8000}


def patched(data, at, new):
    return data[:at] + new + data[at + len(new) :]


@pytest.fixture
def wav():
    return WAVE.write(Wave(16000, np.arange(10, dtype=np.float32)[None]), True, LOG)


@pytest.mark.parametrize("size", [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f"])
def test_streamed_waves_go_on_to_the_end(size, wav, tmp_path):
    (tmp_path / "a").write_bytes(patched(wav, 40, size))
    (tmp_path / "a.scp").write_text(f"a {tmp_path}/a\n")
    assert read(f"scp:{tmp_path}/a.scp", WAVE)["a"].samples.shape == (1, 10)
    assert read(f"scp:{tmp_path}/a.scp", WAVE_DURATION) == {"a": None}  # the header does not say, as Kaldi has it


def test_other_chunks_are_passed_over(wav, tmp_path):
    junk = b"JUNK\4\0\0\0abcd"
    (tmp_path / "a.ark").write_bytes(b"a " + wav[:12] + junk + wav[12:36] + b"LIST\2\0\0\0ab" + wav[36:])
    np.testing.assert_array_equal(read(f"ark:{tmp_path}/a.ark", WAVE)["a"].samples[0], range(10))


def test_a_wave_that_is_cut_off_counts_as_far_as_it_goes(wav, tmp_path, capsys):
    (tmp_path / "a.ark").write_bytes(b"a " + wav[:-6])
    assert read(f"ark:{tmp_path}/a.ark", WAVE)["a"].samples.shape == (1, 7)
    assert "Truncated file?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("at", "new", "message"),
    [
        (0, b"OggS", "expected a WAV file"),
        (8, b"AVI ", "of the form WAVE"),
        (20, b"\3", "PCM samples, got the format 3"),
        (22, b"\0", "expected channels"),
        (34, b"\x08", "16 bits"),
        (32, b"\4", "bytes a frame"),
        (28, b"\1", "bytes a second"),
    ],
)
def test_no_pcm_wave(at, new, message, wav, tmp_path):
    (tmp_path / "a.ark").write_bytes(b"a " + patched(wav, at, new))
    with pytest.raises(DataError, match=message):
        read(f"ark:{tmp_path}/a.ark", WAVE)


def test_a_wave_without_samples(wav, tmp_path):
    (tmp_path / "a.ark").write_bytes(b"a " + wav[:44])
    with pytest.raises(DataError, match="without any"):
        read(f"ark:{tmp_path}/a.ark", WAVE)
    (tmp_path / "a.ark").write_bytes(b"a " + wav[:20])
    with pytest.raises(DataError, match="more bytes"):
        read(f"ark:{tmp_path}/a.ark", WAVE)
