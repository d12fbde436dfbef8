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
        settings = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        values = {name: yaml.safe_load(value) for name, value in map(_split, assignments)}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DataError(f"{path}: expected a YAML file, got {' '.join(str(error).split())}") from error
    if not isinstance(settings, dict):
        raise DataError(f"{path}: expected 'key: value' lines, got {type(settings).__name__}")
    return override(settings, values)


def _split(assignment: str) -> tuple[str, str]:
    name, equals, value = assignment.partition("=")
    if not equals or not name:
        raise DataError(f"expected key=value, got {assignment!r}")
    return name, value
