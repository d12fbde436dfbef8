"""The folder that a training writes: its settings, which data it is of, and a table of its epochs."""

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import Any

import numpy as np

from pysid.config import read_config, to_plain
from pysid.errors import DataError
from pysid.io.claim import Changes, read_claim
from pysid.io.claim import claim as claim_folder
from pysid.io.files import atomic_text
from pysid.io.lock import output_lock
from pysid.progress import say
from pysid.training.checkpoint import latest_state, read_progress

ELSEWHERE = "go on with the data it began with, or choose another out="
START_FROM = f"{ELSEWHERE}, with start_from= to learn on from this one"
DATA_FILE = "data.json"  # beside the states: how many utterances they are trained on, and a hash of these

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


def is_first_process() -> bool:
    """Whether this process speaks and writes for the training: the only one, or the first by RANK of its launcher."""
    return os.environ.get("RANK", "0") == "0"


def alone(run: Callable[..., Path]) -> Callable[..., Path]:
    """Keeps other trainings out of a training's folder, `out` of its configuration.

    Of the processes of one training, which their launcher numbers by RANK, the first does so. A `dry_run`, which writes
    nothing, keeps nobody out.

    Raises:
        DataError: another training is running there.
    """

    @wraps(run)
    def alone_in_folder(config: Any, *, dry_run: bool = False) -> Path:
        if dry_run or not is_first_process():
            return run(config, dry_run=dry_run)
        with output_lock(config.out):
            return run(config, dry_run=dry_run)

    return alone_in_folder


def claim(
    out: Path,
    config: Any,
    data: Mapping[str, Any] | None = None,
    *,
    check: Callable[[], object] = lambda: None,
    dry_run: bool = False,
) -> None:
    """Writes the configuration of a training into `out`, unless it holds a training with another, or on other data.

    Says which of `FELT` has changed.

    Args:
        config: of the training; its `trainer` says how long it is.
        data: for `claim_data`; None where that is called later.
        check: is called where the folder holds a training to go on with, before anything is written; it raises a
            DataError where that is not possible.
        dry_run: write nothing.
    Raises:
        DataError: it does, or more is trained already than the configuration asks for.
    """
    path, state = out / "train.json", latest_state(out)
    # Settings newer than the file get their defaults.
    old = to_plain(read_config(type(config), path)) if state is not None and path.exists() else None
    may_change = HARMLESS | set(FELT)
    changes = claim_folder(path, old, to_plain(config), _describe, may_change, dry_run=True)
    if state is not None:
        _check_length(out, state, config)
        check()
    if data is not None:
        claim_data(out, data, START_FROM if hasattr(config, "start_from") else ELSEWHERE, dry_run=dry_run)
    if not dry_run:
        claim_folder(path, old, to_plain(config), _describe, may_change)
    if is_first_process():
        for name, effect in FELT.items():
            if name in changes:
                was, now = changes[name]
                say(f"{out}: going on with {name} {now} (was {was}): {effect}")


def identify(names: Sequence[str], *numbers: np.ndarray) -> dict[str, Any]:
    """What tells the data of a training from other data, as `claim` takes it; where the data lies plays no part.

    Args:
        names: (N,) of utterances or recordings.
        numbers: (N,) integers of each, such as lengths and classes.

    >>> identify(["a", "b"], np.array([300, 200]))["utterances"]
    2
    """
    digest = hashlib.sha256()
    for name in names:
        digest.update(f"{name}\n".encode())
    for column in numbers:
        digest.update(np.asarray(column).astype("<i8").tobytes())
    return {"utterances": len(names), "sha256": digest.hexdigest()}


def claim_data(out: Path, data: Mapping[str, Any], advice: str = ELSEWHERE, *, dry_run: bool = False) -> None:
    """Writes where a training begins what it is trained on, and compares it where it goes on.

    Args:
        out: folder of the training. One of an earlier version, which does not say, goes on with any data.
        data: as `identify` gives it.
        advice: what else may be done, for the message.
        dry_run: write nothing.
    Raises:
        DataError: it is to go on with other data.
    """
    if latest_state(out) is None:
        if not dry_run:
            with atomic_text(out / DATA_FILE) as file:
                json.dump(data, file, indent=2)
        return
    old = read_claim(out / DATA_FILE)
    if not old or old == data:
        return
    was, now = old.get("utterances"), data["utterances"]
    differ = f"{was} utterances, now {now}" if was != now else f"{now} utterances as now, but other ones"
    raise DataError(f"{out} holds a training on other data ({differ}: by names, lengths or speakers): {advice}")


def _check_length(out: Path, state: Path, config: Any) -> None:
    """Raises DataError where more is trained already than `config` asks for."""
    progress, trainer = read_progress(state), config.trainer
    done = {"n_epochs": progress.epoch + (progress.batch > 0), "max_steps": progress.step}
    for name, n in done.items():
        wanted = getattr(trainer, name)
        if wanted is not None and wanted < n:
            what = "epochs" if name == "n_epochs" else "steps"
            begun = " (the last of them begun)" if name == "n_epochs" and progress.batch else ""
            raise DataError(
                f"{out} holds {n} {what} already{begun}: expected trainer.{name} of {n} or more, got {wanted}"
            )


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
