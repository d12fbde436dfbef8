"""The folder that a training writes: its settings, and a table of its epochs."""

import json
from pathlib import Path
from typing import Any

from pysid.config import read_settings, to_plain
from pysid.errors import DataError
from pysid.io.files import atomic_text

# Settings that may change between a training and its resumption: they do not change what it computes.
HARMLESS = {"trainer.checkpoint_minutes", "trainer.log_steps", "trainer.n_workers", "out", "allow_pipes"}


def claim(out: Path, config: Any) -> None:
    """Writes the configuration of a training into `out`, or checks that the one there is the same."""
    path, plain = out / "train.json", to_plain(config)
    if path.exists() and any(out.glob("state-*")):
        before = to_plain(read_settings(type(config), path))  # settings newer than the file get their defaults
        changed = [
            f"{key} (was {old}, is {new})"
            for key in sorted({**_flat(before), **_flat(plain)})
            if (old := _flat(before).get(key)) != (new := _flat(plain).get(key)) and key not in HARMLESS
        ]
        if changed:
            raise DataError(
                f"{out} holds a training with other settings: {', '.join(changed)}; choose another `out`, or remove it"
            )
    with atomic_text(path) as file:
        json.dump(plain, file, indent=2)


def _flat(plain: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(plain, dict):
        return {prefix: plain}
    return {k: v for key, x in plain.items() for k, v in _flat(x, f"{prefix}.{key}" if prefix else key).items()}


def write_table(path: Path, rows: list[dict[str, Any]]) -> None:
    """Epochs as tab-separated values with a heading."""
    if not rows:
        return
    columns = list(rows[-1])
    with atomic_text(path) as file:
        print(*columns, sep="\t", file=file)
        for row in rows:
            print(*(f"{row[c]:.6g}" if c in row else "" for c in columns), sep="\t", file=file)
