"""Options, closing lines and files of figures that several subcommands share."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pysid.progress import say

if TYPE_CHECKING:
    from pysid.errors import Skipped

AllowPipes = Annotated[bool, typer.Option("--allow-pipes", help="Run entries of wav.scp that are shell commands.")]
Device = Annotated[str, typer.Option(help="cpu, cuda, or cuda:N.")]
Model = Annotated[
    str | None, typer.Option("--model", "-m", help="Model directory, ONNX file, or the name of a shipped model.")
]


class BackendKind(StrEnum):
    """What scores embeddings."""

    plda = "plda"
    cosine = "cosine"


def report_skipped(skipped: "Skipped", n_total: int) -> None:
    """Says on standard error which utterances were left out, if any."""
    if len(skipped):
        say(skipped.summary(n_total))


def write_json(path: Path, figures: dict[str, Any]) -> None:
    """Writes the figures that a subcommand has printed for programs to read."""
    import json

    from pysid.io.atomic import atomic_text

    with atomic_text(path) as file:
        json.dump(figures, file, indent=2, ensure_ascii=False, allow_nan=False)
        file.write("\n")
