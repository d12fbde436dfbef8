"""The console command `pysid`: turns errors into one line and an exit status.

Nothing that takes time is imported before `main` runs, so that Ctrl-C is one line from the start.
"""

import os
import sys
import traceback
import warnings
from typing import Any

from pysid.errors import DataError, PysidWarning, shown

INTERRUPTED = 130  # exit status after Ctrl-C: 128 and the number of the signal

_said: set[str] = set()  # warnings of the command that runs


def main() -> None:
    """Runs the command line: exit status 0, 1 with one line on bad data, 2 on wrong usage, 130 after Ctrl-C."""
    try:
        _run()
    except KeyboardInterrupt:
        print("pysid: stopped", file=sys.stderr)
        sys.exit(INTERRUPTED)


def _run() -> None:
    from pysid.cli import commands
    from pysid.cli.verbosity import CURRENT

    warnings.showwarning = _show_warning
    _said.clear()
    CURRENT.quiet = CURRENT.verbose = False
    CURRENT.apply()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # what a console cannot show must not end the work
    try:
        commands.app()
    except SystemExit as end:
        if end.code == INTERRUPTED:  # raised by Typer, which prints nothing itself
            raise KeyboardInterrupt from None
        raise
    except DataError as error:
        if CURRENT.verbose:
            traceback.print_exc()
        sys.exit("pysid: " + shown(" ".join(str(error).splitlines())))
    except BrokenPipeError:
        # The reader of our output has gone (`pysid ... | head`): no error, and nothing more to flush to it.
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        sys.exit(1)
    except OSError as error:
        where = f"{shown(error.filename)}: " if error.filename else ""
        sys.exit(f"pysid: {where}{error.strerror or error}")
    except MemoryError:
        sys.exit("pysid: there is not enough memory")


def _show_warning(message: Any, category: Any, filename: str, lineno: int, file: Any = None, line: Any = None) -> None:
    """Our own warnings are for the user, one line each; those of libraries are not.

    Python says a warning once, but says all again after any library's `catch_warnings`.
    """
    from pysid.cli.verbosity import CURRENT

    if issubclass(category, PysidWarning):
        if str(message) not in _said:
            _said.add(str(message))
            print(f"pysid: warning: {shown(message)}", file=sys.stderr)
    elif CURRENT.verbose:
        print(f"{filename}:{lineno}: {category.__name__}: {shown(message)}", file=sys.stderr)
