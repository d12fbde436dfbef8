"""Progress of long work, and lines that say what is done: in Python, nothing is shown unless asked for.

Lines go to `logging` under the name `pysid`, at the level INFO, so `logging.basicConfig(level="INFO")` shows them.
Progress goes to a hook where there is one, see `reporting`; else to a bar on a terminal where `bars` allows it, as the
command line does; else to a line now and then.
"""

import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

Item = TypeVar("Item")
Hook = Callable[[str, int, int | None], object]
"""Is called with what is being done, how much is done, and how much there is, or None if that is not known."""

LOGGER = logging.getLogger("pysid")
LINE_INTERVAL_S = 30.0  # between plain lines, so that a log of a long run stays short

_hook: ContextVar[Hook | None] = ContextVar("pysid_progress", default=None)
_bars: ContextVar[bool] = ContextVar("pysid_bars", default=False)


@contextmanager
def reporting(hook: Hook | None) -> Iterator[None]:
    """Tells a hook, within the block, how far long work is; with None nothing changes.

    >>> with reporting(lambda what, done, total: print(what, done, total)):
    ...     _ = list(track("ab", "reading"))
    reading 0 2
    reading 1 2
    reading 2 2
    """
    before = _hook.set(_hook.get() if hook is None else hook)
    try:
        yield
    finally:
        _hook.reset(before)


def bars(shown: bool) -> None:
    """Whether a bar may be drawn on standard error where that is a terminal."""
    _bars.set(shown)


def say(message: str, level: int = logging.INFO) -> None:
    """Shows one line to whoever is watching."""
    LOGGER.log(level, "%s", message)


def _count_one(_: object) -> int:
    return 1


def track(
    items: Iterable[Item],
    description: str,
    total: int | None = None,
    start: int = 0,
    weight: Callable[[Item], int] = _count_one,
) -> Iterator[Item]:
    """Passes `items` on and shows how many are done.

    Args:
        total: how many there are, if `items` has no length.
        start: how many of `total` were done by an earlier run.
        weight: how many an item counts for.
    """
    if total is None and hasattr(items, "__len__"):
        total = start + len(items)  # type: ignore[arg-type]
    hook = _hook.get()
    if hook is not None:
        return _reported(items, description, total, start, weight, hook)
    if _bars.get() and sys.stderr.isatty():
        return _bar(items, description, total, start, weight)
    return _lines(items, description, total, start, weight)


def _reported(
    items: Iterable[Item],
    description: str,
    total: int | None,
    start: int,
    weight: Callable[[Item], int],
    hook: Hook,
) -> Iterator[Item]:
    done = start
    hook(description, done, total)
    for item in items:
        yield item
        done += weight(item)
        hook(description, done, total)


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
