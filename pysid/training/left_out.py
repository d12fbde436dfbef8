"""What a training goes without: recordings that cannot be read, or have no speech."""

from logging import WARNING
from pathlib import Path

from pysid.errors import DataError, Skipped, shown
from pysid.io.files import atomic_text
from pysid.progress import say
from pysid.training.folder import is_first_process

MOST_UNREADABLE = 0.25  # of the recordings of a training: with more, it is the directory that is wrong
N_LISTED = 20
LEFT_OUT_FILE = "left_out"  # in the folder of the training: an utterance and the reason a line


def tell_unreadable(skipped: Skipped, n_total: int, where: object) -> None:
    """Says which recordings a training goes without, as they cannot be read.

    Args:
        skipped: these.
        n_total: recordings, these included.
        where: what they are of, such as the data directory.
    Raises:
        DataError: they are more than `MOST_UNREADABLE` of all.
    """
    if len(skipped) > MOST_UNREADABLE * n_total:
        raise too_many_unreadable(len(skipped), n_total, where, skipped)
    tell_left_out(skipped, n_total, where, "cannot be read")


def too_many_unreadable(n: int, n_total: int, where: object, skipped: Skipped) -> DataError:
    """The error of `tell_unreadable`.

    Args:
        n: recordings, or pieces of some, that could not be read.
        n_total: that were to be read.
        where: what they are of.
        skipped: the recordings.
    """
    name, reason = next(iter(skipped.reasons.items()))
    return DataError(
        f"{where}: expected to read at least {1 - MOST_UNREADABLE:.0%} of the recordings, but {n} of {n_total} cannot "
        f"be read; the first is {shown(name)}: {shown(reason)}"
    )


def tell_left_out(skipped: Skipped, n_total: int, where: object, why: str) -> None:
    """Says in a warning how many recordings a training goes without, and which the first are; the first process alone.

    Args:
        skipped: these; nothing is said where there are none.
        n_total: recordings, these included.
        where: what they are of.
        why: what is wrong with them, such as "cannot be read".
    """
    if not skipped or not is_first_process():
        return
    say(f"{where}: training without {len(skipped)} of {n_total} recordings, which {why}:", WARNING)
    for name, reason in list(skipped.reasons.items())[:N_LISTED]:
        say(f"  {shown(name)}: {shown(reason)}", WARNING)
    if len(skipped) > N_LISTED:
        say(f"  ... and {len(skipped) - N_LISTED} more", WARNING)


def write_left_out(directory: Path, skipped: Skipped) -> None:
    """Writes a list of all recordings that a training goes without; none where it has them all.

    Args:
        directory: of the training.
        skipped: the recordings.
    """
    path = directory / LEFT_OUT_FILE
    if not skipped:
        path.unlink(missing_ok=True)
        return
    with atomic_text(path) as file:
        for name, reason in skipped.reasons.items():
            print(shown(name), shown(reason), file=file)
