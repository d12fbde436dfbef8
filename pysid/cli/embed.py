"""`pysid embed`: speaker embeddings."""

from pathlib import Path
from typing import Annotated

import typer

from pysid.cli.common import (
    AllowPipes,
    AllowSkipped,
    Channel,
    Cluster,
    Device,
    Jobs,
    MaxHours,
    Model,
    Threads,
    choose_workers,
    report,
    report_skipped,
)


def embed(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT...",
            help="Audio files and folders of them; or one wav.scp, data directory, or network input as scp:FILE or "
            "ark:FILE.",
        ),
    ],
    out: Annotated[Path, typer.Argument(help="OUT.ark (an OUT.scp comes with it) or OUT.npz.")],
    model: Model = None,
    window: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="Embed windows of this length, named UTTERANCE-start-end in 1/100 s."),
    ] = None,
    shift: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="From the start of one window to that of the next.",
            show_default="the window's length",
        ),
    ] = None,
    device: Device = "cpu",
    jobs: Jobs = None,
    cluster: Cluster = None,
    threads: Threads = 1,
    channel: Channel = None,
    max_hours: MaxHours = 24.0,
    allow_pipes: AllowPipes = False,
    allow_skipped: AllowSkipped = False,
) -> None:
    """Compute one embedding per utterance (Kaldi's x-vector).

    Unreadable utterances are skipped and listed at the end. A second run resumes where the first was stopped. Neither
    that nor the number of processes or machines changes a bit of the result.

    Example: pysid embed data/test/wav.scp exp/test.ark --model exp/stat/final --jobs 8
    """
    if shift is not None and window is None:
        raise typer.BadParameter("--shift needs a --window")

    import pysid
    from pysid.diarization.windows import WindowConfig
    from pysid.io.files import require_apart
    from pysid.model.speaker_model import check_device
    from pysid.runs.embed import embed_to_file
    from pysid.runs.inputs import WindowInputs, files_read, is_stream, open_inputs

    if is_stream(inputs):
        if cluster or (jobs or 1) > 1:
            raise typer.BadParameter("ark: is read from start to end by one process; give the scp: of the archive")
        jobs = 1
    workers = choose_workers(jobs, cluster, threads, device)
    require_apart([out, *([out.with_suffix(".scp")] if out.suffix == ".ark" else [])], files_read(inputs))
    if cluster is None:
        check_device(device)
    opened = pysid.load(model, device if workers.is_here else "cpu")
    utterances = open_inputs(inputs, opened, allow_pipes, channel, max_hours)
    if channel is not None and utterances.are_features:
        raise typer.BadParameter("--channel is for recordings, and these are features")
    if window is not None:
        try:
            config = WindowConfig(duration_s=window, shift_s=window if shift is None else shift, min_s=window / 3)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
        utterances = WindowInputs(utterances, opened, config)
    n_done, skipped = embed_to_file(opened, utterances, out, workers)
    report(f"{out}: {n_done} embeddings")
    report_skipped(skipped, n_done + len(skipped), allow_skipped)
