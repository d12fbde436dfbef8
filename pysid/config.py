"""Frozen dataclass configurations to and from plain JSON or YAML values, with errors that name the key."""

import math
import types
import typing
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from pysid.errors import DataError

Config = TypeVar("Config")

NAMES = {float: "a number", int: "a whole number", bool: "true or false", str: "text"}


def to_plain(config: Any) -> Any:
    """A configuration as dicts, lists, strings, numbers, booleans and None."""
    if is_dataclass(config) and not isinstance(config, type):
        return {f.name: to_plain(getattr(config, f.name)) for f in fields(config)}
    if isinstance(config, tuple | list):
        return [to_plain(x) for x in config]
    return config


def from_plain(kind: type[Config], value: Any, where: str) -> Config:
    """Builds the dataclass `kind` from plain values; the opposite of `to_plain`.

    Args:
        where: what the values are from, for messages, such as "conf/stat.yaml".
    Raises:
        DataError: an unknown or missing key, a value of the wrong type, or one the dataclass refuses.

    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Window:
    ...     length_ms: float = 25.0
    >>> from_plain(Window, {"length_ms": 20}, "a.yaml")
    Window(length_ms=20.0)
    >>> from_plain(Window, {"length": 20}, "a.yaml")
    Traceback (most recent call last):
    pysid.errors.DataError: a.yaml: unknown key 'length'; known here: length_ms
    """
    return _convert(kind, value, where, "")


def override(plain: dict[str, Any], assignments: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of nested dicts with values set by dotted names.

    >>> override({"a": {"b": 1}, "c": 2}, {"a.b": 3})
    {'a': {'b': 3}, 'c': 2}
    """
    result = dict(plain)
    for name, value in assignments.items():
        head, _, rest = name.partition(".")
        if rest:
            inner = result.get(head)
            result[head] = override(inner if isinstance(inner, dict) else {}, {rest: value})
        else:
            result[head] = value
    return result


def _convert(kind: Any, value: Any, where: str, key: str) -> Any:
    origin = get_origin(kind)
    if is_dataclass(kind):
        return _convert_dataclass(kind, value, where, key)
    if origin in (typing.Union, types.UnionType):
        return _convert_union(kind, value, where, key)
    if origin is typing.Literal:
        if value is False and "no" in get_args(kind):
            return "no"  # which YAML 1.1 reads as false
        if value not in get_args(kind):
            raise _wrong(where, key, "one of " + ", ".join(map(str, get_args(kind))), value)
        return value
    if origin is tuple:
        return _convert_tuple(kind, value, where, key)
    if kind is float:
        return _convert_float(value, where, key)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise _wrong(where, key, NAMES.get(kind, kind.__name__), value)
    return value


def _convert_float(value: Any, where: str, key: str) -> float:
    """Text is taken too, as YAML 1.1 reads 1e-3 as text."""
    number = math.nan
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        with suppress(ValueError):
            number = float(value)
    if math.isnan(number):
        raise _wrong(where, key, NAMES[float], value)
    return number


def _convert_dataclass(kind: Any, value: Any, where: str, key: str) -> Any:
    if not isinstance(value, Mapping):
        raise _wrong(where, key, "a group of settings", value)
    hints = get_type_hints(kind)
    known = {f.name: f for f in fields(kind)}
    prefix = f"{key}." if key else ""
    for name in value:
        if name not in known:
            raise DataError(f"{where}: unknown key '{prefix}{name}'; known here: {', '.join(known)}")
    for name, f in known.items():
        if name not in value and f.default is MISSING and f.default_factory is MISSING:
            raise DataError(f"{where}: missing key '{prefix}{name}'")
    arguments = {name: _convert(hints[name], x, where, prefix + name) for name, x in value.items()}
    try:
        return kind(**arguments)
    except ValueError as error:
        raise DataError(f"{where}: {key + ': ' if key else ''}{error}") from error


def _convert_union(kind: Any, value: Any, where: str, key: str) -> Any:
    options = get_args(kind)
    if value is None and type(None) in options:
        return None
    kinds = [x for x in options if is_dataclass(x) and hasattr(x, "kind")]
    if kinds and isinstance(value, Mapping) and "kind" in value:  # what tells the members of a union apart
        named = [x for x in kinds if x.kind == value["kind"]]
        if not named:
            raise _wrong(where, f"{key}.kind", "one of " + ", ".join(x.kind for x in kinds), value["kind"])
        return _convert(named[0], value, where, key)
    errors = []
    for option in (x for x in options if x is not type(None)):
        try:
            return _convert(option, value, where, key)
        except DataError as error:
            errors.append(error)
    raise errors[0]


def _convert_tuple(kind: Any, value: Any, where: str, key: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise _wrong(where, key, "a list", value)
    inner = get_args(kind)
    if len(inner) == 2 and inner[1] is Ellipsis:
        inner = (inner[0],) * len(value)
    if len(inner) != len(value):
        raise _wrong(where, key, f"a list of {len(inner)}", value)
    return tuple(_convert(k, x, where, f"{key}[{i}]") for i, (k, x) in enumerate(zip(inner, value, strict=True)))


def _wrong(where: str, key: str, expected: str, value: Any) -> DataError:
    return DataError(f"{where}: '{key}' must be {expected}, got {value!r}" if key else f"{where}: expected {expected}")
