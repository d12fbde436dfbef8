"""Where a training stands, on disk: written whole or not at all, so that a kill at any moment loses little.

A state is a folder `state-STEP` with what accelerate saves (weights as safetensors, the optimizer's tensors) and
`progress.json`; `sums.json` has a hash of each file. It is filled under another name and renamed; older states are
removed after that."""

import hashlib
import json
import os
import re
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

from pysid.errors import DataError, one_line

if TYPE_CHECKING:
    from accelerate import Accelerator

STATE = re.compile(r"state-(\d+)")
SUMS = "sums.json"


@dataclass
class Progress:
    """Where a training stands.

    Attributes:
        epoch, batch: the next batch to train on, both from 0.
        step: optimizer steps done.
        loss_sum, accuracy_sum: over the batches of this epoch so far; numbers or scalar tensors.
        seconds: spent in this epoch so far, over all runs.
        epochs: one row for each finished epoch.
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0
    loss_sum: Any = 0.0
    accuracy_sum: Any = 0.0
    seconds: float = 0.0
    epochs: list[dict[str, Any]] = field(default_factory=list)


def save_state(directory: Path, accelerator: "Accelerator", progress: Progress) -> None:
    """Writes the state of model, optimizer and `progress`; every process of the training calls this.

    Args:
        directory: of the training.
        accelerator: knows model, optimizer and schedule.
        progress: how far it is.
    """
    temporary = directory / ".state-unfinished"
    if accelerator.is_main_process:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
    accelerator.wait_for_everyone()
    accelerator.save_state(str(temporary))
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        (temporary / "progress.json").write_text(json.dumps(asdict(progress), default=float))
        (temporary / SUMS).write_text(json.dumps(_sums(temporary)))
        _sync_tree(temporary)
        final = directory / f"state-{progress.step:08d}"
        shutil.rmtree(final, ignore_errors=True)
        os.replace(temporary, final)
        for older in _states(directory)[:-1]:
            shutil.rmtree(older)
    accelerator.wait_for_everyone()


def load_state(directory: Path, accelerator: "Accelerator") -> Progress | None:
    """Loads the latest whole state into what the accelerator prepared; None where there is none yet.

    Raises:
        DataError: the state does not fit the model, or its files are damaged.
    """
    state = latest_state(directory)
    if state is None:
        return None
    _check(state)
    progress = read_progress(state)
    try:
        accelerator.load_state(str(state))
    except (OSError, ValueError, TypeError, KeyError, RuntimeError, EOFError, UnpicklingError) as error:
        # torch's text about a broken file is an essay on how to load it unsafely.
        broken = isinstance(error, UnpicklingError)
        reason = "a damaged file" if broken else one_line(error)
        raise DataError(f"{state}: cannot resume from this state: {reason}") from error
    return progress


def read_progress(state: Path) -> Progress:
    """How far a training was when it wrote the folder `state`.

    Raises:
        DataError: the file that says it is missing or damaged.
    """
    try:
        return Progress(**json.loads((state / "progress.json").read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"{state}: cannot resume from this state: {one_line(error)}") from error


def latest_state(directory: Path) -> Path | None:
    """The folder of the latest whole state of a training; None where there is none yet."""
    return next(reversed(_states(directory)), None)


def _sums(state: Path) -> dict[str, str]:
    """{file: SHA-256} of all files of a state but that of the sums."""
    files = sorted(path for path in state.rglob("*") if path.is_file() and path.name != SUMS)
    sums = {}
    for path in files:
        with open(path, "rb") as file:
            sums[path.relative_to(state).as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
    return sums


def _check(state: Path) -> None:
    """Raises DataError unless the files of a state are as they were written; older states have no sums."""
    if not (state / SUMS).exists():
        return
    try:
        expected, found = json.loads((state / SUMS).read_text()), _sums(state)
        wrong = sorted(name for name in {*expected, *found} if expected.get(name) != found.get(name))
    except (OSError, ValueError, AttributeError):
        wrong = [SUMS]
    if wrong:
        problem = "damaged" if (state / wrong[0]).exists() else "missing"
        raise DataError(f"{state}: cannot resume from this state: {wrong[0]} is {problem}")


def _states(directory: Path) -> list[Path]:
    """Folders of whole states, oldest first."""
    found = [x for x in directory.glob("state-*") if STATE.fullmatch(x.name)]
    return sorted(found, key=lambda x: int(x.name.removeprefix("state-")))


def _sync_tree(directory: Path) -> None:
    for path in [*directory.iterdir(), directory]:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
