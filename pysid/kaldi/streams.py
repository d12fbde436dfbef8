"""Opening Kaldi's extended file names: files, places in files, standard input and output, shell pipes.

A file appears under its name when the program that writes it ends well. Source: kaldi/src/util/kaldi-io.cc.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from pysid.errors import DataError
from pysid.io.files import atomic_path
from pysid.kaldi.log import Log
from pysid.kaldi.specifiers import input_kind, output_kind, split_offset

ALLOW_PIPES = "PYSID_ALLOW_PIPES"


@contextmanager
def open_input(name: str, log: Log) -> Iterator[BinaryIO]:
    """The bytes of a file, of standard input, or of a command's output.

    Args:
        name: see `specifiers.input_kind`. A command runs in the shell: the caller must know where the name
            came from.
        log: receives a warning when a command fails. As in Kaldi that is not an error by itself: what the command
            printed counts.
    Raises:
        DataError: the name is of no known form, or the file cannot be read, or standard input is closed.
    """
    kind = input_kind(name)
    if kind == "stdin":
        if sys.stdin is None:
            raise DataError("standard input is closed")
        yield sys.stdin.buffer
    elif kind == "pipe":
        with subprocess.Popen(name.removesuffix("|"), shell=True, stdout=subprocess.PIPE) as process:
            yield cast(BinaryIO, process.stdout)
        _report(name, process, log)
    else:
        path, offset = split_offset(name)
        try:
            file = open(path, "rb")  # noqa: SIM115  closed below
        except OSError as error:
            raise DataError(f"{printable_input(name)}: cannot read the file: {error.strerror}") from None
        with file:
            if offset:  # what is not a regular file, such as <(command) in bash, cannot be moved in
                file.seek(offset)
            yield file


@contextmanager
def open_output(name: str, log: Log) -> Iterator[BinaryIO]:
    """Where bytes go: a file, standard output, or a command's standard input.

    Raises:
        DataError: the name is of no known form, or its folder does not exist, or standard output is closed.
    """
    kind = output_kind(name)
    if kind == "stdout":
        if sys.stdout is None:
            raise DataError("standard output is closed")
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    elif kind == "pipe":
        with subprocess.Popen(name[1:], shell=True, stdin=subprocess.PIPE) as process:
            yield cast(BinaryIO, process.stdin)
        _report(name, process, log)
    else:
        if not Path(name).parent.is_dir():
            raise DataError(f"{printable_output(name)}: cannot write the file: there is no folder {Path(name).parent}")
        with atomic_path(name) as temporary, open(temporary, "wb") as file:
            yield file


def printable_input(name: str) -> str:
    """The name of an input as messages show it."""
    return "standard input" if name in ("", "-") else escape(name)


def printable_output(name: str) -> str:
    """The name of an output as messages show it."""
    return "standard output" if name in ("", "-") else escape(name)


def escape(word: str) -> str:
    """A word of a command line as it can be pasted into a shell. Source: ParseOptions::Escape.

    >>> print(escape("ark:a.ark"), escape("ark:cat a |"), escape("it's"))
    ark:a.ark 'ark:cat a |' "it's"
    """
    if word and all(c.isascii() and (c.isalnum() or c in "[]~#^_-+=:.,/") for c in word):
        return word
    if "'" in word and not any(c in word for c in '"`$\\'):
        return f'"{word}"'
    return "'" + word.replace("'", "'\\''") + "'"


def _report(name: str, process: "subprocess.Popen[bytes]", log: Log) -> None:
    """The exit status as the operating system gives it, as in Kaldi's warning."""
    code = process.returncode
    if code:
        log.warn(f"Pipe {name} had nonzero return status {code << 8 if code > 0 else -code}")


def allow_pipes_in_files() -> bool:
    """Whether commands in data files may run: the user says so in the environment."""
    return os.environ.get(ALLOW_PIPES, "") not in ("", "0")
