"""Options and closing lines that several subcommands share."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from pysid.progress import say

if TYPE_CHECKING:
    from pysid.errors import Skipped

AllowPipes = Annotated[bool, typer.Option("--allow-pipes", help="Run entries of wav.scp that are shell commands.")]
Device = Annotated[str, typer.Option(help="cpu, cuda, or cuda:N.")]
Model = Annotated[str | None, typer.Option("--model", "-m", help="Model directory, or the name of a shipped model.")]


class BackendKind(StrEnum):
    """What scores embeddings."""

    plda = "plda"
    cosine = "cosine"


def report_skipped(skipped: "Skipped", n_total: int) -> None:
    """Says on standard error which utterances were left out, if any."""
    if len(skipped):
        say(skipped.summary(n_total))
