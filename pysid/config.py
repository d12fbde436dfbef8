"""Frozen dataclass configurations to and from plain values, YAML and JSON files, with errors that name the key.

A settings file is YAML, of which JSON is a part.
"""

import json
import math
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import yaml

from pysid.errors import DataError, one_line
from pysid.io.files import atomic_text, read_bytes

Config = TypeVar("Config")

FORMAT = 1  # of the JSON files of a model

MERGE = "tag:yaml.org,2002:merge"  # of the key <<
LARGEST_YAML = 1 << 20  # bytes
MOST_ALIASES, MOST_DIGITS = 100, 100

NAMES = {float: "a number", int: "a whole number", bool: "true or false", str: "text"}


def to_plain(config: Any) -> Any:
    """A configuration as dicts, lists, strings, numbers, booleans and None."""
    if is_dataclass(config) and not isinstance(config, type):
        return {f.name: to_plain(getattr(config, f.name)) for f in fields(config)}
    if isinstance(config, tuple | list):
        return [to_plain(x) for x in config]
    return config


class Origin:
    """Where values are from, for messages: a file, and `key.sub=value` of a command line, which overrides it.

    >>> origin = Origin("a.yaml", ["trainer.n_epochs=0"])
    >>> origin.at("trainer.n_epochs"), origin.at("trainer"), origin.at("head.loss")
    ('trainer.n_epochs=0', 'trainer.n_epochs=0', 'a.yaml')
    """

    def __init__(self, file: str, assignments: Iterable[str] = ()) -> None:
        self.file = file
        self._assignments = {text.partition("=")[0]: text for text in assignments}

    def at(self, key: str) -> str:
        """The source to name in an error about a setting, given its dotted name."""
        of_it = [x for name, x in self._assignments.items() if key and (_within(name, key) or _within(key, name))]
        return " ".join(of_it) or self.file


def _within(key: str, other: str) -> bool:
    return f"{key}.".startswith((f"{other}.", f"{other}["))


