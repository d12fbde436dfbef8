"""How much commands say on standard error: `--quiet` and `--verbose` of every one of them."""

import functools
import inspect
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, get_args

import typer

from pysid.errors import shown
from pysid.progress import LOGGER, bars

MOST_METAVAR = 16  # characters of an option's choices, beyond which a table of options would break their words


@dataclass
class Verbosity:
    """What the running command was asked to say; `verbose` shows libraries' warnings and where errors come from."""

    quiet: bool = False
    verbose: bool = False

    def apply(self) -> None:
        """Sends the lines of `pysid.progress` to standard error, as far as they are wanted."""
        LOGGER.handlers = [_StandardError()]
        LOGGER.propagate = False
        LOGGER.setLevel(logging.WARNING if self.quiet else logging.DEBUG if self.verbose else logging.INFO)
        bars(not self.quiet)


CURRENT = Verbosity()


class _StandardError(logging.Handler):
    """Prints to whatever is standard error at the time."""

    def emit(self, record: logging.LogRecord) -> None:
        print("\n".join(map(shown, record.getMessage().split("\n"))), file=sys.stderr, flush=True)


Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but warnings and errors.")]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Also show warnings of libraries, and where an error comes from.")
]


def add_options(app: typer.Typer) -> None:
    """Gives every command of `app` that takes options the two; and tables of options words that stay whole."""
    for group in app.registered_groups:
        if group.typer_instance is not None:
            add_options(group.typer_instance)
    for command in app.registered_commands:
        if command.callback is not None and not (command.context_settings or {}).get("ignore_unknown_options"):
            command.callback = _with_options(command.callback)


def _with_options(function: Callable[..., Any]) -> Callable[..., Any]:
    signature = inspect.signature(function)
    for parameter in signature.parameters.values():
        _narrow(parameter.annotation)

    @functools.wraps(function)
    def command(*, quiet: bool, verbose: bool, **arguments: Any) -> Any:
        if quiet and verbose:
            raise typer.BadParameter("--quiet and --verbose exclude each other")
        CURRENT.quiet, CURRENT.verbose = quiet, verbose
        CURRENT.apply()
        return function(**arguments)

    kind = inspect.Parameter.KEYWORD_ONLY
    added = {"quiet": Quiet, "verbose": Verbose}
    parameters = [*signature.parameters.values()]
    parameters += [inspect.Parameter(name, kind, default=False, annotation=x) for name, x in added.items()]
    command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {**function.__annotations__, **added}
    return command


def _narrow(annotation: Any) -> None:
    """Numbers have the metavar N, and choices that are longer than a column stand in the option's help."""
    kind, *metadata = get_args(annotation) or (None,)
    numbers = any(x in (int, float) for x in (kind, *get_args(kind)))
    enums = [x for x in (kind, *get_args(kind)) if isinstance(x, type) and issubclass(x, Enum)]
    for option in metadata:
        if not isinstance(option, typer.models.OptionInfo) or option.metavar is not None:
            continue
        if numbers:
            option.metavar = "N"
        if enums:
            choices = [str(x.value) for x in enums[0]]
            if len("|".join(choices)) > MOST_METAVAR:
                option.metavar = "KIND"
                option.help = f"{(option.help or '').rstrip('.')}: {', '.join(choices)}."
