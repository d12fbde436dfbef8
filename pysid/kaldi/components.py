"""Records of nnet3 components: all that a file holds of them, in the file's order.

A component stands in a file as `<Type> <Field> value <Field> value ... </Type>`. The fields came and went over
the years, so records are read by name, not by position. Source: the Read functions in
kaldi/src/nnet3/nnet-{simple,general,normalize,tdnn}-component.cc and nnet-component-itf.cc.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from pysid.errors import DataError
from pysid.kaldi.reader import Reader, Writer

Value = Any  # int, bool, np.float32, np.float64, an array, a tuple of two numbers, or None for a bare switch


@dataclass(frozen=True)
class ComponentRecord:
    """A named component.

    Attributes:
        name: as nodes refer to it.
        type: such as "AffineComponent".
        fields: names, without angle brackets, and values.
        where: the file and the place the record came from.
        closing: the token that ended it, without angle brackets.
    """

    name: str
    type: str
    fields: dict[str, Value]
    where: str = "a new component"
    closing: str = ""

    def __getitem__(self, key: str) -> Value:
        if key not in self.fields:
            raise DataError(f"{self}: expected a field <{key}>, got none")
        return self.fields[key]

    def get(self, key: str, default: Value) -> Value:
        return self.fields.get(key, default)

    def __str__(self) -> str:
        return f"{self.where}: component {self.name} ({self.type})"


def _switch(reader: Reader) -> bool | None:
    """A field that some components write as T or F, and some as a bare token that means T."""
    return None if reader.peek_token().startswith("<") else reader.boolean()


def _double(reader: Reader) -> Value:
    return reader.real(np.float64)


def _two_integers(reader: Reader) -> Value:
    return reader.integer(), reader.integer()


def _two_reals(reader: Reader) -> Value:
    return reader.real(), reader.real()


def _column_map(reader: Reader) -> Value:
    return reader.integers()


Schema = dict[str, Callable[[Reader], Value]]

_INTEGER, _REAL, _BOOLEAN = Reader.integer, Reader.real, Reader.boolean
_VECTOR, _MATRIX, _INTEGERS = Reader.vector, Reader.matrix, Reader.integers
