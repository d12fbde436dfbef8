"""Descriptors: the expressions that say which frames of which nodes a node of an nnet3 network sees.

    Append(Offset(input, -2), input, Offset(input, 2))        spliced frames
    Sum(Scale(0.66, tdnn1.dropout), tdnnf2.batchnorm)         a bypass
    Round(stats-pooling-0-10000, 1)                           statistics, at times that exist

Each is a function of time that may be undefined at some times.
Source: kaldi/src/nnet3/nnet-descriptor.{h,cc}.
"""

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pysid.errors import DataError
from pysid.io.text import shorten

Times = NDArray[np.int64]
Interval = tuple[int, int]  # first and last time, both included; empty when first > last

EVER: Interval = (-(2**62), 2**62)

_TOKEN = re.compile(r"\s*([(),]|[^\s(),]+)")
_MAX_DEPTH = 50


@dataclass(frozen=True)
class Descriptor:
    """What all descriptors share: the descriptors they are made of."""

    @property
    def sources(self) -> "tuple[Descriptor, ...]":
        """The descriptors that it is made of, none by default."""
        return ()

    def nodes(self) -> Iterator[str]:
        """Names of the nodes that the expression mentions."""
        for source in self.sources:
            yield from source.nodes()


@dataclass(frozen=True)
class Node(Descriptor):
    """The output of the node `name`."""

    name: str

    def __str__(self) -> str:
        return self.name

    def nodes(self) -> Iterator[str]:
        """Its own name."""
        yield self.name


@dataclass(frozen=True)
class Const(Descriptor):
    """`dim` times the number `value`, defined at all times."""

    value: float
    dim: int

    def __str__(self) -> str:
        return f"Const({self.value:g}, {self.dim})"


@dataclass(frozen=True)
class Combined(Descriptor):
    """Several descriptors at the same time."""

    parts: tuple[Descriptor, ...]

    @property
    def sources(self) -> tuple[Descriptor, ...]:
        """Its parts, in order."""
        return self.parts

    def __str__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(str, self.parts))})"


class Append(Combined):
    """The parts side by side; defined where all of them are."""


class Sum(Combined):
    """Their sum; defined where all of them are."""


class Failover(Combined):
    """The first of two where it is defined, else the second."""


class IfDefined(Combined):
    """The one part where it is defined, else zeros."""


class Switch(Combined):
    """Part number t modulo their number."""


@dataclass(frozen=True)
class Scale(Descriptor):
    """`factor` times the source."""

    factor: float
    source: Descriptor

    @property
    def sources(self) -> tuple[Descriptor, ...]:
        """What is scaled."""
        return (self.source,)

    def __str__(self) -> str:
        return f"Scale({self.factor:g}, {self.source})"


@dataclass(frozen=True)
class Retimed(Descriptor, ABC):
    """The source at another time."""

    source: Descriptor

    @property
    def sources(self) -> tuple[Descriptor, ...]:
        """What is taken at another time."""
        return (self.source,)

    @abstractmethod
    def times(self, times: Times) -> Times:
        """Which times of the source are seen at `times`."""

    @abstractmethod
    def hull(self, source: Interval) -> Interval:
        """An interval that holds all times at which a time in the interval `source` is seen."""


@dataclass(frozen=True)
class Offset(Retimed):
    """The source `frames` later."""

    frames: int

    def times(self, times: Times) -> Times:
        """Times of the source, for times of the result."""
        return times + self.frames

    def hull(self, source: Interval) -> Interval:
        """The interval of the source, `frames` earlier: see `Retimed.hull`."""
        return source[0] - self.frames, source[1] - self.frames

    def __str__(self) -> str:
        return f"Offset({self.source}, {self.frames})"


@dataclass(frozen=True)
class Round(Retimed):
    """The source at the multiple of `modulus` at or before t."""

    modulus: int

    def times(self, times: Times) -> Times:
        """Times of the source, for times of the result."""
        return times - times % self.modulus

    def hull(self, source: Interval) -> Interval:
        """The interval of the source, longer by up to `modulus` - 1 at its end: see `Retimed.hull`."""
        return source[0], source[1] + self.modulus - 1

    def __str__(self) -> str:
        return f"Round({self.source}, {self.modulus})"


