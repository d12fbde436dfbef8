"""Tables of a million lines in a few pieces of memory, instead of a million objects.

A dict of strings takes three times the memory of its text; and processes that were forked, such as those that read
training batches, soon have their own copies of it, as Python writes into every object that it touches.
"""

from array import array
from bisect import bisect_left
from collections.abc import ItemsView, Iterable, Iterator, Mapping, Sequence, ValuesView
from itertools import pairwise
from typing import Any, Protocol, TypeVar, overload

import numpy as np

from pysid.io.files import PathLike
from pysid.io.table_formats import TableFormat
from pysid.io.tables import read_keyed
from pysid.io.text import read_rows

Value = TypeVar("Value")
Value_co = TypeVar("Value_co", covariant=True)


class Column(Protocol[Value]):
    """What values can be gathered in: `PackedStrings`, `Labels`, `array`, `list`."""

    def append(self, value: Value, /) -> None:
        """Adds a value at the end."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> Value: ...
    def __iter__(self) -> Iterator[Value]: ...


class PackedStrings(Sequence[str]):
    """Strings one after the other.

    >>> list(PackedStrings(["a", "", "bc"]))
    ['a', '', 'bc']
    """

    def __init__(self, strings: Sequence[str] = ()) -> None:
        self._text = bytearray()
        self._ends = array("q")
        for string in strings:
            self.append(string)

    def append(self, string: str) -> None:
        """Adds a string at the end, kept as UTF-8."""
        self._text += string.encode()
        self._ends.append(len(self._text))

    def __len__(self) -> int:
        return len(self._ends)

    def __eq__(self, other: object) -> bool:
        """Whether all strings are the same: a matter of milliseconds for a million."""
        if not isinstance(other, PackedStrings):
            return NotImplemented
        return self._text == other._text and self._ends == other._ends

    __hash__ = None  # type: ignore[assignment]

    def __iter__(self) -> Iterator[str]:
        start = 0
        for end in self._ends:
            yield self._text[start:end].decode()
            start = end

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        if isinstance(index, slice):
            return Picked(self, range(len(self))[index])
        end = self._ends[index]  # also for its IndexError
        place = index % len(self)
        return self._text[self._ends[place - 1] if place else 0 : end].decode()


class Labels(Sequence[str]):
    """Strings of which there are few different ones, such as speakers."""

    def __init__(self, labels: Sequence[str] = ()) -> None:
        self._numbers: dict[str, int] = {}
        self._names: list[str] = []
        self._of = array("i")
        for label in labels:
            self.append(label)

    def append(self, label: str) -> None:
        """Adds a label at the end; a new one gets the next number."""
        number = self._numbers.setdefault(label, len(self._names))
        if number == len(self._names):
            self._names.append(label)
        self._of.append(number)

    def __len__(self) -> int:
        return len(self._of)

    def __iter__(self) -> Iterator[str]:
        return map(self._names.__getitem__, self._of)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        if isinstance(index, slice):
            return Picked(self, range(len(self))[index])
        return self._names[self._of[index]]


class Picked(Sequence[Value_co]):
    """Some items of a sequence, looked up when they are wanted.

    >>> list(Picked("abcd", [3, 0]))
    ['d', 'a']
    """

    def __init__(self, items: Sequence[Value_co], places: Sequence[int] | np.ndarray) -> None:
        self._items = items
        self._places = places

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> Value_co: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Value_co]: ...
    def __getitem__(self, index: int | slice) -> Value_co | Sequence[Value_co]:
        if isinstance(index, slice):
            return Picked(self._items, self._places[index])
        return self._items[int(self._places[index])]


class PackedTable(Mapping[str, Value]):
    """{key: value}, read-only, in the order of `names`.

    Keys are found by bisection. The tables of a directory are mostly in one order and gone through together, so the
    key of the last search and the one behind it are tried first.

    Args:
        names: the keys, each once, best in the order of the C locale.
        column: the value of each.
    Raises:
        ValueError: a key comes twice.
    """

    def __init__(self, names: Sequence[str], column: Column[Value]) -> None:
        self.names = names
        self.column = column
        self._order: Sequence[int] = range(len(names))  # places of the names, sorted
        if not all(a < b for a, b in pairwise(names)):
            self._order = array("q", sorted(range(len(names)), key=names.__getitem__))
            if any(a == b for a, b in pairwise(Picked(names, self._order))):
                raise ValueError("expected each key once")
        self._last = 0

    @classmethod
    def of(cls, table: Mapping[str, Value]) -> "PackedTable[Value]":
        """The same for any mapping; only its keys are packed."""
        if isinstance(table, PackedTable):
            return table
        return PackedTable(PackedStrings(list(table)), list(table.values()))

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self._find(key) is not None

    def __getitem__(self, key: str) -> Value:
        place = self._find(key)
        if place is None:
            raise KeyError(key)
        return self.column[place]

    def items(self) -> ItemsView[str, Value]:
        """(key, value) in the order of the names, without a search for each."""
        return _Items(self)

    def values(self) -> ValuesView[Value]:
        """Values in the order of the names."""
        return _Values(self)

    def gather(self, names: Sequence[str]) -> Iterable[Value]:
        """The value of each of `names`, without searching where they are all the keys in order."""
        return self.column if names == self.names else map(self.__getitem__, names)

    def missing(self, names: Sequence[str]) -> list[str]:
        """Those of `names` that are not among the keys."""
        return [] if names == self.names else [name for name in names if name not in self]

    def _find(self, key: str) -> int | None:
        for place in (self._last, self._last + 1):
            if place < len(self) and self.names[place] == key:
                self._last = place
                return place
        rank = bisect_left(self._order, key, key=self.names.__getitem__)
        if rank == len(self) or self.names[self._order[rank]] != key:
            return None
        self._last = self._order[rank]
        return self._last


class _Items(ItemsView[str, Value]):
    _mapping: PackedTable[Value]

    def __iter__(self) -> Iterator[tuple[str, Value]]:
        return zip(self._mapping.names, self._mapping.column, strict=True)


class _Values(ValuesView[Value]):
    _mapping: PackedTable[Value]

    def __iter__(self) -> Iterator[Value]:
        return iter(self._mapping.column)


def read_packed(path: PathLike, table_format: TableFormat[Value], column: Any) -> PackedTable[Value]:
    """A table as `tables.read_keyed` reads it, with the same errors.

    Args:
        column: an empty `Column` for the values.
    """
    names = PackedStrings()
    try:
        for _, fields in read_rows(path, table_format.row):
            column.append(table_format.parse(fields))
            names.append(fields[0])
        return PackedTable(names, column)
    except ValueError:
        read_keyed(path, table_format)  # says what is wrong in which line
        raise
