"""Runs Kaldi's command lines within this process."""

import io
import shlex
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import pytest

from pysid.kaldi import streams
from pysid.kaldi.log import Log
from pysid.kaldi.stand_ins import PROGRAMS, run_program
from pysid.kaldi.tables import TableReader, TableWriter

GOLDEN = Path(__file__).parents[1] / "golden" / "kaldi"


def _run_command(text, stdin=b""):
    """A line of commands with `|` and `>`, run within this process where there are stand-ins for them."""
    words = _split_words(text)
    data = stdin
    while words:
        end = next((i for i, word in enumerate(words) if word in ("|", ">")), len(words))
        (program, *arguments), rest = words[:end], words[end:]
        if program in PROGRAMS:
            status, data = _in_process(program, arguments, data)
        else:
            done = subprocess.run([program, *arguments], input=data, capture_output=True, check=True)
            status, data = done.returncode, done.stdout
        if rest and rest[0] == ">":
            Path(rest[1]).write_bytes(data)
            rest, data = rest[2:], b""
        words = rest[1:]
    return status, data


def _split_words(text):
    lexer = shlex.shlex(text, posix=True, punctuation_chars="|>")
    lexer.whitespace_split = True
    lexer.commenters = ""
    return list(lexer)


def _in_process(program, arguments, stdin):
    before = sys.stdin, sys.stdout
    output = io.TextIOWrapper(io.BytesIO())
    sys.stdin, sys.stdout = io.TextIOWrapper(io.BytesIO(stdin)), output
    try:
        status = run_program(program, arguments)
        output.flush()
    finally:
        sys.stdin, sys.stdout = before
    return status, output.buffer.getvalue()


class _Pipe:
    """Stands in for `subprocess.Popen` of an input pipe."""

    def __init__(self, command, shell, stdout):
        assert shell and stdout == subprocess.PIPE
        self.returncode, data = _run_command(command)
        self.stdout = io.BytesIO(data)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


@pytest.fixture
def in_golden(monkeypatch):
    """Commands run in the reference's folder, and those in pipes within this process."""
    monkeypatch.chdir(GOLDEN)
    monkeypatch.setattr(streams, "subprocess", SimpleNamespace(Popen=_Pipe, PIPE=subprocess.PIPE))


@pytest.fixture
def run_command():
    """Runs a line of commands with `|` and `>`: its status, and what it prints."""
    return _run_command


LOG = Log("test")


def read(rspecifier, holder, allow_pipes=False):
    return dict(TableReader(rspecifier, holder, LOG, allow_pipes))


def write(wspecifier, holder, values, allow_pipes=False):
    with ExitStack() as stack:
        writer = TableWriter(wspecifier, holder, LOG, allow_pipes, stack)
        for key, value in values.items():
            writer.write(key, value)