def from_plain(kind: type[Config], value: Any, where: str | Origin) -> Config:
    """Builds the dataclass `kind` from plain values; the opposite of `to_plain`.

    Args:
        where: what the values are from, for messages, such as "conf/stat.yaml".
            A union of configurations that have a `kind` takes the first of them where none is given.
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
    return _convert(kind, value, where if isinstance(where, Origin) else Origin(where), "")


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


def _convert(kind: Any, value: Any, where: Origin, key: str) -> Any:
    origin = get_origin(kind)
    if is_dataclass(kind):
        return _convert_dataclass(kind, value, where, key)
    if origin in (typing.Union, types.UnionType):
        return _convert_union(kind, value, where, key)
    if origin is typing.Literal:
        if value is False and "no" in get_args(kind):
            return "no"  # which YAML 1.1 reads as false
        if value not in get_args(kind):
            raise _wrong_value(where, key, "one of " + ", ".join(map(str, get_args(kind))), value)
        return value
    if origin is tuple:
        return _convert_tuple(kind, value, where, key)
    if kind is float:
        return _convert_float(value, where, key)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise _wrong_value(where, key, NAMES.get(kind, kind.__name__), value)
    return value


def _convert_float(value: Any, where: Origin, key: str) -> float:
    """Text is accepted too, as YAML 1.1 reads 1e-3 as text."""
    number = math.nan
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        with suppress(ValueError):
            number = float(value)
    if math.isnan(number):
        raise _wrong_value(where, key, NAMES[float], value)
    return number


def _convert_dataclass(kind: Any, value: Any, where: Origin, key: str, kinds: Sequence[Any] = ()) -> Any:
    """`kinds` are those that the group could have instead."""
    if not isinstance(value, Mapping):
        raise _wrong_value(where, key, "a group of settings", value)
    hints = get_type_hints(kind)
    known = {f.name: f for f in fields(kind)}
    prefix = f"{key}." if key else ""
    for name in value:
        if name not in known:
            others = " or ".join(x.kind for x in kinds if any(f.name == name for f in fields(x)))
            raise DataError(
                f"{where.at(prefix + str(name))}: unknown key '{prefix}{name}'; known here: {', '.join(known)}"
                + (f"; {prefix}kind={others} has it" if others else "")
            )
    for name, f in known.items():
        if name not in value and f.default is MISSING and f.default_factory is MISSING:
            raise DataError(f"{where.file}: missing key '{prefix}{name}'")
    arguments = {name: _convert(hints[name], x, where, prefix + name) for name, x in value.items()}
    try:
        return kind(**arguments)
    except ValueError as error:
        raise DataError(f"{where.at(key)}: {key + ': ' if key else ''}{error}") from error


def _convert_union(kind: Any, value: Any, where: Origin, key: str) -> Any:
    options = get_args(kind)
    if value is None and type(None) in options:
        return None
    kinds = [x for x in options if is_dataclass(x) and hasattr(x, "kind")]
    key_of_kind = f"{key}.kind" if key else "kind"
    if kinds and isinstance(value, Mapping) and "kind" in value:  # what tells the members of a union apart
        named = [x for x in kinds if x.kind == value["kind"]]
        if not named:
            raise _wrong_value(where, key_of_kind, "one of " + ", ".join(x.kind for x in kinds), value["kind"])
        return _convert_dataclass(named[0], value, where, key, kinds)
    errors = []
    for option in (x for x in options if x is not type(None)):
        try:
            found = _convert(option, value, where, key)
        except DataError as error:
            errors.append(error)
            continue
        if errors and kinds and isinstance(value, Mapping):  # nobody asked for another kind than the first
            raise DataError(f"{errors[0]}; for another kind, set {key_of_kind} to {' or '.join(x.kind for x in kinds)}")
        return found
    raise errors[0]


def _convert_tuple(kind: Any, value: Any, where: Origin, key: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise _wrong_value(where, key, "a list", value)
    inner = get_args(kind)
    if len(inner) == 2 and inner[1] is Ellipsis:
        inner = (inner[0],) * len(value)
    if len(inner) != len(value):
        raise _wrong_value(where, key, f"a list of {len(inner)}", value)
    return tuple(_convert(k, x, where, f"{key}[{i}]") for i, (k, x) in enumerate(zip(inner, value, strict=True)))


def _wrong_value(where: Origin, key: str, expected: str, value: Any) -> DataError:
    place = where.at(key)
    return DataError(f"{place}: '{key}' must be {expected}, got {value!r}" if key else f"{place}: expected {expected}")


def read_plain(path: Path, assignments: Iterable[str] = (), *, repeats: bool = False) -> dict[str, Any]:
    """A settings file as nested dicts, overridden by `key.sub=value`; these values are YAML too.

    Args:
        repeats: take the last where a key comes more than once in a group, as for files of other toolkits.
    Raises:
        DataError: no such file, not YAML, not a mapping, a key that comes twice, or an assignment without "=".
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot read the file: {error.strerror}") from None
    return override(parse_plain(text, str(path), repeats=repeats), dict(map(assignment, assignments)))


def read_config(
    kind: type[Config],
    path: Path,
    assignments: Iterable[str] = (),
    change: Callable[[dict[str, Any]], dict[str, Any]] = lambda plain: plain,
) -> Config:
    """Reads a configuration `kind` from a YAML or JSON file, with `key.sub=value` set over it.

    Args:
        change: what is done to the plain values before they are checked.
    Raises:
        DataError: no such file, not YAML, an assignment without "=", a key that is unknown or comes twice, a value of
            the wrong type.
    """
    given = list(assignments)
    return from_plain(kind, change(read_plain(path, given)), Origin(str(path), given))


def parse_plain(text: bytes, where: str, *, repeats: bool = False) -> dict[str, Any]:
    """The text of a settings file as nested dicts.

    Args:
        where: what the text is from, for messages.
        repeats: as of `read_plain`.
    Raises:
        DataError: it is not YAML, not a mapping, or a key comes twice.

    >>> parse_plain(b"rate: 1\\nlevel: 2\\nrate: 3\\n", "a.yaml")
    Traceback (most recent call last):
    pysid.errors.DataError: a.yaml:3: expected each key once, got 'rate' a second time after line 1
    """
    settings = _parse_yaml(text, where, repeats)
    if settings is None:
        return {}
    if not isinstance(settings, dict):
        raise DataError(f"{where}: expected 'key: value' lines, got {type(settings).__name__}")
    return settings


