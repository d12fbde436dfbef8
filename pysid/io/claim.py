"""What the content of a folder was made with: a JSON file in it, so that no run goes on with another's work."""

import json
from collections.abc import Callable, Container, Mapping
from pathlib import Path
from typing import Any

from pysid.errors import DataError, one_line
from pysid.io.files import atomic_text

Changes = Mapping[str, tuple[Any, Any]]
"""{dotted name of a setting: (what it was, what it is)}."""


def claim(
    path: Path,
    old: Mapping[str, Any] | None,
    new: Mapping[str, Any],
    describe: Callable[[Changes], str],
    harmless: Container[str] = (),
    *,
    dry_run: bool = False,
) -> Changes:
    """Writes what the content of a folder is made with, unless the folder holds something made differently.

    Args:
        path: the JSON file, in the folder.
        old: what the content that is there was made with; None where there is none.
        new: what it is made with from now on.
        describe: says what the folder holds, for the message, from the settings that differ.
        harmless: settings that may differ.
        dry_run: write nothing.
    Returns:
        the harmless settings that do differ.
    Raises:
        DataError: it holds something else.
    """
    changes: dict[str, tuple[Any, Any]] = {}
    if old is not None:
        before, now = _flat(old), _flat(new)
        for name in {**now, **before}:
            if before.get(name) != now.get(name):
                changes[name] = (before.get(name), now.get(name))
        wrong = {name: change for name, change in changes.items() if name not in harmless}
        if wrong:
            raise DataError(f"{path.parent} holds {describe(wrong)}: choose another folder, or remove it")
    if not dry_run:
        with atomic_text(path) as file:
            json.dump(new, file, indent=2)
    return changes


def read_claim(path: Path) -> dict[str, Any]:
    """What `claim` wrote; empty where there is no such file.

    Raises:
        DataError: it is not JSON.
    """
    if not path.exists():
        return {}
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{path}: expected JSON, got {one_line(error)}") from None
    return plain if isinstance(plain, dict) else {}


def _flat(plain: Any, prefix: str = "") -> dict[str, Any]:
    """Nested dicts as one, by dotted names."""
    if not isinstance(plain, dict):
        return {prefix: plain}
    return {k: v for key, x in plain.items() for k, v in _flat(x, f"{prefix}.{key}" if prefix else key).items()}
