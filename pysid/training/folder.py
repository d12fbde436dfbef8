"""The folder that a training writes: its settings, and a table of its epochs."""

from pathlib import Path
from typing import Any

from pysid.config import read_settings, to_plain
from pysid.io.claim import Changes
from pysid.io.claim import claim as claim_folder
from pysid.io.files import atomic_text

# Settings that may change between a training and its resumption: they do not change what it computes.
HARMLESS = {"trainer.checkpoint_minutes", "trainer.log_steps", "trainer.n_workers", "out", "allow_pipes"}


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
