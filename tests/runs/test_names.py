"""Files and folders of recordings: none is lost, and no two results have one name."""

import os

import pytest

from pysid.errors import DataError, PysidWarning
from pysid.runs import names
from pysid.runs.names import find_files, name_files


def touch(folder, *paths):
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).touch()


def test_a_folder_is_what_is_in_it_and_below(tmp_path):
    touch(
        tmp_path, "b.wav", "a/c.WAV", "a/no-ending", "a/x.rttm", "notes.TXT", ".hidden.wav", ".trash/d.wav", "a/._e.wav"
    )
    found = find_files([str(tmp_path)])
    assert [os.path.relpath(path, tmp_path) for path in found] == ["a/c.WAV", "a/no-ending", "b.wav"]
    with pytest.raises(DataError, match="expected each file once"):
        find_files([str(tmp_path), str(tmp_path / "b.wav")])


def test_links_to_folders_are_followed_and_circles_end(tmp_path):
    touch(tmp_path, "other/d.wav", "rec/a.wav")
    (tmp_path / "rec" / "more").symlink_to(tmp_path / "other")
    (tmp_path / "rec" / "round").symlink_to(tmp_path / "rec")
    (tmp_path / "rec" / "gone.wav").symlink_to(tmp_path / "no.wav")
    found = [os.path.relpath(path, tmp_path / "rec") for path in find_files([str(tmp_path / "rec")])]
    assert found == ["a.wav", "gone.wav", "more/d.wav"]  # what a link does not lead to is found out when it is read


def test_a_folder_that_cannot_be_read_is_told_of(tmp_path, monkeypatch):
    touch(tmp_path, "a.wav", "closed/b.wav")
    scan = os.scandir

    def scandir(path):
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(names.os, "scandir", scandir)
    with pytest.warns(PysidWarning, match=r"closed: its recordings are left out: .* Permission denied"):
        assert find_files([str(tmp_path)]) == [str(tmp_path / "a.wav")]


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["a.wav", "./a.wav", "a-1.wav"], ["a-2", "a-3", "a-1"]),
        (["a.wav", "../a.wav", "x/../a.wav", "a-1.wav", "a-2.wav"], None),
        (["/r/p/q/x.wav", "p/q/x.wav", "q_x.wav", "q/x.wav"], None),
        (["d/a.wav", "d/a.mp3", "e/a.wav", "d_a.wav", "a_wav"], None),
        (["a", "a.b", "a.b.c", "b/a"], None),
    ],
)
def test_no_two_results_have_one_name(paths, expected):
    named = name_files(paths)
    assert sorted(named.values()) == sorted(paths)
    if expected:
        assert list(named) == expected
