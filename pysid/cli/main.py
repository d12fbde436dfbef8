"""The console command `pysid`: collects the subcommands and turns errors into one line and an exit status.

Subcommand modules import torch and other heavy packages inside their functions, so that `--help` stays quick.
"""

import os
import sys
import traceback
import warnings
from typing import Annotated, Any

import typer

from pysid._version import __version__
from pysid.cli import (
    augment,
    backend,
    compare,
    convert,
    convert_turns,
    diarize,
    embed,
    evaluate,
    export,
    features,
    kaldi,
    page,
    prepare,
    score,
    speakers,
    train,
    train_activity,
    train_segmentation,
    transcript,
    validate,
    verify,
)
from pysid.cli.verbosity import CURRENT, add_options
from pysid.errors import DataError, PysidWarning, shown

INTERRUPTED = 130  # exit status after Ctrl-C: 128 and the number of the signal
HELP = "Speaker verification and diarization: the Kaldi x-vector system in plain Python and PyTorch."

_said: set[str] = set()  # warnings of the command that runs

app = typer.Typer(
    help=HELP,
    no_args_is_help=True,
    rich_markup_mode="markdown",  # whose paragraphs flow
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("diarize")(diarize.diarize)
app.command("transcript")(transcript.transcript)
app.command("page")(page.page)
app.command("convert")(convert_turns.convert)
app.command("verify")(verify.verify)
app.command("enroll")(speakers.enrol)
app.command("identify")(speakers.identify)
app.add_typer(speakers.app, name="speakers")
app.command("validate")(validate.validate)
app.command("augment")(augment.augment)
app.command("features")(features.features)
app.command("train")(train.train)
app.command("train-activity")(train_activity.train_activity)
app.command("train-segmentation")(train_segmentation.train_segmentation)
app.command("embed")(embed.embed)
app.command("fit-backend")(backend.fit_backend)
app.command("score")(score.score)
app.command("compare")(compare.compare)
app.command("convert-kaldi")(convert.convert_kaldi)
app.command("export")(export.export)
app.command("kaldi", context_settings=kaldi.CONTEXT_SETTINGS)(kaldi.kaldi)
app.add_typer(prepare.app, name="prepare")
app.add_typer(evaluate.app, name="eval")
add_options(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"pysid {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Runs the command line: exit status 0, 1 with one line on bad data, 2 on wrong usage."""
    warnings.showwarning = _show_warning
    _said.clear()
    CURRENT.quiet = CURRENT.verbose = False
    CURRENT.apply()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # what a console cannot show must not end the work
    try:
        app()
    except SystemExit as end:
        if end.code == INTERRUPTED:  # raised by Typer, which prints nothing itself
            print("pysid: stopped", file=sys.stderr)
        raise
    except KeyboardInterrupt:
        print("pysid: stopped", file=sys.stderr)
        sys.exit(INTERRUPTED)
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
    if issubclass(category, PysidWarning):
        if str(message) not in _said:
            _said.add(str(message))
            print(f"pysid: warning: {shown(message)}", file=sys.stderr)
    elif CURRENT.verbose:
        print(f"{filename}:{lineno}: {category.__name__}: {shown(message)}", file=sys.stderr)
