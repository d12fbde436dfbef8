"""One run of a stand-in for a Kaldi program: its command line, its tables and files, its messages."""

from collections.abc import Callable, Container, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeVar

from pysid.errors import DataError
from pysid.io.kaldi.files import new_writer, reader_for
from pysid.io.kaldi.reader import Reader, Writer
from pysid.kaldi.command_line import CommandLine, Option
from pysid.kaldi.holders import Holder
from pysid.kaldi.log import Log
from pysid.kaldi.specifiers import split_range
from pysid.kaldi.streams import open_input, open_output, printable_input
from pysid.kaldi.tables import Lookup, TableReader, TableWriter

V = TypeVar("V")


class Run:
    """What a program works with. Files that it writes are complete when `stack` closes.

    Attributes:
        options: the value of every option, by name.
        given: the text of the options that were given.
        arguments: the other arguments.
        log: for messages.
        allow_pipes: whether commands in lists of files run; those on the command line always do.
    """

    def __init__(self, line: CommandLine, log: Log, allow_pipes: bool, stack: ExitStack) -> None:
        self.options: dict[str, Any] = line.options
        self.given = line.given
        self.arguments = line.arguments
        self.log = log
        self.allow_pipes = allow_pipes
        self.stack = stack

    def read(self, rspecifier: str, holder: Holder[V]) -> Iterator[tuple[str, V]]:
        """Keys and values of a table, in its order."""
        return iter(TableReader(rspecifier, holder, self.log, self.allow_pipes))

    def lookup(self, rspecifier: str, holder: Holder[V]) -> Lookup[V]:
        """A table's values by key."""
        return Lookup(TableReader(rspecifier, holder, self.log, self.allow_pipes))

    def write(self, wspecifier: str, holder: Holder[V]) -> TableWriter[V]:
        """A table to write."""
        return TableWriter(wspecifier, holder, self.log, self.allow_pipes, self.stack)

    def input(self, name: str) -> BinaryIO:
        """An opened extended file name."""
        return self.stack.enter_context(open_input(name, self.log))

    def output(self, name: str) -> BinaryIO:
        """An extended file name to write to."""
        return self.stack.enter_context(open_output(name, self.log))

    def load(self, name: str, parse: Callable[[Reader], V], select: Callable[[V, str], V] | None = None) -> V:
        """One object of Kaldi's, binary or text.

        Args:
            name: an extended file name, with a range where `select` is given.
            parse: what reads the object.
            select: see `Holder.select`.
        """
        path, bounds = split_range(name) if select else (name, "")
        with open_input(path, self.log) as file:
            value = parse(reader_for(file.read(), printable_input(path)))
        if not bounds or select is None:
            return value
        try:
            return select(value, bounds)
        except ValueError as error:
            raise DataError(f"{name}: {error}") from None

    def save(self, name: str, put: Callable[[Writer], None], *, binary: bool) -> None:
        """Writes one object; `put` writes it into a writer.

        Args:
            name: a wxfilename, such as "-" or a path.
            put: what to write.
            binary: whether to write Kaldi's binary format instead of text.
        """
        writer = new_writer(binary)
        put(writer)
        with open_output(name, self.log) as file:
            file.write(writer.content())


@dataclass(frozen=True)
class Program:
    """A stand-in for a Kaldi program.

    Attributes:
        usage: what it does and how it is called.
        n_arguments: how many arguments there may be.
        main: runs it; the exit status.
        options: besides the standard ones.
    """

    usage: str
    n_arguments: Container[int]
    main: Callable[[Run], int]
    options: tuple[Option, ...] = ()
