"""The subcommands of `pysid`, collected.

Their modules import torch and other heavy packages inside their functions, so that `--help` stays quick.
"""

from typing import Annotated

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
from pysid.cli.verbosity import add_options

HELP = "Speaker verification and diarization: the Kaldi x-vector system in plain Python and PyTorch."

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
