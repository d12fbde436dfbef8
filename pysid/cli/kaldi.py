"""`pysid kaldi`: stand-ins for Kaldi's programs."""

from typing import Annotated

import typer

CONTEXT_SETTINGS = {"ignore_unknown_options": True, "allow_interspersed_args": False, "help_option_names": []}
"""For `app.command`: the options are those of the program, not ours."""


def kaldi(
    words: Annotated[list[str] | None, typer.Argument(metavar="PROGRAM ARGUMENTS...", show_default=False)] = None,
) -> None:
    """Run the stand-in for a program of Kaldi's, such as compute-mfcc-feats: same options, same files.

    Example: pysid kaldi copy-feats scp:feats.scp ark,t:-

    `pysid kaldi --install-shims DIR` writes an executable for each program; with DIR first on PATH, Kaldi's shell
    scripts run on pysid.
    """
    from pysid.kaldi.__main__ import main

    raise typer.Exit(main(words or []))
