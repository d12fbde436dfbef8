"""Progress of long work: a bar on a terminal, a plain line now and then elsewhere. Both go to standard error."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")

LINE_INTERVAL_S = 30.0  # between plain lines, so that a log of a long run stays short


def _one(_: object) -> int:
    return 1


def track(
    items: Iterable[Item],
    description: str,
    total: int | None = None,
    start: int = 0,
    weight: Callable[[Item], int] = _one,
) -> Iterator[Item]:
    """Passes `items` on while it shows how far they are.

    Args:
        total: how many there are, if `items` has no length.
        start: how many of `total` were done by an earlier run.
        weight: how many an item counts for.
    """
    if total is None and hasattr(items, "__len__"):
        total = start + len(items)  # type: ignore[arg-type]
    if sys.stderr.isatty():
        return _bar(items, description, total, start, weight)
    return _lines(items, description, total, start, weight)


def say(message: str) -> None:
    """One line on standard error."""
    print(message, file=sys.stderr, flush=True)


def _bar(
    items: Iterable[Item], description: str, total: int | None, start: int, weight: Callable[[Item], int]
) -> Iterator[Item]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(description, total=total, completed=start)
        for item in items:
            yield item
            progress.advance(task, weight(item))


def _lines(
    items: Iterable[Item], description: str, total: int | None, start: int, weight: Callable[[Item], int]
) -> Iterator[Item]:
    of = f" of {total}" if total else ""
    begun = last = time.monotonic()
    done = start
    for item in items:
        yield item
        done += weight(item)
        now = time.monotonic()
        if now - last >= LINE_INTERVAL_S:
            last = now
            rate = (done - start) / (now - begun)
            left = f", {(total - done) / rate:.0f} s left" if total else ""
            say(f"{description}: {done}{of}{left}")
    say(f"{description}: {done}{of} in {time.monotonic() - begun:.1f} s")
