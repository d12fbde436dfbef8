"""Tables of Kaldi's programs: values by key, read in order or by key, and written.

Where a value cannot be read, Kaldi's programs end, unless the specifier says `p` (permissive).
Source: kaldi/src/util/kaldi-table-inl.h.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from typing import BinaryIO, Generic, TypeVar

from pysid.errors import DataError
from pysid.io.ark.record import read_key
from pysid.io.scp import is_pipe, resolve_entry
from pysid.io.text import RowFormat, shorten
from pysid.kaldi.holders import Holder
from pysid.kaldi.log import Log
from pysid.kaldi.specifiers import ReadSpecifier, WriteSpecifier, parse_rspecifier, parse_wspecifier, split_range
from pysid.kaldi.streams import open_input, open_output, printable_input

V = TypeVar("V")

_SCRIPT_LINE = RowFormat("key file", (2,), max_splits=1)


class TableReader(Generic[V]):
    """A table to read.

    Args:
        rspecifier: see `specifiers.parse_rspecifier`. A pipe in it runs.
        holder: the type of the values.
        log: receives a warning for what is left out.
        allow_pipes: whether commands in a list of files run, too.
    Raises:
        DataError: it is not a specifier of a table to read.
    """

    def __init__(self, rspecifier: str, holder: Holder[V], log: Log, allow_pipes: bool) -> None:
        specifier = parse_rspecifier(rspecifier)
        if specifier is None:
            raise DataError(f"expected a table to read such as ark:FILE or scp:FILE, got {rspecifier!r}")
        self.specifier: ReadSpecifier = specifier
        self.holder = holder
        self.log = log
        self.allow_pipes = allow_pipes

    def __iter__(self) -> Iterator[tuple[str, V]]:
        """Keys and values in the order of the table."""
        try:
            yield from self._script() if self.specifier.kind == "scp" else self._archive()
        except DataError as error:
            if self.specifier.kind == "scp" or not self.specifier.permissive:
                raise
            self.log.warn(f"{error}; what follows is left out, as the table is permissive")

    def script(self) -> Iterator[tuple[str, str]]:
        """The lines of a list of files: keys and extended file names."""
        name = printable_input(self.specifier.name)
        with open_input(self.specifier.name, self.log) as file:
            for number, line in enumerate(file, start=1):
                try:
                    fields = _SCRIPT_LINE.split(line)
                except ValueError as error:
                    raise DataError(f"{name}:{number}: {error}") from None
                if not fields:
                    raise DataError(f"{name}:{number}: expected 'key file', got an empty line")
                yield fields[0], fields[1]

    def load(self, name: str) -> V:
        """The value that an extended file name from a list stands for.

        Raises:
            DataError: it cannot be read, or is a command and no commands are allowed in lists.
        """
        path, bounds = split_range(name)
        if is_pipe(path) and not self.allow_pipes:
            raise DataError(
                f"{shorten(name)}: a command in a list of files runs only with `pysid kaldi --allow-pipes PROGRAM ...`"
                " or PYSID_ALLOW_PIPES=1"
            )
        if bounds and self.holder.select is None:
            raise DataError(f"{name}: expected no range: values of this type have none")
        list_name = self.specifier.name
        if not is_pipe(path) and self.specifier.kind == "scp" and not (list_name == "-" or is_pipe(list_name)):
            path = resolve_entry(path, os.path.dirname(list_name))  # one rule for all of pysid
        try:
            with open_input(path, self.log) as file:
                value = self.holder.read(file, b" ", self.log)
            return self.holder.select(value, bounds) if bounds and self.holder.select else value
        except ValueError as error:
            raise DataError(f"{name}: {error}" if not str(error).startswith(path) else str(error)) from None

    def _script(self) -> Iterator[tuple[str, V]]:
        for key, name in self.script():
            try:
                value = self.load(name)
            except DataError as error:
                if not self.specifier.permissive:
                    raise DataError(f"{key}: {error} (the flag p, as in scp,p:, leaves out what fails)") from None
                self.log.warn(f"{key}: left out: {error}")
                continue
            yield key, value

    def _archive(self) -> Iterator[tuple[str, V]]:
        name = printable_input(self.specifier.name)
        with open_input(self.specifier.name, self.log) as file:
            place = "the first key"
            while True:
                try:
                    key, separator = read_key(file)
                    if key is None:
                        return
                    place = key
                    value = self.holder.read(file, separator, self.log)
                except ValueError as error:
                    raise DataError(f"{name}: {place}: {error}") from None
                yield key, value
                place = f"the key after {key}"


class Lookup(Generic[V]):
    """Values of a table by key. An archive is read only as far as the keys asked for.

    With both flags `s` and `cs` only one value is in memory at a time; with `o` a value is dropped once asked for.
    Raises DataError as `TableReader`, for a key that a list of files has twice, and for keys that are not in the order
    that the flags promise.
    """

    def __init__(self, source: TableReader[V]) -> None:
        self._source = source
        self._flags = source.specifier
        self._last_asked = ""
        self._last_read = ""
        self._values: dict[str, V] = {}
        self._pairs = iter(source) if self._flags.kind == "ark" else None
        self._script = {} if self._pairs else self._read_script()

    def __contains__(self, key: str) -> bool:
        if self._pairs is None:
            return key in self._script and (not self._flags.permissive or self._loads(key))
        self._check_asked(key)
        while key not in self._values and not (self._flags.is_sorted and key < self._last_read):
            if not self._read_next():
                return False
        return key in self._values

    def __getitem__(self, key: str) -> V:
        if key not in self:
            raise DataError(f"{printable_input(self._flags.name)}: expected the key {key!r}, got no such key")
        if self._pairs is None and key not in self._values:
            self._values = {key: self._source.load(self._script[key])}
        return self._values.pop(key) if self._flags.once else self._values[key]

    def get(self, key: str) -> V | None:
        """The value of a key, None if there is none."""
        if key not in self:
            return None
        return self[key]

    def _read_next(self) -> bool:
        assert self._pairs is not None
        pair = next(self._pairs, None)
        if pair is None:
            return False
        key, value = pair
        if self._flags.is_sorted:
            if key <= self._last_read:
                raise self._out_of_order("s", f"{key} after {self._last_read}")
            if self._flags.called_sorted:
                self._values.clear()
        elif key in self._values:
            raise DataError(f"{printable_input(self._flags.name)}: expected each key once, got {key!r} again")
        self._values[key] = value
        self._last_read = key
        return True

    def _check_asked(self, key: str) -> None:
        if self._flags.is_sorted and self._flags.called_sorted and key < self._last_asked:
            raise self._out_of_order("cs", f"{key} asked for after {self._last_asked}")
        self._last_asked = key

    def _out_of_order(self, flag: str, what: str) -> DataError:
        name = printable_input(self._flags.name)
        return DataError(f"{name}: expected keys in order, as the flag {flag} says (LC_ALL=C sort), got {what}")

    def _read_script(self) -> dict[str, str]:
        names: dict[str, str] = {}
        for key, name in self._source.script():
            if key in names:
                raise DataError(f"{printable_input(self._flags.name)}: expected each key once, got {key!r} again")
            if self._flags.is_sorted and key <= self._last_read:
                raise self._out_of_order("s", f"{key} after {self._last_read}")
            names[key] = name
            self._last_read = key
        return names

    def _loads(self, key: str) -> bool:
        if key in self._values:
            return True
        try:
            self._values = {key: self._source.load(self._script[key])}
        except DataError as error:
            self._source.log.warn(f"{key}: left out: {error}")
            return False
        return True


class TableWriter(Generic[V]):
    """A table to write; its files are complete when `stack` closes.

    Args:
        wspecifier: see `specifiers.parse_wspecifier`.
        holder: the type of the values.
        log: receives a warning for what is left out.
        allow_pipes: whether output pipes in a list of files run.
        stack: keeps the files open.
    Raises:
        DataError: it is not a specifier of a table to write, or a file cannot be written.
    """

    def __init__(self, wspecifier: str, holder: Holder[V], log: Log, allow_pipes: bool, stack: ExitStack) -> None:
        specifier = parse_wspecifier(wspecifier)
        if specifier is None or holder.write is None:
            raise DataError(f"expected a table to write such as ark:FILE or ark,scp:FILE,FILE, got {wspecifier!r}")
        self._specifier: WriteSpecifier = specifier
        self._write = holder.write
        self._log = log
        self._allow_pipes = allow_pipes
        self._names: dict[str, str] = {}
        self._archive: BinaryIO | None = None
        self._script: BinaryIO | None = None
        self._position = 0
        if specifier.archive is None:
            self._names = self._read_script(wspecifier)
            return
        self._archive = stack.enter_context(open_output(specifier.archive, log))
        if specifier.script is not None:
            self._script = stack.enter_context(open_output(specifier.script, log))

    def write(self, key: str, value: V) -> None:
        """Appends a value.

        Raises:
            DataError: the key is empty, holds white space, or is missing from a script without an archive; or the value
                cannot be written, such as NaN in a compressed matrix.
        """
        encoded = key.encode()
        if encoded.split() != [encoded]:
            raise DataError(f"expected a key without white space, got {key!r}")
        try:
            record = self._write(value, self._specifier.binary, self._log)
        except ValueError as error:
            raise DataError(f"{key}: {error}") from None
        if self._archive is None:
            self._write_file(key, record)
            return
        self._put(self._archive, encoded + b" " + record)
        if self._script is not None:
            place = self._position + len(encoded) + 1
            self._put(self._script, encoded + f" {self._specifier.archive}:{place}\n".encode())
        self._position += len(encoded) + 1 + len(record)

    def _put(self, file: BinaryIO, data: bytes) -> None:
        file.write(data)
        if self._specifier.flush:
            file.flush()

    def _write_file(self, key: str, record: bytes) -> None:
        name = self._names.get(key)
        if name is None and self._specifier.permissive:
            return
        if name is None:
            raise DataError(f"{self._specifier.script}: expected the key {key!r}, got no such key")
        if name.startswith("|") and not self._allow_pipes:
            raise DataError(f"{key}: the command {name!r} in a list of files runs only with --allow-pipes")
        with open_output(name, self._log) as file:
            file.write(record)

    def _read_script(self, wspecifier: str) -> dict[str, str]:
        source = TableReader(
            "scp:" + wspecifier.partition(":")[2], Holder(lambda *_: None), self._log, self._allow_pipes
        )
        return dict(source.script())
