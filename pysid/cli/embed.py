"""`pysid embed`: speaker embeddings."""

from pathlib import Path
from typing import Annotated

import typer

from pysid.cli.common import AllowPipes, Device, Model, report_skipped


def embed(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT...",
            help="Audio files; or one wav.scp, one data directory, or network input as scp:FILE or ark:FILE.",
        ),
    ],
    out: Annotated[Path, typer.Argument(help="OUT.ark (an OUT.scp comes with it) or OUT.npz.")],
    model: Model = None,
    device: Device = "cpu",
    allow_pipes: AllowPipes = False,
) -> None:
    """Compute one embedding an utterance (Kaldi's x-vector).

    Unreadable utterances are skipped and listed at the end. Writing an archive, a second run goes on where a first
    one was stopped.

    Example: pysid embed data/test/wav.scp exp/test.ark --model exp/stat/final
    """
    import pysid
    from pysid.embed import embed_to_file, open_inputs

    opened = pysid.load(model, device)
    n_done, skipped = embed_to_file(opened, open_inputs(inputs, opened, allow_pipes), out)
    report_skipped(skipped, n_done + len(skipped))
    print(f"{out}: {n_done} embeddings")
