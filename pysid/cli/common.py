"""Options, closing lines and files of figures that several subcommands share."""

import logging
import math
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pysid.cli.verbosity import CURRENT
from pysid.progress import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pysid.errors import Skipped
    from pysid.parallel.workers import Workers
    from pysid.segments import Turn

PLOTS = (".png", ".svg", ".pdf")
STREAMS = ("-", "/dev/stdout", "/dev/stderr")

AllowPipes = Annotated[bool, typer.Option("--allow-pipes", help="Run entries of wav.scp that are shell commands.")]
Device = Annotated[str, typer.Option(help="cpu, cuda, or cuda:N.")]
Jobs = Annotated[
    int | None,
    typer.Option("--jobs", "-j", min=1, help="Processes.", show_default="1; with --device cuda one for each GPU"),
]
CpuJobs = Annotated[int | None, typer.Option("--jobs", "-j", min=1, help="Processes.", show_default="1")]
Cluster = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="Let the workers of a Dask cluster do it, such as tcp://10.0.0.1:8786; they need the same files.",
    ),
]
Threads = Annotated[int, typer.Option(min=1, help="Threads in each process.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Open the data, make the first batch, say what would be done; write nothing.")
]
Model = Annotated[
    str | None,
    typer.Option("--model", "-m", help="Model directory, another toolkit's model, or default, xvector, campplus."),
]
Channel = Annotated[
    int | None,
    typer.Option(min=0, help="Use this channel, counted from 0.", show_default="the mean of those with sound"),
]
AllowSkipped = Annotated[
    bool, typer.Option("--allow-skipped", help="Exit status 0 although utterances had to be left out, if any is done.")
]
MaxHours = Annotated[float, typer.Option("--max-hours", min=0.0, help="Refuse longer recordings.")]


def _for_json(path: Path | None) -> Path | None:
    """Refuses a file that holds anything but JSON: a recording that stands behind --json would be lost."""
    if path is not None and path.is_file() and path.stat().st_size:
        try:
            with path.open("rb") as file:
                start = file.read(64).lstrip()
        except OSError as error:
            raise typer.BadParameter(f"{path}: {error.strerror}") from None
        if not start.startswith((b"{", b"[")):
            raise typer.BadParameter(f"{path} is there and is not JSON; expected the name of a file to write")
    return path


def check_plot(path: Path | None) -> Path | None:
    """Refuses, as the callback of an option, a file whose ending says nothing of a plot's form."""
    if path is not None and path.suffix not in PLOTS:
        raise typer.BadParameter(f"expected a name that ends in {', '.join(PLOTS)}, got {str(path)!r}")
    return path


FiguresJson = Annotated[
    Path | None,
    typer.Option(
        "--json",
        metavar="FILE",
        callback=_for_json,
        help='Write the figures here too; rates are fractions. "-" prints.',
    ),
]
AnswersJson = Annotated[
    Path | None,
    typer.Option(
        "--json", metavar="FILE", callback=_for_json, help='Write the answers here too, with all digits. "-" prints.'
    ),
]
Names = Annotated[
    list[str] | None,
    typer.Option("--name", metavar="OLD=NEW", help="Rename a speaker, such as speaker1=Anna; may be repeated."),
]


class BackendKind(StrEnum):
    """What scores embeddings."""

    plda = "plda"
    cosine = "cosine"


def choose_workers(jobs: int | None, cluster: str | None, threads: int, device: str = "cpu") -> "Workers":
    """Who does the work, from the options of a subcommand."""
    from pysid.parallel.workers import Workers

    if jobs is not None and cluster is not None:
        raise typer.BadParameter("--jobs are processes of this machine; a --cluster has workers of its own")
    return Workers(jobs, cluster, device, threads)


def check_stdin(*paths: object) -> None:
    """Refuses "-" for more than one of the files that a subcommand reads: the second would find nothing."""
    if [str(path) for path in paths].count("-") > 1:
        raise typer.BadParameter('standard input can be read once, got "-" more than once')


def renamed(turns: "Sequence[Turn]", names: "Sequence[str] | None") -> "list[Turn]":
    """The turns with speakers renamed as options OLD=NEW say.

    Raises:
        DataError: nobody has the old name.
    """
    from pysid.errors import DataError
    from pysid.io.files import name_text
    from pysid.segments import Turn

    new: dict[str, str] = {}
    for text in names or ():
        old, equals, name = text.partition("=")
        if not equals or not old or not name.strip():
            raise typer.BadParameter(f"expected OLD=NEW, got {text!r}", param_hint="--name")
        if name_text(name) != name:
            raise typer.BadParameter(f"expected OLD=NEW in UTF-8, got {text!r}", param_hint="--name")
        if new.setdefault(old, name.strip()) != name.strip():
            raise typer.BadParameter(f"{old!r} cannot be both {new[old]!r} and {name.strip()!r}", param_hint="--name")
    speakers = list(dict.fromkeys(turn.speaker for turn in turns))
    for old in new:
        if old not in speakers:
            listed = ", ".join(speakers[:8]) or "nobody"
            raise DataError(f"expected the name of a speaker, got {old!r}; those who speak: {listed}")
    return [Turn(turn.segment, new.get(turn.speaker, turn.speaker)) for turn in turns]


def put(line: str) -> None:
    """One line of what a subcommand was asked for; line ends and escape codes in names are spelt out."""
    from pysid.errors import shown
    from pysid.io.files import naming

    with naming("standard output"):
        print(shown(line), flush=True)


def report(line: str) -> None:
    """One line about what a subcommand did, where it is not asked to be --quiet."""
    if not CURRENT.quiet:
        put(line)


def report_written(path: Path) -> None:
    """Says on standard error which file was written, where standard output is for answers, or may be the file."""
    if str(path) not in STREAMS:
        say(f"wrote {path}")


def report_skipped(skipped: "Skipped", n_total: int, allowed: bool = False) -> None:
    """Lists on standard error the utterances that were left out, and ends with status 1 if there are any.

    Args:
        allowed: goes on instead.
    Raises:
        typer.Exit: there are; what could be done is written and printed by then.
    """
    if len(skipped):
        say(skipped.summary(n_total, limit=100), logging.WARNING)
        if not allowed:
            raise typer.Exit(1)


def write_json(path: Path, figures: dict[str, Any]) -> None:
    """Writes the figures that a subcommand has printed, for other programs to read; the largest number for infinity."""
    import json

    from pysid.errors import DataError
    from pysid.io.files import atomic_text, naming

    text = json.dumps(_without_infinity(figures), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    text = text.encode(errors="backslashreplace").decode()  # half characters of file names become escapes of JSON
    if str(path) in STREAMS:  # opened anew, a file behind it would lose what was printed before
        stream = sys.stderr if str(path) == "/dev/stderr" else sys.stdout
        if stream is None:
            raise DataError(f"{path}: expected an open standard output or error, and it is closed")
        with naming("standard output" if str(path) == "-" else path):
            stream.write(text)
            stream.flush()
        return
    with atomic_text(path) as file:
        file.write(text)
    report_written(path)


def _without_infinity(value: Any) -> Any:
    """A value for JSON, which has no infinity: a threshold may be one, so that all is accepted or nothing."""
    if isinstance(value, dict):
        return {key: _without_infinity(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_infinity(item) for item in value]
    return math.copysign(sys.float_info.max, value) if isinstance(value, float) and math.isinf(value) else value