@dataclass(frozen=True)
class ReplaceIndex(Retimed):
    """The source at the time `time`, always."""

    time: int

    def times(self, times: Times) -> Times:
        """The one time of the source, for each time of the result."""
        return np.full_like(times, self.time)

    def hull(self, source: Interval) -> Interval:
        """All times where `time` lies in the interval of the source, else none: see `Retimed.hull`."""
        return EVER if source[0] <= self.time <= source[1] else (0, -1)

    def __str__(self) -> str:
        return f"ReplaceIndex({self.source}, t, {self.time})"


def parse_descriptor(text: str) -> Descriptor:
    """Reads a descriptor.

    Raises:
        DataError: the text is not one, or uses what frame-by-frame networks have no place for (the index x).

    >>> parse_descriptor("Append(Offset(a,-1), a)")
    Append(parts=(Offset(source=Node(name='a'), frames=-1), Node(name='a')))
    >>> print(parse_descriptor("Sum(Scale(0.66, a), ReplaceIndex(b, t, 0))"))
    Sum(Scale(0.66, a), ReplaceIndex(b, t, 0))
    >>> parse_descriptor("Delay(a, 3)")
    Traceback (most recent call last):
    pysid.errors.DataError: expected a descriptor such as Append, got 'Delay' in 'Delay(a, 3)'
    """
    return _Parser(text).whole()


class _Parser:
    """Recursive descent over the tokens of one descriptor."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[str] = _TOKEN.findall(text)[::-1]  # the next one last
        self.depth = 0
        self.forms: dict[str, Callable[[], Descriptor]] = {
            "Append": lambda: Append(self.list()),
            "Sum": lambda: Sum(self.list()),
            "Switch": lambda: Switch(self.list()),
            "Failover": lambda: Failover(self.list(exactly=2)),
            "IfDefined": lambda: IfDefined(self.list(exactly=1)),
            "Scale": lambda: Scale(self.number(), self.after_comma()),
            "Const": lambda: Const(self.number(), self.integer_after_comma(at_least=1)),
            "Round": lambda: Round(self.descriptor(), self.integer_after_comma(at_least=1)),
            "Offset": self.offset,
            "ReplaceIndex": self.replace_index,
        }

    def whole(self) -> Descriptor:
        result = self.descriptor()
        if self.tokens:
            raise self.error("the end", self.tokens[-1])
        return result

    def descriptor(self) -> Descriptor:
        name = self.next("a descriptor")
        if self.tokens[-1:] != ["("]:
            if name in "(),":
                raise self.error("a descriptor", name)
            return Node(name)
        if name not in self.forms:
            raise self.error("a descriptor such as Append", name)
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise self.error(f"at most {_MAX_DEPTH} levels of brackets", name)
        self.expect("(")
        result = self.forms[name]()
        self.expect(")")
        self.depth -= 1
        return result

    def list(self, exactly: int | None = None) -> tuple[Descriptor, ...]:
        parts = [self.descriptor()]
        while self.tokens[-1:] == [","]:
            parts.append(self.after_comma())
        if exactly not in (None, len(parts)):
            raise self.error(f"{exactly} descriptors", str(len(parts)))
        return tuple(parts)

    def offset(self) -> Descriptor:
        source, frames = self.descriptor(), self.integer_after_comma()
        if self.tokens[-1:] == [","] and self.integer_after_comma() != 0:
            raise self.error("no offset in x", "one")
        return Offset(source, frames)

    def replace_index(self) -> Descriptor:
        source = self.descriptor()
        self.expect(",")
        index = self.next("an index")
        value = self.integer_after_comma()
        if index == "x" and value == 0:  # x is 0 anyway
            return source
        if index != "t":
            raise self.error("the index t", index)
        return ReplaceIndex(source, value)

    def after_comma(self) -> Descriptor:
        self.expect(",")
        return self.descriptor()

    def integer_after_comma(self, at_least: int = -(2**31)) -> int:
        self.expect(",")
        token = self.next("an integer")
        value = int(token) if re.fullmatch(r"[+-]?\d{1,10}", token) else None
        if value is None or not at_least <= value < 2**31:
            raise self.error("an integer" if at_least < 0 else f"an integer >= {at_least}", token)
        return value

    def number(self) -> float:
        token = self.next("a number")
        try:
            value = float(token)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise self.error("a number", token)
        return value

    def expect(self, token: str) -> None:
        found = self.next(f"'{token}'")
        if found != token:
            raise self.error(f"'{token}'", found)

    def next(self, expected: str) -> str:
        if not self.tokens:
            raise self.error(expected, "the end")
        return self.tokens.pop()

    def error(self, expected: str, found: str) -> DataError:
        return DataError(f"expected {expected}, got {found!r} in {shorten(self.text)}")