def assignment(text: str) -> tuple[str, Any]:
    """The name and the value, which is YAML, of `key.sub=value`.

    Raises:
        DataError: there is no "=", or the value is not YAML.

    >>> assignment("trainer.n_epochs=3")
    ('trainer.n_epochs', 3)
    """
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise DataError(f"expected key=value, got {text!r}")
    return name, _parse_yaml(value.encode(), text)


def _parse_yaml(text: bytes, where: str, repeats: bool = False) -> Any:
    if len(text) > LARGEST_YAML:
        raise DataError(f"{where}: expected at most {LARGEST_YAML} bytes of YAML, got {len(text)}")
    try:
        return yaml.load(text, _Loader if repeats else _OnceLoader)  # of SafeLoader's kind
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark and b"\n" in text else ""
        if isinstance(error, _RepeatedKeyError):
            raise DataError(f"{where}{line}: expected each key once, got {error.problem}") from None
        raise DataError(f"{where}{line}: expected YAML, got: {error.problem}") from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise DataError(f"{where}: expected YAML, got: {one_line(error)}") from None
    except RecursionError:
        raise DataError(f"{where}: expected YAML, got too many levels of it") from None


class _Loader(yaml.SafeLoader):
    """Refuses more aliases and digits than a configuration needs: a few of either can stand for more than memory."""

    def __init__(self, stream: bytes) -> None:
        super().__init__(stream)
        self._n_aliases = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            self._n_aliases += 1
            if self._n_aliases > MOST_ALIASES:
                raise yaml.YAMLError(f"more than {MOST_ALIASES} aliases")
        return super().compose_node(parent, index)

    def construct_yaml_int(self, node: Any) -> int:
        if len(str(node.value)) > MOST_DIGITS:
            raise yaml.YAMLError(f"a number of {len(str(node.value))} digits")
        return int(super().construct_yaml_int(node))

    def construct_yaml_float(self, node: Any) -> float:
        if len(str(node.value)) > MOST_DIGITS:
            raise yaml.YAMLError(f"a number of {len(str(node.value))} digits")
        return float(super().construct_yaml_float(node))


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)
_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.construct_yaml_float)


class _RepeatedKeyError(yaml.MarkedYAMLError):
    """A key comes twice in a group."""


class _OnceLoader(_Loader):
    """Refuses a key that comes twice in a group, of which YAML's own loader would take the last."""

    def compose_mapping_node(self, anchor: Any) -> Any:
        node = super().compose_mapping_node(anchor)
        lines: dict[tuple[str, str], int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            name = (key.tag, key.value)
            if name in lines:
                problem = f"{key.value!r} a second time after line {lines[name]}"
                if key.tag == MERGE:
                    problem += ": to merge several groups, write '<<: [*first, *second]', of which the first counts"
                raise _RepeatedKeyError(problem=problem, problem_mark=key.start_mark)
            lines[name] = key.start_mark.line + 1
        return node


def read_json(path: Path) -> Any:
    """The content of a JSON file. Raises DataError if it cannot be read or is not JSON."""
    try:
        return json.loads(read_bytes(path).decode("utf-8"))
    except ValueError as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path}: expected JSON, got: {one_line(error)}") from None
    except RecursionError:
        raise DataError(f"{path}: expected JSON, got too many levels of it") from None


def read_formatted(path: Path) -> dict[str, Any]:
    """The plain values of a JSON file of a model, without the number of its format.

    Raises:
        DataError: the file cannot be read, is not JSON, or has another format.
    """
    plain = read_json(path)
    if not isinstance(plain, dict) or plain.get("format") != FORMAT:
        found = plain.get("format") if isinstance(plain, dict) else type(plain).__name__
        raise DataError(f"{path}: expected a model of format {FORMAT}, got {found!r}")
    return {key: value for key, value in plain.items() if key != "format"}


def write_formatted(path: Path, config: Any) -> None:
    """Writes a configuration as `read_formatted` reads it."""
    with atomic_text(path) as file:
        json.dump({"format": FORMAT, **to_plain(config)}, file, indent=2)
        file.write("\n")
