import errno
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from pysid.errors import DataError
from pysid.io.files import (
    atomic_path,
    atomic_text,
    check_folder,
    kept,
    open_binary,
    read_bytes,
    require_apart,
    safe_name,
)


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


def test_a_folder_for_results_is_there_or_can_be_made(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("nowhere")
    monkeypatch.chdir(tmp_path)
    for good in (tmp_path, tmp_path / "new" / "one", ".", "new", "../new"):
        check_folder(good)
    for bad in ("file", f"{tmp_path}/file", "link"):
        with pytest.raises(DataError, match=f"^{bad}: expected a folder for the results, got a file$"):
            check_folder(bad)
    with pytest.raises(DataError, match=r"^file: expected a folder for the results, got a file$"):
        check_folder("file/below/it")


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../a", "/a", "a\\b", "a\0b", "x" * 201])
def test_names_that_would_leave_their_folder_are_refused(name):
    with pytest.raises(DataError, match="expected an id that can be a file name"):
        safe_name(name)


@pytest.mark.parametrize("name", ["a", "..a", "id1-x.wav", "übung", "x" * 200])
def test_safe_names_pass(name):
    assert safe_name(name) == name


WRITER = """
import sys, time
from pysid.io.files import atomic_path
with atomic_path(sys.argv[1]) as temporary:
    temporary.write_text("half")
    print(temporary, flush=True)
    time.sleep(60)
"""


def test_what_a_killed_process_left_is_removed_and_what_another_writes_is_not(tmp_path, monkeypatch):
    command = [sys.executable, "-c", WRITER, str(tmp_path / "a.txt")]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    killed, alive = (Path(process.stdout.readline().strip()) for process in processes)
    processes[0].kill()
    processes[0].wait()
    folder = tmp_path / ".pysid-01234567-model"
    folder.mkdir()
    (folder / "config.json").touch()
    users = [tmp_path / ".pysid-notes", tmp_path / ".pysid-01234567-link"]
    users[0].touch()
    users[1].symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").touch()
    try:
        with atomic_text(tmp_path / "b.txt") as file:
            file.write("whole")
        assert not killed.exists() and not folder.exists()
        assert alive.exists() and all(path.is_symlink() or path.exists() for path in users)
        assert (tmp_path / "elsewhere").exists()
    finally:
        processes[1].kill()
        processes[1].wait()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_names_the_file(tmp_path, number):
    with pytest.raises(OSError) as caught, atomic_text(tmp_path / "a.txt"):
        raise OSError(number, os.strerror(number))
    assert caught.value.filename == str(tmp_path / "a.txt") and caught.value.errno == number
    assert os.listdir(tmp_path) == []


def test_nothing_is_written_over_what_is_read(tmp_path):
    for name in ("trials", "other"):
        (tmp_path / name).touch()
    (tmp_path / "link").symlink_to("trials")
    read = [tmp_path / "trials", tmp_path / "nowhere", tmp_path, "-"]
    require_apart([tmp_path / "other", tmp_path / "new", "-"], read)
    for out in ("trials", "link", "sub/../trials"):
        (tmp_path / "sub").mkdir(exist_ok=True)
        with pytest.raises(DataError, match=f"{out}: expected another file to write than those that are read"):
            require_apart([tmp_path / "new", tmp_path / out], [tmp_path / "other", *read])


def test_what_came_through_a_pipe_can_be_opened_again(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    path.write_bytes(b"one")
    assert kept(path) is path
    read_end, write_end = os.pipe()
    os.write(write_end, b"two")
    os.close(write_end)
    with open(path) as file:
        monkeypatch.setattr("sys.stdin", file)
        for given, content in ((f"/dev/fd/{read_end}", b"two"), ("-", b"one")):
            found = kept(given)
            assert [read_bytes(found), read_bytes(found)] == [content, content]
            assert str(found) == os.fspath(found) == given
            with pytest.raises(DataError, match=f"^{given}: expected a file of at most 0 MiB, got a larger one$"):
                read_bytes(found, 1)
    os.close(read_end)
    with pytest.raises(DataError, match=r"none: cannot read the file: No such file or directory$"):
        kept(tmp_path / "none")


def test_a_pipe_that_does_not_end(monkeypatch):
    monkeypatch.setattr("pysid.io.files.MOST_KEPT", 10)
    read_end, write_end = os.pipe()
    os.write(write_end, b"x" * 20)
    os.close(write_end)
    with pytest.raises(DataError, match=r"^/dev/fd/\d+: expected at most 0 GiB through the pipe, got more$"):
        kept(f"/dev/fd/{read_end}")
    os.close(read_end)


def test_a_standard_input_that_is_closed(monkeypatch):
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(DataError, match=r"^-: expected something on standard input, and it is closed$"):
        open_binary("-")


def test_a_standard_output_that_is_closed_or_full(monkeypatch):
    monkeypatch.setattr("sys.stdout", None)
    with pytest.raises(DataError, match=r"^-: expected an open standard output, and it is closed$"), atomic_text("-"):
        pass
    with suppress(OSError), open("/dev/full", "w") as file:  # to close it fails, too
        monkeypatch.setattr("sys.stdout", file)
        with pytest.raises(OSError, match=r"'standard output'$"), atomic_text("-") as out:
            out.write("all of it")
