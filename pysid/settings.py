"""Settings files: YAML, of which JSON is a part, as configurations."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

import yaml

from pysid.config import from_plain, override
from pysid.errors import DataError

Config = TypeVar("Config")


def read_settings(kind: type[Config], path: Path) -> Config:
    """Reads a configuration `kind` from a YAML or JSON file.

    Raises:
        DataError: no such file, not YAML, an unknown key, a value of the wrong type.
    """
    return from_plain(kind, read_plain(path), str(path))


def read_plain(path: Path, assignments: Iterable[str] = ()) -> dict[str, Any]:
    """A settings file as nested dicts, with `key.sub=value` set over it; values are YAML too.

    Raises:
        DataError: no such file, not YAML, not a mapping, or an assignment without "=".
    """
    try:
        settings = _parse(path.read_bytes(), str(path))
    except OSError as error:
        raise DataError(f"{path}: cannot read the file: {error.strerror}") from None
    if settings is None:
        settings = {}
    if not isinstance(settings, dict):
        raise DataError(f"{path}: expected 'key: value' lines, got {type(settings).__name__}")
    return override(settings, dict(map(assignment, assignments)))


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
    return name, _parse(value.encode(), text)


def _parse(text: bytes, where: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark and b"\n" in text else ""
        raise DataError(f"{where}{line}: expected YAML, got: {error.problem}") from None
    except (yaml.YAMLError, ValueError) as error:
        raise DataError(f"{where}: expected YAML, got: {' '.join(str(error).split())}") from None
