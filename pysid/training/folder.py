"""The folder that a training writes: its settings, and a table of its epochs."""

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from pysid.config import read_config, to_plain
from pysid.io.claim import Changes
from pysid.io.claim import claim as claim_folder
from pysid.io.files import atomic_text
from pysid.io.lock import output_lock
from pysid.progress import say

# Settings that may change between a training and its resumption: they do not change what it computes.
HARMLESS = {"trainer.checkpoint_minutes", "trainer.log_steps", "trainer.n_workers", "out", "allow_pipes"}

# Others that may, with their effect.
FELT = {
    "trainer.n_epochs": "from here on the learning rate falls as over the new number",
    "trainer.max_steps": "from here on the learning rate falls as over the new number",
    "trainer.average_epochs": "only the final model depends on it",
    "trainer.n_threads": "sums are rounded otherwise, so the weights will not be the very same",
    "trainer.device": "sums are rounded otherwise, so the weights will not be the very same",
}


def alone(run: Callable[..., Path]) -> Callable[..., Path]:
    """Keeps other trainings out of a training's folder, `out` of its configuration.

    Of the processes of one training, which their launcher numbers by RANK, the first does so. A `dry_run`, which writes
    nothing, keeps nobody out.

    Raises:
        DataError: another training is running there.
    """

    @wraps(run)
    def alone_in_folder(config: Any, *, dry_run: bool = False) -> Path:
        if dry_run or os.environ.get("RANK", "0") != "0":
            return run(config, dry_run=dry_run)
        with output_lock(config.out):
            return run(config, dry_run=dry_run)

    return alone_in_folder


def claim(out: Path, config: Any, *, dry_run: bool = False) -> None:
    """Writes the configuration of a training into `out`, unless it holds a training with another.

    Says which of `FELT` has changed.

    Args:
        dry_run: write nothing.
    Raises:
        DataError: it does.
    """
    path = out / "train.json"
    holds_states = path.exists() and any(out.glob("state-*"))
    # Settings newer than the file get their defaults.
    old = to_plain(read_config(type(config), path)) if holds_states else None
    changes = claim_folder(path, old, to_plain(config), _describe, HARMLESS | set(FELT), dry_run=dry_run)
    if int(os.environ.get("RANK", "0")) == 0:  # only one of several processes says it
        for name, effect in FELT.items():
            if name in changes:
                was, now = changes[name]
                say(f"{out}: going on with {name} {now} (was {was}): {effect}")


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
