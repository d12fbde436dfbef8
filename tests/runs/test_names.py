"""Which files a user means, and what their results are called."""

import os

import pytest

from pysid.errors import DataError, PysidWarning
from pysid.runs import names as module
from pysid.runs.names import find_files, name_files


def test_folders_give_what_may_be_recordings(tmp_path):
    for name in ("b.wav", "a.MP3", "notes.txt", "b.RTTM", ".hidden.wav", "sub/c", "sub/.git/x.wav"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    found = [os.path.relpath(path, tmp_path) for path in find_files([str(tmp_path)])]
    assert found == ["a.MP3", "b.wav", "sub/c"]


def test_what_editors_leave_beside_recordings_is_none(tmp_path):
    for name in ("a.wav", "a.eaf", "a.pfsx", "a.eaf.001", "a.cha", "a.exb", "a.aup3", "desktop.ini", "a.wav.reapeaks"):
        (tmp_path / name).touch()
    (tmp_path / "talk.001").touch()
    assert [os.path.basename(path) for path in find_files([str(tmp_path)])] == ["a.wav", "talk.001"]


def test_files_are_taken_as_they_are_named(tmp_path):
    assert find_files(["-", "b.txt", "a.wav"]) == ["-", "b.txt", "a.wav"]  # whether they exist is for the reader
    with pytest.raises(DataError, match=r"expected each file once, got a.wav again"):
        find_files(["a.wav", "b.wav", "a.wav"])


def test_a_folder_without_recordings_is_an_error(tmp_path):
    (tmp_path / "ref.rttm").touch()
    with pytest.raises(DataError, match="expected a folder with audio files"):
        find_files([str(tmp_path)])


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["x/a.wav", "x/b.wav"], ["a", "b"]),
        (["x/a.wav", "x/a.mp3"], ["a_wav", "a_mp3"]),
        (["x/a.wav", "x/a"], ["a_wav", "a"]),
        (["x/a.wav", "y/a.wav", "y/b.wav"], ["x_a", "y_a", "b"]),
        (["x/d/a.wav", "y/d/a.wav"], ["x_d_a", "y_d_a"]),
        (["./a.wav", "../a.wav"], ["a-1", "a-2"]),
        (["-", "/tmp/stdin.wav"], ["stdin", "tmp_stdin"]),
    ],
)
def test_names_tell_recordings_apart(paths, names):
    assert name_files(paths) == dict(zip(names, paths, strict=True))


def test_every_recording_keeps_a_name_of_its_own():
    paths = ["x/a_b.wav", "x_a/b.wav", "x/a/b.wav", "x/b.wav", "b.wav", "x/b.mp3"]
    named = name_files(paths)
    assert sorted(named.values()) == sorted(paths)


def test_names_that_are_no_utf8_can_be_written():
    (name,) = name_files([os.fsdecode(b"caf\xe9.wav")])
    assert name == "café"


def touch(folder, *paths):
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).touch()


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

    monkeypatch.setattr(module.os, "scandir", scandir)
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
