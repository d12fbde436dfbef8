"""Many files of turns, and folders of them."""

import pytest

from pysid.errors import DataError
from pysid.io.turns.convert import read_all, read_one, write_all
from pysid.io.turns.cues import RecordingTurns
from pysid.segments import Segment, Turn

A, B = (RecordingTurns(name, [Turn(Segment(0, 1), "x")], None) for name in ("a", "b"))


def names(recordings):
    return [x.recording for x in recordings]


def test_a_folder_is_read_by_the_endings_of_its_files(tmp_path):
    write_all(f"{tmp_path}/", [B], "srt")
    write_all(f"{tmp_path}/", [A], "rttm")
    (tmp_path / "notes.docx").write_bytes(b"\0")
    assert names(read_all([tmp_path])) == ["a", "b"]
    assert names(read_all([tmp_path], "srt")) == ["b"]
    with pytest.raises(DataError, match=r"expected files of turns \(.*\.csv.*\) in this folder, got none"):
        read_all([tmp_path], "csv")


def test_a_folder_has_all_endings_of_a_format_and_no_other(tmp_path):
    write_all(f"{tmp_path}/", [A], "json")
    write_all(f"{tmp_path}/", [A], "pyannote")
    (tmp_path / "b.tsv").write_text("start\tend\tspeaker\n0\t1\tx\n")
    assert names(read_all([tmp_path], "json")) == names(read_all([tmp_path], "pyannote")) == ["a"]
    assert read_all([tmp_path], "csv") == [B]


def test_a_recording_is_in_one_file_only(tmp_path):
    write_all(f"{tmp_path}/", [A, B], "rttm")
    write_all(tmp_path / "all.csv", [A])
    with pytest.raises(DataError, match=r"all.csv: the recording 'a' is in .*a.rttm already"):
        read_all([tmp_path / "a.rttm", tmp_path / "all.csv"])


def test_one_of_several_by_its_name(tmp_path):
    path = tmp_path / "all.rttm"
    write_all(path, [A, RecordingTurns("my talk", B.turns, None)])
    assert read_one(path, "my talk").recording == "my_talk"
    with pytest.raises(DataError, match="expected the turns of one recording, or of one called 'c', got a, my_talk"):
        read_one(path, "c")
    write_all(path, [B])
    assert read_one(path, "c").recording == "b"  # the only one, whatever it is called


def test_where_results_go(tmp_path):
    assert write_all(tmp_path / "x.srt", [A]) == [tmp_path / "x.srt"]
    assert write_all(tmp_path / "new", [A, B], "srt") == [tmp_path / "new" / "a.srt", tmp_path / "new" / "b.srt"]
    (tmp_path / "there").touch()
    assert write_all(tmp_path / "there", [A], "srt") == [tmp_path / "there"], "as with /dev/stdout"
    assert write_all(tmp_path / "x.txt", [A], "srt") == [tmp_path / "x.txt"]  # the format goes before the ending


@pytest.mark.parametrize(
    ("out", "recordings", "kind", "message"),
    [
        ("x.srt", [A, B], None, "a srt file holds one recording, got 2: give a folder"),
        ("folder/", [A], None, "expected the format for the files in this folder, got none"),
        (
            "x.rttm",
            [A, RecordingTurns("a b", [], None), RecordingTurns("a_b", [], None)],
            None,
            "would both be",
        ),
    ],
)
def test_what_cannot_be_written_leaves_nothing(tmp_path, out, recordings, kind, message):
    with pytest.raises(DataError, match=message):
        write_all(f"{tmp_path}/{out}", recordings, kind)
    assert list(tmp_path.iterdir()) == []
