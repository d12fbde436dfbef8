"""`pysid validate`: what is wrong with a Kaldi data directory."""

from pathlib import Path
from typing import Annotated

import typer

from pysid.cli.common import put


def validate(
    directory: Annotated[Path, typer.Argument(help="Kaldi data directory: wav.scp, utt2spk, ...")],
) -> None:
    """Check a Kaldi data directory and name the file and line of all that is wrong.

    Exit status 1 if there is an error; warnings alone give 0.

    Example: pysid validate data/train
    """
    from pysid.data import validate as check

    problems = check.validate(directory)
    for problem in problems:
        put(str(problem))
    n_errors = sum(problem.level == "error" for problem in problems)
    put(f"{directory}: {n_errors} errors, {len(problems) - n_errors} warnings")
    if n_errors:
        raise typer.Exit(1)
