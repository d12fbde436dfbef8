"""The folder that a training writes: its settings, and a table of its epochs."""

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

from pysid.config import read_settings, to_plain
from pysid.io.claim import Changes
from pysid.io.claim import claim as claim_folder
from pysid.io.files import atomic_text
from pysid.io.lock import output_lock

# Settings that may change between a training and its resumption: they do not change what it computes.
HARMLESS = {"trainer.checkpoint_minutes", "trainer.log_steps", "trainer.n_workers", "out", "allow_pipes"}


Config = TypeVar("Config")


def alone(run: Callable[[Config], Path]) -> Callable[[Config], Path]:
    """A training that no other process may join in its folder, `out` of its configuration.

    Of the processes of one training, which their launcher numbers by RANK, the first keeps others out.

    Raises:
        DataError: another training is running there.
    """

    @wraps(run)
    def alone_in_folder(config: Any) -> Path:
        if os.environ.get("RANK", "0") != "0":
            return run(config)
        with output_lock(config.out):
            return run(config)

    return alone_in_folder


def claim(out: Path, config: Any) -> None:
    """Writes the configuration of a training into `out`, unless it holds a training with another.

    Raises:
        DataError: it does.
    """
    path = out / "train.json"
    holds_states = path.exists() and any(out.glob("state-*"))
    # Settings newer than the file get their defaults.
    old = to_plain(read_settings(type(config), path)) if holds_states else None
    claim_folder(path, old, to_plain(config), _describe, HARMLESS)


def _describe(changes: Changes) -> str:
    listed = (f"{name} (was {old}, is {new})" for name, (old, new) in sorted(changes.items()))
    return f"a training with other settings: {', '.join(listed)}"


def write_table(path: Path, rows: list[dict[str, Any]]) -> None:
    """Epochs as tab-separated values with a heading."""
    if not rows:
        return
    columns = list(rows[-1])
    with atomic_text(path) as file:
        print(*columns, sep="\t", file=file)
        for row in rows:
            print(*(f"{row[c]:.6g}" if c in row else "" for c in columns), sep="\t", file=file)
