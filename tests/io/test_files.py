import os

import pytest

from pysid.errors import DataError
from pysid.io.files import atomic_path, atomic_text, safe_name


def test_a_file_appears_only_when_its_block_ends(tmp_path):
    path = tmp_path / "new" / "a.txt"
    with atomic_text(path) as file:
        file.write("one\ntwo\n")
        assert not path.exists()
    assert path.read_bytes() == b"one\ntwo\n"
    assert os.listdir(path.parent) == ["a.txt"]


def test_a_failed_block_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), atomic_text(path) as file:
        file.write("new")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_the_temporary_name_keeps_the_ending(tmp_path):
    with atomic_path(tmp_path / "a.npz") as temporary:
        assert temporary.suffix == ".npz" and temporary.parent == tmp_path
        temporary.touch()


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "target").write_text("old")
    (tmp_path / "link").symlink_to("target")
    with atomic_text(tmp_path / "link") as file:
        file.write("new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "new"


def test_a_device_is_written_to_and_not_replaced(tmp_path):
    with atomic_path("/dev/null") as path:
        assert str(path) == "/dev/null"
    assert not os.path.isfile("/dev/null")


def test_new_files_have_the_rights_of_the_user_mask(tmp_path):
    (tmp_path / "plain").touch()
    with atomic_text(tmp_path / "atomic"):
        pass
    assert (tmp_path / "atomic").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_directory_is_refused(tmp_path):
    message = f"^{tmp_path}: expected a file to write, got a directory$"
    with pytest.raises(DataError, match=message), atomic_path(tmp_path):
        pass


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../a", "/a", "a\\b", "a\0b", "x" * 201])
def test_names_that_would_leave_their_folder_are_refused(name):
    with pytest.raises(DataError, match="expected an id that can be a file name"):
        safe_name(name)


@pytest.mark.parametrize("name", ["a", "..a", "id1-x.wav", "übung", "x" * 200])
def test_safe_names_pass(name):
    assert safe_name(name) == name
