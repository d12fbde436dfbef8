"""Extended file names: files, places in them, commands, and standard input and output."""

import io
import sys
from types import SimpleNamespace

import pytest

from pysid.errors import DataError
from pysid.kaldi.log import Log
from pysid.kaldi.streams import allow_pipes_in_files, escape, open_input, open_output, printable_input

LOG = Log("test")


def read(name):
    with open_input(name, LOG) as file:
        return file.read()


def test_inputs_of_each_kind(tmp_path, monkeypatch):
    path = tmp_path / "a"
    path.write_bytes(b"0123456789")
    assert read(str(path)) == b"0123456789"
    assert read(f"{path}:7") == b"789"
    assert read(f"cat {path} |") == b"0123456789"
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"typed")))
    assert read("-") == b"typed"
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(DataError, match=r"^standard input is closed$"):
        read("-")
    with pytest.raises(DataError, match=r"none: cannot read the file: No such file or directory$"):
        read(str(tmp_path / "none"))


def test_outputs_of_each_kind(tmp_path, capfdbinary, monkeypatch):
    with open_output(str(tmp_path / "a"), LOG) as file:
        file.write(b"abc")
        assert not (tmp_path / "a").exists()  # before it is complete
    assert (tmp_path / "a").read_bytes() == b"abc"
    with open_output(f"| tr a-c x-z > {tmp_path / 'b'}", LOG) as file:
        file.write(b"abc")
    assert (tmp_path / "b").read_bytes() == b"xyz"
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(DataError, match=r"^standard output is closed$"), open_output("-", LOG):
        pass
    with pytest.raises(DataError, match=r"c: cannot write the file: there is no folder .*none$"):
        open_output(str(tmp_path / "none" / "c"), LOG).__enter__()


def test_what_fails_halfway_leaves_no_file(tmp_path):
    with pytest.raises(KeyError), open_output(str(tmp_path / "a"), LOG) as file:
        file.write(b"half")
        raise KeyError
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("command", "status"), [("exit 3", 768), ("kill -9 $$", 9)])
def test_a_command_that_fails_is_a_warning(command, status, capsys):
    assert read(f"echo x; {command} |") == b"x\n"
    line = f"WARNING (test[5.5]:main():test.cc:{{}}) Pipe echo x; {command} | had nonzero return status {status}"
    before, after = line.split("{}")
    err = capsys.readouterr().err.strip()
    assert err.startswith(before) and err.endswith(after)


@pytest.mark.parametrize("word", ["a b", "", "it's", "a$b", "$(x)`y`\"'", "back\\slash", "a;b|c", "é"])
def test_what_is_escaped_means_itself_in_a_shell(word):
    assert read(f"printf %s {escape(word)} |") == word.encode()


def test_names_in_messages():
    assert printable_input("-") == printable_input("") == "standard input"
    assert printable_input("cat a |") == "'cat a |'"


@pytest.mark.parametrize(("value", "allowed"), [(None, False), ("", False), ("0", False), ("1", True)])
def test_pipes_in_data_files_are_allowed_by_the_environment(value, allowed, monkeypatch):
    monkeypatch.delenv("PYSID_ALLOW_PIPES", raising=False)
    if value is not None:
        monkeypatch.setenv("PYSID_ALLOW_PIPES", value)
    assert allow_pipes_in_files() == allowed
